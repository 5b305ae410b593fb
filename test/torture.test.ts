// The torture modules at 2, 8 and 64 CPUs, each beside a broken control that must be caught. The rounds here are few;
// scripts/torture.mjs runs the same with a million, and docs/torture.md has what it found.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { Machine, type MachineOptions } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

const NAMES = ['idle-wakeup', 'ipi-storm', 'spin', 'mutex', 'waiting', 'kthreads', 'timers', 'memory', 'sleeping'];
const modules = new Map<string, CompiledModule>();
beforeAll(async () => {
  for (const name of NAMES)
    modules.set(
      name,
      await compileModule(fileURLToPath(new URL(`../modules/torture/${name}.ts`, import.meta.url)), {
        build: 'free',
        check: false,
      }),
    );
}, 60_000);
afterAll(release_pools);

interface Outcome {
  log: string;
  /** Everything went to its end, nothing was found, no wake-up was lost. */
  fine: boolean;
  lost: number;
}
async function torture(
  name: string,
  cpus: number,
  parameters: Record<string, number>,
  options: MachineOptions = {},
  patience_ms = 90_000,
): Promise<Outcome> {
  // A control that was caught need not go on.
  const machine = await Machine.boot({ cpus, panic_on_oops: true, ...options });
  let idle = false;
  let error = '';
  try {
    const module = modules.get(name)!;
    await machine.insmod(module, parameters);
    idle = await machine.idle(patience_ms);
    // What still runs is stopped by module_exit, which says what it found; a machine that hangs does not get there.
    await Promise.race([
      machine.rmmod(module.name),
      new Promise((resolve) => setTimeout(resolve, idle ? 60_000 : 3000).unref()),
    ]);
  } catch (e) {
    error = (e as Error).message;
  }
  const { oopses, warnings, reports } = machine.verdict;
  const lost = machine.statistics().reduce((sum, cpu) => sum + cpu.lost_wakeups, 0);
  const log = `${machine.dmesg().join('\n')}\n${error}${idle ? '' : '\nnot idle'}`;
  await machine.poweroff();
  return { log, lost, fine: idle && error === '' && oopses + warnings + reports + lost === 0 };
}

/** Total work, shared by the CPUs: it has to fit two cores. */
const share = (total: number, cpus: number): number => Math.ceil(total / cpus);
/** A control goes on until it is caught: how many rounds that takes is the host's affair. */
const UNTIL_CAUGHT = { rounds: 1_000_000_000, until_caught: 1 };
const CPUS = [2, 8, 64];

describe.each(CPUS)('on %d CPUs', (cpus) => {
  const fine = async (name: string, parameters: Record<string, number>): Promise<void> => {
    const outcome = await torture(name, cpus, parameters);
    expect(outcome, outcome.log).toMatchObject({ fine: true, lost: 0 });
  };
  const caught = async (
    name: string,
    parameters: Record<string, number>,
    options: MachineOptions,
    by: RegExp,
    patience_ms = 40_000,
  ): Promise<void> => {
    const outcome = await torture(name, cpus, parameters, options, patience_ms);
    expect(outcome.fine, outcome.log).toBe(false);
    expect(outcome.log).toMatch(by);
  };

  test(
    'no wake-up of a CPU that goes idle is lost',
    () => fine('idle-wakeup', { rounds: share(cpus > 8 ? 4000 : 12_000, cpus) }),
    120_000,
  );
  test('control: a CPU that looks before it announces that it sleeps loses one', async () => {
    const broken = { break_for_test: ['look-before-announce'] };
    let outcome = await torture('idle-wakeup', cpus, { rounds: 1_000_000 }, broken, 3500);
    for (let run = 1; run < 8 && outcome.lost === 0; run++)
      outcome = await torture('idle-wakeup', cpus, { rounds: 1_000_000 }, broken, 3500);
    expect(outcome.lost, outcome.log).toBeGreaterThan(0);
  }, 60_000);
  test(
    'control: a task that looks before it says that it sleeps is left asleep',
    () => caught('idle-wakeup', { rounds: 20_000, broken: 1 }, {}, /lost wake-up: \d+ of/, 20_000),
    60_000,
  );

  test(
    'every call to another CPU runs once, there, and before a call that waits returns',
    () => fine('ipi-storm', { rounds: share(12_000, cpus) }),
    120_000,
  );
  test(
    'control: a call that is announced before it is written is caught',
    () =>
      caught(
        'ipi-storm',
        UNTIL_CAUGHT,
        { break_for_test: ['call-before-fill'] },
        /kernel panic|calls sent|broken invariants/,
      ),
    60_000,
  );
  test(
    'control: relying on a call without waiting for it is caught',
    () => caught('ipi-storm', { ...UNTIL_CAUGHT, broken: 1 }, {}, /a call that was waited for had not run/),
    60_000,
  );

  test(
    'spin locks exclude, nested and with interrupts on top',
    () => fine('spin', { rounds: share(cpus > 8 ? 15_000 : 40_000, cpus) }),
    120_000,
  );
  test(
    'control: a lock that is taken without compare-exchange is caught',
    () =>
      caught(
        'spin',
        UNTIL_CAUGHT,
        { break_for_test: ['lock-without-cas'] },
        /does not hold it|was in it|came into the section|increments were lost|soft lockup|not idle/,
        20_000,
      ),
    60_000,
  );
  test(
    'control: no lock is caught',
    () => caught('spin', { ...UNTIL_CAUGHT, broken: 1 }, {}, /increments were lost|broken invariants/),
    60_000,
  );
  test(
    'control: a lock of a handler that is taken with interrupts on is caught',
    () => caught('spin', { ...UNTIL_CAUGHT, broken: 2 }, {}, /spin lock recursion/),
    90_000,
  );
});

