// One source, two builds: every example and every test module, in parallel on 1, 2 and 4 CPUs and step by step. Where a
// module is deterministic each parallel run must be exactly what every schedule gives; where it races, the parallel run
// must be among those that exploration reaches. What is compared is said in differential.ts.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { release_pools } from '../dist/machine/pool.js';
import { Differential, type Setting } from './differential.js';
import './stepped-helpers.js';

afterAll(release_pools);
const CPUS = [1, 2, 4];

interface Entry {
  file: string;
  parameters?: Record<string, number>;
  /** The same whatever the interleaving. */
  kind: 'deterministic' | 'races';
  cpus?: number[];
  schedules?: number;
}
const same = (file: string, parameters: Record<string, number> = {}, more: Partial<Entry> = {}): Entry => ({
  file,
  parameters,
  kind: 'deterministic',
  ...more,
});
const races = (file: string, parameters: Record<string, number> = {}, more: Partial<Entry> = {}): Entry => ({
  file,
  parameters,
  kind: 'races',
  ...more,
});

const MODULES: Entry[] = [
  same('examples/hello', {}, { cpus: [1] }),
  races('examples/hello'), // prints the CPU
  same('examples/mutex-counter'),
  same('examples/producer-consumer'),
  same('examples/ipi-irqsave'),
  same('examples/percpu-stats'),
  same('examples/timer-completion'),
  races('examples/lost-update'),

  same('test/fixtures/stepped/null-pointer', { broken: 0 }),
  races('test/fixtures/stepped/null-pointer'),
  same('test/fixtures/stepped/bug-on', { broken: 0 }),
  races('test/fixtures/stepped/bug-on'),
  same('test/fixtures/stepped/panics', { broken: 0 }),
  races('test/fixtures/stepped/panics', { broken: 1 }),
  // On more CPUs two of them may oops before either has stopped the other.
  races('test/fixtures/stepped/panics', { broken: 2 }, { cpus: [1, 2] }),
  same('test/fixtures/stepped/abba-spin', { broken: 0 }),
  same('test/fixtures/stepped/abba-mutex', { broken: 0 }),
  same('test/fixtures/stepped/ipi-deadlock', { broken: 0 }),
  same('test/fixtures/stepped/timer-deadlock', { broken: 0 }),
  same('test/fixtures/stepped/missed-wakeup', { broken: 0 }),
  races('test/fixtures/stepped/missed-wakeup', { broken: 1 }),
  same('test/fixtures/stepped/sleep-in-atomic', { broken: 0 }),
  races('test/fixtures/stepped/sleep-in-atomic'), // whichever thread comes second
  same('test/fixtures/stepped/no-yield', { broken: 0 }),
  same('test/fixtures/stepped/no-yield'),
  same('test/fixtures/stepped/spins', { broken: 0 }, { cpus: [4] }), // fewer CPUs: a loop that never gives way
  same('test/fixtures/stepped/init-fails', { broken: 0 }),
  races('test/fixtures/stepped/init-fails', { broken: 1 }),
  same('test/fixtures/stepped/init-fails', { broken: 2 }),
  same('test/fixtures/stepped/no-exit', { broken: 0 }),
  same('test/fixtures/stepped/sleeps', { broken: 0 }),
  same('test/fixtures/stepped/sleeps', { broken: 1 }),
  same('test/fixtures/stepped/softirqs', { broken: 0 }),
  races('test/fixtures/stepped/softirqs', { broken: 1 }),
  same('test/fixtures/stepped/migrates', { broken: 0 }),
  races('test/fixtures/stepped/migrates', { broken: 1 }),
  same('test/fixtures/stepped/preempted', { broken: 0 }),
  races('test/fixtures/stepped/preempted', { broken: 1 }),
  same('test/fixtures/stepped/own-timer', { broken: 0 }),
  races('test/fixtures/stepped/own-timer', { broken: 1 }),
  same('test/fixtures/stepped/stop-timer', { broken: 0 }),
  races('test/fixtures/stepped/stop-timer', { broken: 1 }),

  same('test/fixtures/bad/init-enomem'),
  same('test/fixtures/bad/init-throws'),
  same('test/fixtures/bad/leak'),
  same('test/fixtures/bad/no-yield'),
  same('test/fixtures/bad/sleep-in-atomic'),

  races('modules/torture/spin', { rounds: 1 }, { cpus: [1] }),
  same('modules/torture/ipi-storm', { rounds: 2 }, { schedules: 20 }),
  same('modules/torture/atomics', { rounds: 2 }, { schedules: 20 }),
  same('modules/torture/pages', { rounds: 1 }, { schedules: 20 }),
  same('modules/torture/idle-wakeup', { rounds: 3 }, { schedules: 20 }),
  same('modules/torture/lockless', { rounds: 1 }, { schedules: 20 }),
  same('modules/torture/mutex', { rounds: 2 }, { schedules: 20 }),
  // On more CPUs threads start later in parallel than a random walk ever makes them.
  races('modules/torture/kthreads', { rounds: 1 }, { cpus: [1] }),
  races('modules/torture/memory', { rounds: 1 }),
  races('modules/torture/kthread-workers', { rounds: 1 }, { cpus: [1] }),
  same('modules/torture/scale-threads', { threads: 6, rounds: 2 }, { schedules: 20 }),
  same('modules/torture/scale-objects', { objects: 12 }, { schedules: 20 }),
  // Whether a timer is cancelled before it runs is the host's affair.
  races('modules/torture/scale-timers', { timers: 6, within: 3 }, { cpus: [1] }),
  races('modules/torture/rwlock', { rounds: 1 }, { cpus: [1] }),
  same('modules/torture/rwsem', { rounds: 2 }, { schedules: 20 }),
  races('modules/torture/semaphore', { rounds: 1 }, { cpus: [1] }),
  races('modules/torture/seqlock', { rounds: 1 }, { cpus: [1] }),
  same('modules/torture/percpu', { rounds: 1 }, { schedules: 20 }),
  races('modules/torture/scheduling', { rounds: 1 }, { cpus: [1] }), // counts what the time allows
  races('modules/torture/signals', { rounds: 1 }, { cpus: [1] }), // counts what the time allows
  races('modules/torture/sleeping', { rounds: 1 }, { cpus: [1] }), // counts what the time allows
  same('modules/torture/rcu', { rounds: 1 }, { schedules: 20 }),
  same('modules/torture/rculist', { rounds: 1 }, { schedules: 20 }),
  same('modules/torture/srcu', { rounds: 1 }, { schedules: 20 }),
  same('modules/torture/slab', { rounds: 1 }, { schedules: 20 }),
  races('modules/torture/timers', { rounds: 1 }),
  races('modules/torture/waiting', { rounds: 1 }),
  races('modules/torture/tasklets', { rounds: 1 }, { cpus: [1, 2] }),
  races('modules/torture/irq-work', { rounds: 1 }, { cpus: [1, 2] }),
  races('modules/torture/workqueues', { rounds: 1 }, { cpus: [1, 2] }),
  races('modules/torture/hrtimers', { rounds: 1 }, { cpus: [1, 2] }),
];
/** Not here, and why. */
const LEFT_OUT: Record<string, string> = {
  'test/fixtures/torture/honesty': 'each of its cases ends the machine; stress runs them',
  'test/fixtures/torture/provider': 'loaded together with user',
  'test/fixtures/torture/user': 'loaded together with provider',
  'test/fixtures/torture/host-code': 'a template: the test that uses it writes its body',
  'test/fixtures/stepped/leftovers': 'its timer is armed for ever: in parallel it never comes to rest',
  'test/fixtures/stepped/polls': 'never comes to rest in parallel',
  'test/fixtures/bad/deadlock': 'hangs in parallel',
  'test/fixtures/bad/endless-irqs-off': 'hangs in parallel',
  'test/fixtures/bad/endless-loop': 'hangs in parallel',
  'test/fixtures/bad/exit-waits': 'hangs in parallel',
  'test/fixtures/bad/periodic': 'never comes to rest in parallel',
  'test/fixtures/bad/eats-heap': 'kills its worker',
};

