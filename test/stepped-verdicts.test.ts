// What the stepped machine finds: each verdict from a small broken module, and the same module made right, which must
// pass. The modules are in fixtures/stepped; their parameter `broken` says which.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { failure_of, fixture, search } from './stepped-helpers.js';

const PASSES = 2000;

interface Case {
  module: string;
  broken?: number;
  verdict: string;
  message: RegExp;
  /** Text of the source line that the message names; one of these. */
  at?: string[];
  /** CPUs on which it can go wrong; 1, 2 and 4 when not given. */
  cpus?: number[];
  maxSteps?: number;
}
const cases: Case[] = [
  {
    module: 'null-pointer',
    verdict: 'oops',
    message: /^BUG: kernel NULL pointer dereference/,
    at: ['if (shared.at !== 0) thing'],
  },
  { module: 'bug-on', verdict: 'BUG', message: /^BUG: BUG_ON condition is true/, at: ['BUG_ON('] },
  { module: 'preempted', verdict: 'WARN', message: /^WARNING: at module_exit \(/, at: ['WARN_ON('] },
  {
    module: 'panics',
    broken: 1,
    verdict: 'panic',
    message: /^Kernel panic - not syncing: the worker is busy/,
    at: ["panic('"],
  },
  {
    module: 'panics',
    broken: 2,
    verdict: 'panic',
    message: /^BUG: BUG_ON condition is true/,
    at: ['BUG_ON('],
    cpus: [2, 4],
  },
  {
    module: 'abba-spin',
    verdict: 'deadlock',
    message:
      /waits for a spin lock (first|second)\+0x0.*held by CPU \d \((one|other)_way\/\d\).*(one|other)_way\/\d is at /s,
    at: ['spin_lock(second)', 'spin_lock(broken.value ? first'],
    cpus: [2, 4],
  },
  {
    module: 'abba-mutex',
    verdict: 'deadlock',
    message: /waits for the mutex (first|second)\+0x0.*held by (one|other)_way\/\d.*is at /s,
    at: ['mutex_lock(second)', 'mutex_lock(broken.value ? first'],
  },
  {
    module: 'ipi-deadlock',
    verdict: 'deadlock',
    message: /^BUG: spin lock recursion: CPU \d already holds shared\+0x0/,
    at: ['spin_lock(shared.lock)'],
    cpus: [2, 4],
  },
  {
    module: 'timer-deadlock',
    verdict: 'deadlock',
    message: /^BUG: spin lock recursion: CPU \d already holds shared\+0x0/,
    at: ['spin_lock(shared.lock)'],
  },
  { module: 'missed-wakeup', verdict: 'leak', message: /its thread sleeper\/2 waits on the wait queue shared/ },
  {
    module: 'sleep-in-atomic',
    verdict: 'sleep in atomic',
    message: /^BUG: sleeping function called from invalid context: msleep /,
    at: ['n === 2) yield* msleep'],
  },
  {
    module: 'no-yield',
    verdict: 'BUG',
    message:
      /^BUG: sleeping function called without yield\*: msleep\(\) may sleep; write `yield\* msleep\(\.\.\.\)` in a generator function/,
    at: ['msleep(1);'],
  },
  {
    module: 'init-fails',
    broken: 1,
    verdict: 'init',
    message: /^module_init returned -12 \(-ENOMEM\); insmod\/1 is at/,
    at: ['return -ENOMEM', 'kthread_stop(shared.thread);'],
  },
  {
    module: 'init-fails',
    broken: 3,
    verdict: 'deadlock',
    message: /^module_init never returns: insmod\/1 waits for the completion never/,
    at: ['wait_for_completion(never)'],
  },
  { module: 'leftovers', broken: 1, verdict: 'leak', message: /leaked 1 object, 100 bytes/ },
  {
    module: 'leftovers',
    broken: 2,
    verdict: 'leak',
    message: /its thread polls\/2 sleeps for 12 ms: stop it with kthread_stop/,
  },
  { module: 'leftovers', broken: 3, verdict: 'leak', message: /its timer at timer\+0x0.* is armed on CPU \d/ },
  {
    module: 'leftovers',
    broken: 4,
    verdict: 'deadlock',
    message: /^module_exit never returns: rmmod\/\d waits for the completion never/,
    at: ['wait_for_completion(never)'],
  },
  {
    module: 'no-exit',
    verdict: 'deadlock',
    message:
      /^tasks wait for good, and there is no module_exit that could end it: waiter\/2 waits for the completion never/,
    at: ['wait_for_completion(never)'],
  },
  {
    module: 'polls',
    verdict: 'deadlock',
    message:
      /^tasks wait for mutexes that nobody will unlock: .*waiter\/4 waits for the mutex lock.*held by holder\/3; rmmod\/5 waits for waiter\/4 to end/,
    cpus: [2],
  },
  { module: 'sleeps', verdict: 'WARN', message: /module_exit/ },
  { module: 'softirqs', verdict: 'WARN', message: /at called/, cpus: [2, 4] },
  { module: 'migrates', verdict: 'WARN', message: /module_exit/, cpus: [1, 2] },
  { module: 'own-timer', verdict: 'WARN', message: /module_exit/ },
  { module: 'stop-timer', verdict: 'WARN', message: /at fires/, cpus: [2, 4] },
  {
    module: 'spins',
    broken: 1,
    verdict: 'livelock',
    message: /^no end after 500 steps.*(relaxing\/2|impatient\/3) is at /s,
    at: ['!== 2) cpu_relax', '=== 1) cpu_relax'],
    maxSteps: 500,
  },
  { module: 'spins', broken: 2, verdict: 'livelock', message: /^no end after 500 steps/, maxSteps: 500 },
  { module: 'spins', broken: 3, verdict: 'livelock', message: /^no end after 500 steps/, maxSteps: 500 },
];

/** Number of the first line of the module with this text. */
function line_of(module: string, text: string): number {
  const at = readFileSync(fixture(module), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text) && !line.startsWith('import'));
  if (at < 0) throw new Error(`${module} has no '${text}'`);
  return at + 1;
}

describe('broken modules', () => {
  for (const { module, broken = 1, verdict, message, at = [], cpus = [1, 2, 4], maxSteps } of cases)
    for (const n of cpus)
      test(`${module}, broken ${broken}, on ${n} CPUs: ${verdict}`, async () => {
        const failure = await failure_of(module, { broken, cpus: n, ...(maxSteps !== undefined && { maxSteps }) });
        expect(failure.message).toMatch(message);
        if (at.length > 0)
          expect(failure.message).toMatch(
            new RegExp(`${module}\\.ts:(${at.map((text) => line_of(module, text)).join('|')})\\b`),
          );
        expect(failure.verdict).toBe(verdict);
        expect(failure.log.join('\n')).not.toMatch(/GeneratorFunction|twin\.|\$[gy]\b|stepped-kernel|file:\/\//);
      });
});

describe(`the same modules made right pass ${PASSES} schedules on 2 CPUs, and some on 1 and 4`, () => {
  test.each([...new Set(cases.map((c) => c.module))])('%s', async (module) => {
    for (const [cpus, wanted] of [
      [1, PASSES / 5],
      [2, PASSES],
      [4, PASSES / 5],
    ] as const) {
      const { failure, schedules, coverage } = await search(fixture(module), {
        cpus,
        strategy: 'random', // a search that has covered all there is would end
        schedules: wanted,
        seed: cpus,
        parameters: { broken: 0 },
      });
      expect(failure).toBe(null);
      expect(coverage.no_choice ? wanted : schedules).toBe(wanted);
    }
  });
});
