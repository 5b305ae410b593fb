// The rules of the kernel that are checked in every run: each misuse in fixtures/torture/honesty.ts is reported with what
// was done, by whom, and who holds what; a correct use beside it is not. The last column says what happens then.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { Machine, type MachineOptions } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

let honesty: CompiledModule;
beforeAll(async () => {
  honesty = await compileModule(fileURLToPath(new URL('./fixtures/torture/honesty.ts', import.meta.url)), {
    build: 'free',
    check: false,
  });
}, 60_000);
afterAll(release_pools);

interface Seen {
  log: string;
  error: string;
  verdict: { oopses: number; warnings: number; reports: number };
  blocked: string[];
}
async function misuse(what: string, options: MachineOptions = {}, after_ms = 0): Promise<Seen> {
  const machine = await Machine.boot({ cpus: 2, ...options });
  let error = '';
  let blocked: string[] = [];
  try {
    await machine.insmod(honesty, { what });
    await machine.idle(what === 'timer-left' ? 200 : 20_000);
    if (after_ms > 0) await new Promise((resolve) => setTimeout(resolve, after_ms));
    blocked = machine.blocked();
    await machine.rmmod('honesty');
  } catch (e) {
    error = `${(e as Error).name}: ${(e as Error).message}`;
  }
  const seen = { log: machine.dmesg().join('\n'), error, verdict: machine.verdict, blocked };
  await machine.poweroff();
  return seen;
}