test('no module is forgotten', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const here = ['examples', 'modules/torture', 'test/fixtures/stepped', 'test/fixtures/torture'].flatMap((folder) =>
    readdirSync(root + folder)
      .filter((name) => name.endsWith('.ts') && name !== 'lib.ts')
      .map((name) => `${folder}/${name.replace(/\.ts$/, '')}`),
  );
  const known = new Set([...MODULES.map((m) => m.file), ...Object.keys(LEFT_OUT)]);
  expect(here.filter((file) => !known.has(file))).toEqual([]);
});

describe.each(MODULES)(
  '$kind: $file $parameters',
  ({ file, parameters = {}, kind, cpus = CPUS, schedules = kind === 'races' ? 10_000 : 60 }) => {
    test.each(cpus)('on %i CPUs', async (n) => {
      const both = await Differential.of(fileURLToPath(new URL(`../${file}.ts`, import.meta.url)));
      const setting: Setting = { cpus: n, parameters };
      const parallel = await both.in_parallel(setting);
      if (kind === 'deterministic') expect([...(await both.explored(setting, schedules)).keys()]).toEqual([parallel]);
      else expect([...(await both.explored(setting, schedules, parallel)).keys()]).toContain(parallel);
    });
  },
);

describe('controls: a module that behaves differently in the two builds is caught', () => {
  // It is told by a parameter in which build it runs, which no real module is.
  const differs = async (free: number, stepped: number, count = 60) => {
    const both = await Differential.of(fileURLToPath(new URL('./fixtures/differential/told.ts', import.meta.url)));
    const parallel = await both.in_parallel({ cpus: 2, parameters: { told: free } });
    const explored = await both.explored({ cpus: 2, parameters: { told: stepped } }, count, parallel);
    return !explored.has(parallel);
  };
  test('the same behaviour is not reported', async () => {
    for (let told = 0; told <= 7; told++) expect(await differs(told, told)).toBe(false);
  });
  test.each([
    ['another text', 1],
    ['another order within a task', 2],
    ['a line less', 3],
    ['a line by another task', 4],
    ['another result of init', 5],
    ['a warning', 6],
    ['a leak', 7],
  ])('%s is', async (_what, told) => {
    expect(await differs(0, told)).toBe(true);
    expect(await differs(told, 0)).toBe(true);
  });
});
