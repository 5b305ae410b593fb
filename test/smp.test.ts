// THIS_MODULE, smp_processor_id() and calls that do not wait, in both builds.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { in_parallel } from './parallel.js';
import { search } from './stepped-helpers.js';

const SMP = fileURLToPath(new URL('./fixtures/linux/smp.ts', import.meta.url));

test.each([1, 4])('they do what Linux says on %d CPUs', async (cpus) => {
  const run = await in_parallel(SMP, cpus);
  expect(run.log).toMatch(/smp: done/);
  expect(run.fine, run.log).toBe(true);
});
test.each([1, 2])('they do in every explored schedule of %d CPUs', async (cpus) => {
  const { failure } = await search(SMP, { cpus, schedules: 200 });
  expect(failure?.message ?? '', failure?.interleaving).toBe('');
});
test.each([
  [1, /BUG: using smp_processor_id\(\) in preemptible \[00000000\] code: insmod\/\d+/],
  [2, /BUG: using smp_processor_id\(\) in preemptible \[00000000\] code: two\/\d+/],
  [3, /smp_call_function_single_async: shared\+0x\w+.* has no function: INIT_CSD/],
])('misuse %d is reported in both builds', async (what, report) => {
  const run = await in_parallel(SMP, 2, { what }, {}, { idle_ms: 5000 });
  expect(run.log).toMatch(report);
  expect(run.fine).toBe(false);
  const { failure } = await search(SMP, { cpus: 2, schedules: 3, parameters: { what } });
  expect(failure?.message).toMatch(report);
});
