// For the tests of deferred work: a torture module in parallel until it comes to rest, and what it said.
import { fileURLToPath } from 'node:url';
import { Machine } from '../dist/machine/machine.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

const compiled = new Map<string, Promise<CompiledModule>>();
export const torture_file = (name: string): string =>
  fileURLToPath(new URL(`../modules/torture/${name}.ts`, import.meta.url));

export interface Run {
  log: string;
  fine: boolean;
}
/** One load and unload on a machine of its own. */
export async function in_parallel(
  file: string,
  cpus: number,
  parameters: Record<string, number> = {},
  patience_ms = 20_000,
  chaos?: number,
): Promise<Run> {
  const made = compiled.get(file) ?? compileModule(file, { build: 'free', check: false });
  compiled.set(file, made);
  const machine = await Machine.boot({ cpus, memory: 32 << 20, ...(chaos !== undefined && { chaos }) });
  let error = '';
  let idle = false;
  try {
    const module = await made;
    await machine.insmod(module, parameters);
    idle = await machine.idle(patience_ms);
    await Promise.race([
      machine.rmmod(module.name),
      new Promise((resolve) => setTimeout(resolve, idle ? 60_000 : 3000).unref()),
    ]);
  } catch (e) {
    error = (e as Error).message;
  }
  const { oopses, warnings, reports } = machine.verdict;
  const log = `${machine.dmesg().join('\n')}\n${error}${idle ? '' : '\nnot idle'}`;
  await machine.poweroff();
  return { log, fine: idle && error === '' && oopses + warnings + reports === 0 };
}

/**
 * A broken variant, again and again until its report is there: when it falls is the host's affair. From the third run on
 * with chaos. Return: the log of the last run.
 */
export async function until_caught(
  file: string,
  cpus: number,
  parameters: Record<string, number>,
  report: string,
): Promise<string> {
  let log = '';
  const end = performance.now() + 45_000;
  for (let run = 0; !new RegExp(report).test(log) && (run < 3 || performance.now() < end); run++)
    ({ log } = await in_parallel(file, cpus, parameters, 20_000, run < 2 ? undefined : run));
  return log;
}
