#!/usr/bin/env node
// `lockstep`: runs a command and ends with its exit code. Every error becomes one message here; a JavaScript stack is
// shown only with LOCKSTEP_DEBUG set.
import { CommanderError } from 'commander';
import { release_pools } from '../machine/pool.js';
import { SourceErrors } from '../module/errors.js';
import { LockstepError } from '../machine/errors.js';
import { Interrupt, Interrupted } from './interrupt.js';
import { Output } from './output.js';
import { exitCodeOf, program } from './program.js';

const out = new Output();
const interrupt = new Interrupt();
let exitCode = 0;

/** Errors whose message is for people, with the exit code they stand for. */
const known = (error: unknown): error is Error & { exitCode: number } =>
  error instanceof LockstepError ||
  error instanceof SourceErrors ||
  (error instanceof Error && typeof (error as { exitCode?: unknown }).exitCode === 'number');

function explain(error: unknown): number {
  out.clearStatus();
  const debug = process.env['LOCKSTEP_DEBUG'];
  if (error instanceof CommanderError) return exitCodeOf(error); // it has printed its message
  // The reader of the pipe has had enough.
  if (error instanceof Interrupted && error.exitCode === 0) return 0;
  const message = error instanceof Error ? error.message : String(error);
  const code = known(error) ? error.exitCode : 3;
  const kind =
    error instanceof SourceErrors ? 'source' : error instanceof Error && known(error) ? error.name : 'internal';
  out.result({
    exitCode: code,
    error: { kind, message, ...(error instanceof SourceErrors && { problems: error.errors }) },
  });
  if (debug && error instanceof Error) out.error(error.stack ?? message);
  else if (known(error))
    out.error(error instanceof SourceErrors && code === 2 ? `the source was refused\n\n${message}` : message);
  else out.error(`${message}\n  This is a fault of Lockstep itself. LOCKSTEP_DEBUG=1 shows where.`);
  return code;
}

/** Whatever nobody waited for. */
function fatal(error: unknown): void {
  process.exit(explain(error));
}

async function main(): Promise<void> {
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  // Node's own warnings would show with a process id and a hint for developers of Node.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.message.startsWith('lockstep: ')) out.error(`warning: ${warning.message.slice(10)}`);
    else if (process.env['LOCKSTEP_DEBUG']) console.error(warning);
  });
  interrupt.install();
  out.onClosed = () => interrupt.end(0, 'nobody reads the output any more');
  try {
    await program(out, interrupt, (code) => (exitCode = code)).parseAsync();
  } catch (error) {
    exitCode = explain(error);
  }
  await release_pools();
  process.exit(exitCode);
}

await main();
