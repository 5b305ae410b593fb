// Workqueues: the torture module in both builds with its broken variants, and what single cases must do.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hrtimer } from '../dist/linux/hrtimer.js';
import { tasklet_struct } from '../dist/linux/interrupt.js';
import { irq_work } from '../dist/linux/irq_work.js';
import { delayed_work, work_struct } from '../dist/linux/workqueue.js';
import { in_parallel } from './parallel.js';
import { search } from './stepped-helpers.js';
import { torture_suite } from './torture-suite.js';

const works = fileURLToPath(new URL('./fixtures/deferred/works.ts', import.meta.url));

test('the structs that modules see lie as the kernel has them', () => {
  // Those of sched/work-layout.ts.
  expect([tasklet_struct.size, irq_work.size, work_struct.size, delayed_work.size, hrtimer.size]).toEqual([
    28, 12, 28, 80, 48,
  ]);
  expect([tasklet_struct.offset_of('func'), tasklet_struct.offset_of('cpu')]).toEqual([12, 24]);
  expect([work_struct.offset_of('func'), work_struct.offset_of('color')]).toEqual([12, 24]);
  expect([delayed_work.offset_of('timer'), delayed_work.offset_of('wq'), delayed_work.offset_of('cpu')]).toEqual([
    32, 72, 76,
  ]);
  expect([hrtimer.offset_of('key'), hrtimer.offset_of('function'), hrtimer.offset_of('flags')]).toEqual([16, 32, 40]);
});
torture_suite('work');

const fine: [string, number][] = [
  ['an item is queued once, flushed, disabled and enabled', 0],
  ['an ordered workqueue', 3],
  ['items that sleep let others run, up to max_active', 4],
  ['the same with WQ_CPU_INTENSIVE', 5],
  ['schedule_on_each_cpu', 6],
  ['a machine is not idle while delayed work is to come', 7],
  ['mod_delayed_work brings an item forward', 8],
  ['delayed work is cancelled', 9],
  ['ksoftirqd takes over what keeps coming', 15],
];
const bad: [string, number, RegExp][] = [
  ['an item that flushes itself', 1, /flush_work of .* by its own function on_self/],
  ['an item that flushes its workqueue', 2, /flush_workqueue of the workqueue events by on_own_queue/],
  ['a workqueue that is forgotten', 10, /its workqueue forgotten is left/],
  ['queueing on what is no workqueue', 11, /is no workqueue/],
  ['an item that leaves preemption off', 12, /workqueue leaked atomic/],
  ['an item that oopses: those who wait for it get on', 13, /after the oops 1/],
  ['a tasklet that is left scheduled', 14, /its tasklet at .* is scheduled/],
  ['an item that still runs at unload', 20, /its work item at .* \(on_sleeper /],
  ['delayed work that is still to come at unload', 21, /its delayed work at .* is still to come/],
];
test.each([0, 1])('2,000 timers are armed at once, and each fires once (high resolution: %d)', async (high) => {
  const file = fileURLToPath(new URL('./fixtures/deferred/many-timers.ts', import.meta.url));
  const run = await in_parallel(file, 4, { timers: 2000, within: 100, high });
  expect(run.log).toMatch(/2000 fired, 0 of them early, 0 not once/);
  expect(run.fine, run.log).toBe(true);
});
describe('in parallel', () => {
  test.each(fine)('%s', async (_what, what) => {
    const run = await in_parallel(works, 2, { what });
    expect(run.fine, run.log).toBe(true);
    if (what === 3) expect(run.log.match(/number \d/g)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `number ${n}`));
    if (what === 6) expect(run.log).toMatch(/cpus 0x3/);
  });
  test.each(bad)('%s is reported', async (_what, what, report) => {
    const run = await in_parallel(works, 2, { what });
    expect(run.log).toMatch(report);
    expect(run.fine).toBe(false);
  });
});
describe('step by step', () => {
  test.each(fine)('%s', async (_what, what) => {
    const { failure } = await search(works, { cpus: 2, schedules: 50, parameters: { what } });
    expect(failure?.message).toBeUndefined();
  });
  test.each(bad.filter(([, what]) => what !== 13))('%s is reported', async (_what, what, report) => {
    const { failure } = await search(works, { cpus: 2, schedules: 300, parameters: { what } });
    expect(failure?.message).toMatch(report);
  });
});
