// What every torture module must pass, by its manifest: nothing is found in it, in parallel and step by step, and each of
// its broken variants is caught in both builds by a report that the manifest says.
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tortureControls, tortureTests, type Control, type Test } from '../dist/cli/torture.js';
import { in_parallel, until_caught } from './parallel.js';
import { search } from './stepped-helpers.js';

/** Who is tested where: a file for each family. test/torture.test.ts sees that nobody is forgotten. */
export const FAMILIES = {
  cpus: ['idle-wakeup', 'ipi-storm', 'spin'],
  tasks: ['mutex', 'waiting', 'kthreads', 'timers', 'sleeping', 'scheduling', 'signals', 'kthread-workers'],
  locks: ['rwlock', 'seqlock', 'rwsem', 'semaphore'],
  memory: ['atomics', 'lockless', 'percpu', 'slab', 'pages', 'memory'],
  interrupts: ['tasklets', 'irq-work', 'hrtimers'],
  work: ['workqueues'],
  rcu: ['rcu', 'rculist', 'srcu'],
  scale: ['scale-objects', 'scale-threads', 'scale-timers'],
} as const;

/** Rounds of a short run, where a module's own number takes long on a busy host. */
const ROUNDS: Readonly<Record<string, number>> = {
  mutex: 200,
  waiting: 400,
  kthreads: 120,
  timers: 250,
  sleeping: 8,
  scheduling: 100,
  signals: 40,
  rwlock: 200,
  seqlock: 200,
  rwsem: 30,
  semaphore: 30,
  atomics: 300,
  lockless: 300,
  percpu: 300,
  slab: 300,
  pages: 300,
  memory: 500,
  tasklets: 200,
  'irq-work': 200,
  hrtimers: 200,
  workqueues: 20,
  rcu: 30,
  rculist: 30,
  srcu: 30,
};

const in_module = (name: string) => (of: Test) => basename(of.file, '.ts') === name;
const titled = <T extends Test>(all: T[]): [string, T][] => all.map((of) => [`${of.name} (${of.summary})`, of]);
/** What the explorer says of a broken variant that hangs. */
const HANGS = /no end after|deadlock|waits? for/;

export interface Extent {
  cpus?: number[];
  schedules?: number;
}
/** Fewer schedules where one is long. */
export function torture_suite(family: keyof typeof FAMILIES, { cpus = [2, 4], schedules = 60 }: Extent = {}): void {
  describe.each([...FAMILIES[family]])('%s', (name) => {
    const tests = tortureTests().filter(in_module(name));
    const controls = tortureControls().filter(in_module(name));

    describe.each(cpus)('on %d CPUs', (n) => {
      test.each(titled(tests))('nothing is found in %s', async (_title, { file, parameters }) => {
        const rounds = ROUNDS[name];
        const outcome = await in_parallel(file, n, { ...parameters, ...(rounds !== undefined && { rounds }) });
        expect(outcome, outcome.log).toMatchObject({ fine: true, lost: 0 });
      });
    });
    test.each(titled(tests.filter((of) => !of.parallelOnly)))(
      'nothing is found step by step in %s',
      async (_title, { file, parameters, explore }) => {
        const all = { ...parameters, ...explore };
        const { failure } = await search(file, { cpus: 2, schedules, parameters: all });
        expect(failure?.message ?? '', failure?.interleaving).toBe('');
      },
    );
    test.each(titled(controls))('%s is caught in parallel', async (_title, { file, parameters, report, cpus }) => {
      expect(await until_caught(file, Math.max(4, cpus), parameters, report)).toMatch(report);
    });
    test.each(titled<Control>(controls.filter((of) => !of.parallelOnly)))(
      '%s is caught step by step',
      async (_title, { file, parameters, explore, report }) => {
        const all = { ...parameters, ...explore };
        const { failure } = await search(file, { cpus: 2, schedules: 3000, parameters: all });
        const said = failure === null ? 'nothing was found' : `${failure.message}\n${failure.log.join('\n')}`;
        if (!HANGS.test(failure?.message ?? '')) expect(said).toMatch(report);
      },
    );
  });
}
