// C tasks that sleep in TypeScript's primitives by the `attempt` protocol and go on at another CPU. The module is
// test/fixtures/c/migrate.c, committed as built.
import { afterAll, describe, expect, test } from 'vitest';
import { release_pools } from '../dist/machine/pool.js';
import { Machine } from '../dist/machine/machine.js';
import { FIXTURES, Mode, run_c, type Outcome, type Settings } from './cc-setup.js';

afterAll(release_pools);

const NOTHING_FOUND = { oopses: 0, warnings: 0, reports: 0 };
const TASKS = 12;
const ROUNDS = 400;
/** On each number of CPUs: as the kernel counts them, and as the tasks themselves see them; more than 1,000 in all. */
const MIGRATIONS = 1000;
const MOVES = 350;
const TS_TASKS = 3;
const MIGRATION: Settings = { c: { nr_tasks: TASKS, rounds: ROUNDS }, ts: { tasks: TS_TASKS, rounds: ROUNDS } };

/** What is wrong with a run of MIGRATION; nothing if every task ended with its locals right and the counter is exact. */
function complaints({ counts, verdict, failure, left }: Outcome): string[] {
  const found: string[] = [];
  if (failure !== null) found.push(failure.message);
  if (left !== 0) found.push(`${left} tasks never ended`);
  if (verdict.oopses + verdict.warnings + verdict.reports > 0) found.push('the kernel reported something');
  if (counts === null) return [...found, 'the module could not be unloaded'];
  if (counts.counter !== (TASKS + TS_TASKS) * ROUNDS) found.push(`the counter is ${counts.counter}`);
  if (counts.finished !== TASKS) found.push(`${counts.finished} C tasks finished`);
  if (counts.wrong_locals !== 0) found.push(`${counts.wrong_locals} times locals were wrong`);
  return found;
}

describe('C tasks and TypeScript tasks at one TypeScript mutex', () => {
  test.each([2, 4, 8])(
    'lose no count and no local on %d CPUs, over at least 1,000 migrations',
    { timeout: 300_000 },
    async (cpus) => {
      let migrations = 0;
      let moves = 0;
      // How often a task moves is the host's choice; that it is right each time is not.
      for (let run = 0; run < 100 && (migrations < MIGRATIONS || moves < MOVES); run++) {
        const outcome = await run_c(cpus, MIGRATION);
        expect(complaints(outcome)).toEqual([]);
        migrations += outcome.counts!.migrations!;
        moves += outcome.counts!.moves!;
        expect(outcome.counts!.mutex_lock! + outcome.counts!.msleep! + outcome.counts!.schedule!).toBe(
          outcome.counts!.moves,
        );
      }
      expect(migrations).toBeGreaterThanOrEqual(MIGRATIONS);
      expect(moves).toBeGreaterThanOrEqual(MOVES);
    },
  );

  test('keep all that on one CPU, where nobody can migrate', async () => {
    const outcome = await run_c(1, MIGRATION);
    expect(complaints(outcome)).toEqual([]);
    expect(outcome.counts!.moves).toBe(0);
  });

  // Controls: the same run must be found wrong when the protocol is broken.
  test('go wrong when the driver forgets the frame of an attempt', async () => {
    const machine = { break_for_test: ['c-frame-lost'], hard_lockup_ms: 500 };
    expect(complaints(await run_c(4, { ...MIGRATION, machine, patience: 4000 }))).not.toEqual([]);
  });
  test('go wrong when the suspended state stays with the CPU that a task slept on', async () => {
    const machine = { break_for_test: ['c-state-in-js'], hard_lockup_ms: 500 };
    expect(complaints(await run_c(4, { ...MIGRATION, machine, patience: 4000 }))).not.toEqual([]);
  });
});