describe.each([2, 16])('on %d CPUs', (cpus) => {
  const fine = async (name: string, parameters: Record<string, number>): Promise<void> => {
    const outcome = await torture(name, cpus, parameters);
    expect(outcome, outcome.log).toMatchObject({ fine: true, lost: 0 });
  };
  test('a mutex excludes, sleepers and stealers alike', () => fine('mutex', { rounds: share(1500, cpus) }), 60_000);
  test(
    'a mutex is handed over to those that its owner keeps out',
    () => fine('mutex', { rounds: share(300, cpus), hog: 1 }),
    60_000,
  );
  test(
    'completions and wait queues lose no item and no waiter',
    () => fine('waiting', { rounds: share(6000, cpus) }),
    60_000,
  );
  test(
    'threads that are stopped before, during and after they run',
    () => fine('kthreads', { rounds: share(2000, cpus) }),
    60_000,
  );
  test(
    'timers that all CPUs arm, move and delete run once or not',
    () => fine('timers', { rounds: share(4000, cpus) }),
    60_000,
  );
  test(
    'memory that all CPUs allocate and free is nobody else’s',
    () => fine('memory', { rounds: share(10_000, cpus) }),
    60_000,
  );
  test(
    'memory that runs out gives NULL, and all of it comes back',
    () => fine('memory', { rounds: share(3000, cpus), hoard: 1 }),
    60_000,
  );
  test(
    'sleeps last at least as long as they should, softirqs run when they may',
    () => fine('sleeping', { rounds: 8 }),
    60_000,
  );
});

describe('controls', () => {
  const caught = async (
    name: string,
    cpus: number,
    parameters: Record<string, number>,
    options: MachineOptions,
    by: RegExp,
  ): Promise<void> => {
    const patience_ms = parameters['until_caught'] === 1 ? 30_000 : 2500;
    const outcome = await torture(name, cpus, parameters, options, patience_ms);
    expect(outcome.fine, outcome.log).toBe(false);
    expect(outcome.log).toMatch(by);
  };
  test(
    'a trylock whose answer is ignored',
    () =>
      caught('mutex', 2, { ...UNTIL_CAUGHT, broken: 1 }, {}, /somebody was in it|came into the section|does not hold/),
    60_000,
  );
  test(
    'a mutex that is never handed over: its owner keeps the others out',
    () => caught('mutex', 8, { rounds: 4000, hog: 1 }, { break_for_test: ['no-handoff'] }, /not idle/),
    60_000,
  );
  test(
    'a consumer that takes what is not there',
    () => caught('waiting', 2, { rounds: 1000, broken: 1 }, {}, /more items were taken|not idle/),
    60_000,
  );
  test(
    'stopping a thread that ends by itself without a reference',
    () => caught('kthreads', 2, { rounds: 1000, broken: 1 }, {}, /has ended and was freed/),
    60_000,
  );
  test(
    'del_timer_sync that does not wait',
    () => caught('timers', 8, UNTIL_CAUGHT, { break_for_test: ['del-timer-sync'] }, /after del_timer_sync/),
    60_000,
  );
  test(
    'writing to what was freed',
    () =>
      caught(
        'memory',
        2,
        { ...UNTIL_CAUGHT, broken: 1 },
        {},
        /the size in an object|was overwritten|double free|not idle/,
      ),
    60_000,
  );
  test(
    'forgetting to free',
    () => caught('memory', 2, { rounds: 2500, broken: 2 }, {}, /module memory leaked/),
    60_000,
  );
  test('a sleep that ends early', () => caught('sleeping', 2, { rounds: 5, broken: 1 }, {}, /ns slept/), 60_000);
});
