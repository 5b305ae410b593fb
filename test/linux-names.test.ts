// Small parts of the API in both builds: see the fixtures.
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { release_pools } from '../dist/machine/pool.js';
import { in_parallel } from './parallel.js';
import { search } from './stepped-helpers.js';

afterAll(release_pools);
const file = (name: string): string => fileURLToPath(new URL(`./fixtures/linux/${name}.ts`, import.meta.url));

test.each([1, 4])('timers, unaligned numbers, conditions and calls do what Linux says on %d CPUs', async (cpus) => {
  const run = await in_parallel(file('names'), cpus, { ports: '3,0x10,7' } as never);
  expect(run.fine, run.log).toBe(true);
  expect(run.log).toMatch(/ports: 3, 3 16 7/);
  expect(run.log).toMatch(/raw: 00000000: ff778800 22fcfdfe 00000011 00000000 {2}\.\.w\.{4}"\./);
});
test('they do step by step too', async () => {
  const { failure } = await search(file('names'), { cpus: 2, schedules: 60 });
  expect(failure?.message).toBeUndefined();
});
test('a wrong expectation is seen, in both builds', async () => {
  const run = await in_parallel(file('names'), 2, { broken: 1 });
  expect(run.fine).toBe(false);
  const { failure } = await search(file('names'), { cpus: 2, schedules: 5, parameters: { broken: 1 } });
  expect(failure?.message).toMatch(/WARN/);
});
test('smp_call_function_many with preemption on warns, in both builds', async () => {
  const run = await in_parallel(file('names'), 2, { broken: 2 });
  expect(run.log).toMatch(/WARNING: smp_call_function_many with preemption on/);
  const { failure } = await search(file('names'), { cpus: 2, schedules: 5, parameters: { broken: 2 } });
  expect(failure?.message).toMatch(/smp_call_function_many with preemption on/);
});
test('more values than the array of a parameter has are refused', async () => {
  const run = await in_parallel(file('names'), 1, { ports: '1,2,3,4,5' } as never);
  expect(run.log).toMatch(/there are 5 values, 4 at most/);
});
test('a format that does not fit is complained about once for each place that prints', async () => {
  const run = await in_parallel(file('formats'), 1);
  expect(run.log.match(/WARNING: /g)).toHaveLength(2);
  expect(run.log).toMatch(/string 'one %d'/);
  expect(run.log).toMatch(/string 'two %d'/);
});

test('a place prints ten times in five seconds when it is limited, and says what it left out', async () => {
  const run = await in_parallel(file('ratelimit'), 1);
  expect(run.log.match(/free \d/g)).toHaveLength(26);
  expect(run.log.match(/limited \d/g)).toHaveLength(11);
  expect(run.log).toMatch(/say: 15 callbacks suppressed\n.*limited 100/);
  expect(run.fine, run.log).toBe(true);
});
test('it is limited step by step too', async () => {
  const { failure } = await search(file('ratelimit'), { cpus: 1, schedules: 5 });
  expect(failure?.message).toBeUndefined();
});