describe('a C task', () => {
  test.each([2, 3])(
    'that sleeps in a mutex_lock is woken by a TypeScript task and goes on at another of %d CPUs',
    async (cpus) => {
      const { counts, verdict, failure } = await run_c(cpus, { c: { mode: Mode.WAIT, nr_tasks: 1 }, ts: { hold: 1 } });
      expect(failure).toBeNull();
      expect(verdict).toEqual(NOTHING_FOUND);
      expect(counts).toMatchObject({ counter: 1, finished: 1, wrong_locals: 0, mutex_lock: 1 });
      expect(counts!.woken_on).not.toBe(counts!.slept_on);
    },
  );

  test('whose locals and suspended frames fit on its stack sleeps and wakes', async () => {
    const { counts, verdict } = await run_c(2, { c: { mode: Mode.OVERFLOW_AT_SLEEP, nr_tasks: 1, depth: 150 } });
    expect(verdict).toEqual(NOTHING_FOUND);
    expect(counts).toMatchObject({ finished: 1, wrong_locals: 0 });
  });

  test('whose suspended frames meet its locals dies of a stack overflow; the machine goes on', async () => {
    const { counts, verdict, log } = await run_c(2, { c: { mode: Mode.OVERFLOW_AT_SLEEP, nr_tasks: 3, depth: 290 } });
    expect(
      log.filter((l) =>
        /^BUG: kernel stack overflow: c\/\d\/\d+ sleeps with \d+ bytes of C locals and \d+ of suspended frames/.test(l),
      ),
    ).toHaveLength(3);
    expect(verdict.oopses).toBe(3);
    expect(counts).toMatchObject({ finished: 0 });
  });

  test('that recurses for ever dies of a stack overflow before it writes behind its stack', async () => {
    const { counts, verdict, log } = await run_c(2, { c: { mode: Mode.OVERFLOW_BY_RECURSION, nr_tasks: 2 } });
    expect(
      log.filter((l) => /^BUG: kernel stack overflow: c\/\d\/\d+ has more than 16384 bytes of C locals/.test(l)),
    ).toHaveLength(2);
    expect(log.some((l) => / recurse \(test\/fixtures\/c\/migrate\.c:\d+:\d+\)/.test(l))).toBe(true);
    expect(verdict.oopses).toBe(2);
    expect(counts).toMatchObject({ finished: 0 });
  });

  test('that traps dies with a report; the others and the machine go on', async () => {
    const machine = await Machine.boot({ cpus: 2 });
    await machine.insmod(`${FIXTURES}migrate.ko`, { mode: Mode.TRAP, nr_tasks: 5 });
    expect(await machine.idle(60_000)).toBe(true);
    expect(machine.tasks).toBe(0);
    await machine.rmmod('migrate');
    const log = machine.dmesg();
    expect(log.filter((l) => l.includes('BUG: call of a bad function pointer'))).toHaveLength(5);
    expect(log.some((l) => / trap \(test\/fixtures\/c\/migrate\.c:\d+:\d+\)/.test(l))).toBe(true);
    expect(log.some((l) => / Comm: c\/4 /.test(l))).toBe(true);
    // The same machine again, at other addresses of the text.
    await machine.insmod(`${FIXTURES}migrate.ko`, { nr_tasks: 6, rounds: 40 });
    expect(await machine.idle(60_000)).toBe(true);
    await machine.rmmod('migrate');
    expect(machine.verdict.oopses).toBe(5);
    expect(machine.dmesg().at(-1)).toMatch(/counter=240 finished=6 wrong_locals=0 /);
    await machine.poweroff();
  });

  test('that sleeps with preemption off is reported and stopped', async () => {
    const { counts, verdict, log } = await run_c(2, { c: { mode: Mode.ATOMIC, nr_tasks: 1 } });
    expect(log.some((l) => l.includes('sleeping function called from invalid context: msleep'))).toBe(true);
    expect(log.some((l) => l.startsWith('BUG: scheduling while atomic: c/0/'))).toBe(true);
    expect(verdict.oopses).toBe(1);
    expect(counts).toMatchObject({ finished: 0 });
  });

  test('is freed with its stack when it has ended, and leaves nothing for the module to leak', async () => {
    const { verdict, log } = await run_c(4, { c: { nr_tasks: 40, rounds: 3 } });
    expect(log.filter((l) => l.includes('leak'))).toEqual([]);
    expect(verdict).toEqual(NOTHING_FOUND);
  });
});

describe('C beside tasks of its own', () => {
  test('sleeps in module_init and module_exit, which run on top of a TypeScript task', async () => {
    const { counts, verdict, log } = await run_c(2, { c: { mode: Mode.SLEEP_IN_INIT } });
    expect(log).toContain('until_stopped returned 5');
    expect(verdict).toEqual(NOTHING_FOUND);
    expect(counts).not.toBeNull();
  });

  test('is called in interrupts on every one of 4 CPUs, on top of C tasks and of TypeScript tasks', async () => {
    const { counts, verdict } = await run_c(4, { c: { mode: Mode.CALLS, nr_tasks: 3, rounds: 30 } });
    expect(verdict).toEqual(NOTHING_FOUND);
    expect(counts).toMatchObject({ counter: 3 * 30 * 4, finished: 3, wrong_locals: 0 });
  });
});

describe('insmod of a C module', () => {
  test('refuses a file that is none, a parameter that is no number, and a second time; the next one works', async () => {
    const machine = await Machine.boot({ cpus: 2 });
    await expect(machine.insmod('nowhere.ko')).rejects.toThrow(/no such file/);
    await expect(machine.insmod(`${FIXTURES}migrate.ko`, { rounds: 'many' })).rejects.toThrow(
      /'many' is not an integer/,
    );
    await machine.insmod(`${FIXTURES}migrate.ko`, { nr_tasks: 0 });
    await expect(machine.insmod(`${FIXTURES}migrate.ko`)).rejects.toThrow(/is loaded already/);
    await machine.rmmod('migrate');
    await machine.poweroff();
  });
});
