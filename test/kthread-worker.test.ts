// Kthread workers, in both builds. Their torture is in torture-tasks.test.ts.
import { expect, test } from 'vitest';
import { in_parallel } from './parallel.js';
import { sched_fixture } from './sched-setup.js';
import { search } from './stepped-helpers.js';

const WORKERS = sched_fixture('kthread-workers');

test.each([1, 4])('items run in order, are flushed, delayed and cancelled on %d CPUs', async (cpus) => {
  const run = await in_parallel(WORKERS, cpus);
  expect(run.log).toMatch(/kthread-workers: done/);
  expect(run.fine, run.log).toBe(true);
});
test.each([1, 2])('they do in every explored schedule of %d CPUs', async (cpus) => {
  const { failure } = await search(WORKERS, { cpus, schedules: 150 });
  expect(failure?.message ?? '', failure?.interleaving).toBe('');
});
test.each([
  [1, /kthread_flush_work by the worker's own item: it would wait for itself/],
  [2, /kthread_queue_work: the work item shared\+0x\w+.* has no function: set it up with kthread_init_work/],
])('misuse %d is reported in both builds', async (what, report) => {
  const run = await in_parallel(WORKERS, 2, { what }, { panic_on_oops: true }, { idle_ms: 5000 });
  expect(run.log).toMatch(report);
  const { failure } = await search(WORKERS, { cpus: 2, schedules: 3, parameters: { what } });
  expect(failure?.message).toMatch(report);
});
