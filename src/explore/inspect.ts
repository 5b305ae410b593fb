// Replaying under a debugger: Node's inspector, for Chrome's DevTools, VS Code and the like. One thread runs all CPUs, so
// stepping through it steps through the machine, in the order of the token.
import inspector from 'node:inspector';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';

export interface InspectAddress {
  host: string;
  /** 0: any that is free. */
  port: number;
}

/** `9229`, `127.0.0.1:9229`, `[::1]:9229`; throws UsageError. */
export function inspect_address(text: string): InspectAddress {
  const found = /^(?:(\[[\da-f:]+\]|[^:[\]]+):)?(\d+)$/i.exec(text);
  const port = Number(found?.[2] ?? NaN);
  if (found === null || port > 65535) throw new UsageError(`--inspect ${text}: no address like 9229 or 127.0.0.1:9229`);
  return { host: (found[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}

/** Opens the inspector and waits for a client that lets the program go on. Blocks. Return: closes it. */
export function wait_for_debugger({ host, port }: InspectAddress): () => void {
  try {
    inspector.open(port, host, false); // tells the address on stderr
  } catch (error) {
    throw new EnvironmentFailure(`--inspect: ${(error as Error).message}`);
  }
  if (inspector.url() === undefined) throw new EnvironmentFailure(`--inspect: cannot listen on ${host}:${port}`);
  inspector.waitForDebugger();
  return () => inspector.close();
}
