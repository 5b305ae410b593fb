// For tests that run a module on parallel CPUs: load, wait until all is done, unload, and what was found.
import { afterAll } from 'vitest';
import { Machine, type MachineOptions } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

afterAll(release_pools);

export interface Outcome {
  /** What dmesg prints, then what the host was told. */
  log: string;
  /** Everything went to its end, nothing was found, no wake-up was lost. */
  fine: boolean;
  /** Wake-ups of CPUs that were lost. */
  lost: number;
  /** Spin locks that were waited for. */
  contended: number;
  /** Tasks that are left and wait for good, a line each. */
  blocked: string;
}
export interface Patience {
  /** How long the module may take until it is unloaded all the same. */
  idle_ms?: number;
  /** Loads and unloads it again until something is found, or this long is over. */
  again_ms?: number;
}

const made = new Map<string, Promise<CompiledModule>>();
/** Compiled once for all tests of the file, without the type check. */
export function compiled(file: string): Promise<CompiledModule> {
  let module = made.get(file);
  if (module === undefined) made.set(file, (module = compileModule(file, { build: 'free', check: false })));
  return module;
}

/** Unloads; what still runs is stopped by module_exit, which says what it found. A module that hangs is left. */
async function unload(machine: Machine, name: string, at_rest: boolean): Promise<void> {
  const gone = machine.rmmod(name);
  gone.catch(() => undefined); // of a machine that is powered off meanwhile
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, at_rest ? 60_000 : 3000).unref())]);
}

export async function in_parallel(
  file: string,
  cpus: number,
  parameters: Record<string, number | string> = {},
  options: MachineOptions = {},
  { idle_ms = 60_000, again_ms = 0 }: Patience = {},
): Promise<Outcome> {
  const module = await compiled(file);
  const machine = await Machine.boot({ cpus, ...options });
  const lost = (): number => machine.statistics().reduce((sum, cpu) => sum + cpu.lost_wakeups, 0);
  const found = (): number => machine.verdict.oopses + machine.verdict.warnings + machine.verdict.reports + lost();
  const end = performance.now() + again_ms;
  let error = '';
  let idle = false;
  let blocked: string[] = [];
  try {
    do {
      await machine.insmod(module, parameters);
      idle = await machine.idle(idle_ms);
      blocked = machine.blocked();
      await unload(machine, module.name, idle);
      if (machine.tasks === 0) blocked = []; // they slept until module_exit woke them
    } while (idle && blocked.length === 0 && found() === 0 && performance.now() < end);
  } catch (e) {
    error = (e as Error).message;
  }
  const outcome = {
    lost: lost(),
    fine: idle && error === '' && blocked.length === 0 && found() === 0,
    contended: machine.statistics().reduce((sum, cpu) => sum + cpu.contended, 0),
    blocked: blocked.join('\n'),
    log: `${machine.dmesg().join('\n')}\n${error}${idle ? '' : '\nnot idle'}`,
  };
  await machine.poweroff();
  return outcome;
}

/**
 * A broken variant, again and again until its report is there: when it falls is the host's affair. From the third machine
 * on with chaos. Return: the log of the last machine.
 */
export async function until_caught(
  file: string,
  cpus: number,
  parameters: Record<string, number | string>,
  report: RegExp,
  options: MachineOptions = {},
  idle_ms = 20_000,
): Promise<string> {
  const end = performance.now() + 45_000;
  let log = '';
  for (let run = 0; !report.test(log) && (run < 3 || performance.now() < end); run++) {
    const chaos = run < 2 ? {} : { chaos: run };
    ({ log } = await in_parallel(
      file,
      cpus,
      parameters,
      { panic_on_oops: true, ...chaos, ...options },
      { idle_ms, again_ms: 5000 },
    ));
  }
  return log;
}