type Fate = 'oops' | 'report' | 'warning' | 'panic' | 'leak' | 'oops and leak' | 'oops and report';
const CASES: [what: string, fate: Fate, ...log: RegExp[]][] = [
  [
    'sleep-under-spin-lock',
    'oops and report',
    /sleeping function called from invalid context: msleep \(in_atomic\(\): 1/,
    /spin locks held by CPU 0: shared/,
    /scheduling while atomic: misuse/,
  ],
  ['mutex-under-spin-lock', 'report', /invalid context: mutex_lock/, /spin locks held by CPU 0: shared/],
  [
    'sleep-with-interrupts-off',
    'oops and report',
    /irqs_disabled\(\): 1/,
    /scheduling while atomic: misuse\/\d+\/0x00000000, interrupts off/,
  ],
  ['schedule-with-preemption-off', 'oops', /scheduling while atomic: misuse\/\d+\/0x00000001/],
  ['completion-with-softirqs-off', 'oops and report', /invalid context: wait_for_completion/],
  ['kmalloc-kernel-under-spin-lock', 'report', /invalid context: kmalloc/, /spin locks held by CPU 0: shared/],
  ['kmalloc-kernel-in-interrupt', 'report', /invalid context: kmalloc.*CPU 1/],
  ['forgotten-yield', 'oops', /sleeping function called without yield\*: msleep\(\)/, /honesty\.ts:\d+/],
  ['forgotten-yield-own', 'oops', /sleeping function called without yield\*: sleeper\(\)/],
  [
    'unlock-not-locked',
    'oops',
    /spin_unlock of shared\S* \[honesty\] by CPU 0, which does not hold it: it is not locked/,
  ],
  [
    'unlock-others-spin-lock',
    'oops',
    /spin_unlock of shared\S* \[honesty\] by CPU 0, which does not hold it: held by CPU 1/,
  ],
  [
    'unlock-others-mutex',
    'oops and report',
    /mutex_unlock of shared\S* \[honesty\] by misuse\/\d+, which does not hold it: held by holder\/\d+/,
  ],
  ['mutex-unlock-free', 'oops', /which does not hold it: it is not locked/],
  ['mutex-recursion', 'oops and report', /misuse\/\d+ already holds shared/, /ends and still holds: shared/],
  ['spin-recursion', 'oops', /spin lock recursion: CPU 0 already holds shared/],
  [
    'exit-with-spin-lock',
    'report',
    /misuse\/\d+ ended with preempt_count 0x1, interrupts on: a lock is still held/,
    /spin locks held by CPU 0: shared/,
  ],
  ['exit-with-irqs-off', 'report', /interrupts off: local_irq_restore is missing/],
  ['exit-with-mutex', 'report', /misuse\/\d+ ends and still holds: shared/],
  ['unlock-twice', 'oops', /which does not hold it: it is not locked/],
  ['preempt-enable-extra', 'oops', /preempt_enable without preempt_disable/],
  ['bh-enable-extra', 'oops', /local_bh_enable without local_bh_disable/],
  [
    'handler-keeps-lock',
    'panic',
    /the called function unbalanced_handler \[honesty\] left the preemption count as 0x10001, which was 0x10000/,
  ],
  [
    'handler-enables-interrupts',
    'panic',
    /the called function handler_enables \[honesty\] returned with interrupts on/,
  ],
  ['handler-throws', 'panic', /UBSAN: array-index-out-of-bounds: index 9/, /Fatal exception in interrupt/],
  [
    'timer-keeps-preemption-off',
    'panic',
    /timer function unbalanced_timer \[honesty\] left the preemption count as 0x101/,
  ],
  ['timer-keeps-interrupts-off', 'panic', /timer function timer_irqs \[honesty\] returned with interrupts off/],
  ['timer-takes-mutex', 'panic', /invalid context: mutex_lock/],
  [
    'timer-generator',
    'oops',
    /'sleeper' is a generator function, which may sleep: the function of a timer runs in interrupt context/,
  ],
  ['timer-not-set-up', 'oops', /mod_timer: the timer at shared\S* \[honesty\] has not been set up/],
  ['add-timer-twice', 'warning', /add_timer: the timer shared\S* \[honesty\] is armed already/],
  ['call-generator', 'oops', /a function called on another CPU runs in interrupt context/],
  [
    'softirq-keeps-softirqs-off',
    'panic',
    /softirq 3 \(unbalanced_softirq \[honesty\]\) left the preemption count as 0x300, which was 0x100/,
  ],
  ['call-with-interrupts-off', 'warning', /smp_call_function with interrupts off can deadlock/],
  ['uninitialised-spin-lock', 'oops and leak', /spin_lock: the spin lock 0x\w+ is not initialised/],
  ['uninitialised-mutex', 'oops and leak', /mutex_lock: the mutex 0x\w+ is not initialised/],
  ['uninitialised-completion', 'oops and leak', /complete_all: the wait queue 0x\w+ is not initialised/],
  ['double-free', 'oops', /kfree\(0x\w+\): double free \(kmalloc-64\), allocated last by module honesty/],
  ['free-inside', 'oops and leak', /not the start of an object, 8 bytes inside the kmalloc-64 object/],
  ['null-pointer', 'oops', /kernel NULL pointer dereference, address: 000000\w\w \(things\.ready\)/, /Comm: misuse/],
  ['stack-overflow', 'oops', /RangeError: Maximum call stack size exceeded/],
  ['stack-overflow-under-lock', 'panic', /kernel stack overflow in atomic context: misuse/],
  ['leak', 'leak', /module honesty leaked 1 object, 100 bytes/],
  ['thread-left', 'report', /module honesty is unloaded, but its thread left-over\/\d+ /],
  ['timer-left', 'report', /its timer at shared\S* \[honesty\] is armed on CPU 0/],
];
const COUNTS: Record<Fate, { oopses: number; warnings: number; reports: number }> = {
  oops: { oopses: 1, warnings: 0, reports: 0 },
  report: { oopses: 0, warnings: 0, reports: 1 },
  leak: { oopses: 0, warnings: 0, reports: 1 },
  warning: { oopses: 0, warnings: 1, reports: 0 },
  panic: { oopses: 1, warnings: 0, reports: 0 },
  'oops and leak': { oopses: 1, warnings: 0, reports: 1 },
  'oops and report': { oopses: 1, warnings: 0, reports: 1 },
};

test.each(CASES)(
  '%s: %s',
  async (what, fate, ...log) => {
    const seen = await misuse(what);
    for (const line of log) expect(seen.log).toMatch(line);
    // A handler that takes a mutex is reported for that before it is stopped.
    const reports = what === 'timer-takes-mutex' ? 1 : COUNTS[fate].reports;
    expect(seen.verdict).toEqual({ ...COUNTS[fate], reports });
    if (fate === 'panic') expect(seen.error).toMatch(/MachineFailure: kernel panic on CPU \d/);
    else expect(seen.error).toBe('');
  },
  60_000,
);

test.each([['kmalloc-atomic-under-spin-lock'], ['initialised-locks']])(
  'the correct use is not reported: %s',
  async (what) => {
    const seen = await misuse(what);
    expect(seen.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
    expect(seen.error).toBe('');
  },
);

test('a soft lock-up names the CPU, the task and the locks that it holds', async () => {
  const { log, verdict } = await misuse('soft-lockup', { soft_lockup_ms: 500 });
  expect(log).toMatch(/BUG: soft lockup - CPU#0 stuck for \d+s! \[misuse:\d+\]/);
  expect(log).toMatch(/spin locks held by CPU 0: shared/);
  expect(verdict.reports).toBe(1);
}, 60_000);

test('a soft lock-up of a CPU that waits for a lock names the holder', async () => {
  const { log } = await misuse('soft-lockup-on-lock', { soft_lockup_ms: 800 });
  expect(log).toMatch(/CPU 0 waits for the spin lock shared\S* \[honesty\], held by CPU 1, which runs holder\/\d+/);
}, 60_000);

test('a soft lock-up that goes on is a panic: a machine never hangs', async () => {
  const { log, error } = await misuse('soft-lockup', { soft_lockup_ms: 200 });
  expect(log).toMatch(/Kernel panic - not syncing: softlockup: CPU#0 stuck/);
  expect(error).toMatch(/kernel panic on CPU 0/);
}, 60_000);

test('a hung task is reported with the mutex that it waits for and who holds it', async () => {
  const { log, blocked } = await misuse('hung-mutex', { hung_task_ms: 300 }, 2500);
  expect(log).toMatch(
    /task misuse:\d+ blocked for more than \d+ seconds: waits for the mutex shared\S* \[honesty\], held by holder\/\d+/,
  );
  expect(blocked).toContainEqual(
    expect.stringMatching(/^misuse\/\d+ waits for the mutex shared\+0x8\/\S+ \[honesty\], held by holder\/\d+$/),
  );
  expect(blocked).toContainEqual(expect.stringMatching(/^holder\/\d+ waits on the wait queue shared\S+ \[honesty\]$/));
}, 60_000);

test('a task that dies while it waits for a mutex leaves the queue: those behind it get the mutex', async () => {
  const { log, blocked, verdict } = await misuse('oops-in-mutex-queue');
  expect(log).toMatch(/scheduling while atomic: dies\/\d+/);
  expect(log).toContain('the next waiter has the mutex');
  expect(blocked).toEqual([]);
  expect(verdict).toEqual({ oopses: 1, warnings: 0, reports: 1 });
}, 60_000);

test('tasks that wait for good are listed with what they wait for', async () => {
  const { blocked, verdict } = await misuse('hung-completion');
  expect(blocked).toEqual([expect.stringMatching(/^misuse\/\d+ waits for the completion shared\S+ \[honesty\]$/)]);
  // Waiting is no finding before the time-out; leaving the thread behind is.
  expect(verdict).toEqual({ oopses: 0, warnings: 0, reports: 1 });
}, 60_000);

test('an init that fails is undone, and says what it left behind', async () => {
  expect((await misuse('init-oops')).error).toMatch(/module_init of honesty died of an oops/);
  const failed = await misuse('init-fails');
  expect(failed.error).toMatch(/could not insert module honesty: module_init returned -12 \(-ENOMEM\)/);
  expect(failed.verdict.reports).toBe(0);
  expect((await misuse('init-fails-leaks')).log).toMatch(/module honesty leaked 1 object/);
}, 60_000);
