// For the tests of C tasks: boots a machine, loads migrate.ko and, if wanted, the TypeScript tasks beside it, and gives
// back what the C module counted.
import { fileURLToPath } from 'node:url';
import { Machine, type MachineOptions, type Verdict } from '../dist/machine/machine.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

export const FIXTURES = fileURLToPath(new URL('./fixtures/c/', import.meta.url));
/** As in migrate.c. */
export const Mode = {
  MIGRATE: 0,
  WAIT: 1,
  OVERFLOW_AT_SLEEP: 2,
  OVERFLOW_BY_RECURSION: 3,
  TRAP: 4,
  SLEEP_IN_INIT: 5,
  CALLS: 6,
  SWITCHES: 7,
  ATOMIC: 8,
};

let contend: Promise<CompiledModule> | null = null;

export interface Settings {
  /** Parameters of migrate.c. */
  c?: Record<string, number>;
  /** Parameters of contend.ts; it is not loaded without. */
  ts?: Record<string, number>;
  machine?: MachineOptions;
  /** Milliseconds until a machine that does not come to rest is given up. */
  patience?: number;
}
export interface Outcome {
  /** The words that migrate_exit prints; null if tasks were left, so that it was not unloaded. */
  counts: Record<string, number> | null;
  log: string[];
  verdict: Verdict;
  /** Why the machine failed, or a request to it. */
  failure: Error | null;
  /** Tasks that were left. */
  left: number;
}

export async function run_c(
  cpus: number,
  { c = {}, ts, machine: options = {}, patience = 60_000 }: Settings,
): Promise<Outcome> {
  contend ??= compileModule(`${FIXTURES}contend.ts`, { build: 'free' });
  const other = ts === undefined ? null : await contend;
  const machine = await Machine.boot({ ...options, cpus });
  let failure: Error | null = null;
  let counts: Record<string, number> | null = null;
  let left = -1;
  try {
    await machine.insmod(`${FIXTURES}migrate.ko`, { ...c, wait: other === null ? 0 : 1 });
    if (other !== null) await machine.insmod(other, ts);
    await machine.idle(patience);
    left = machine.tasks;
    if (left === 0) {
      if (other !== null) await machine.rmmod('contend');
      await machine.rmmod('migrate');
    }
  } catch (error) {
    failure = error as Error;
  }
  const { verdict } = machine;
  await machine.poweroff();
  const log = machine.records.map((r) => r.text);
  const printed = log.find((line) => line.startsWith('counter='));
  if (printed !== undefined)
    counts = Object.fromEntries([...printed.matchAll(/(\w+)=(-?\d+)/g)].map(([, name, n]) => [name!, Number(n)]));
  return { counts, log, verdict, failure, left };
}
