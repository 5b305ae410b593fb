// rwlock_t, sequence counters, semaphores, rwsem, the mutex by all its names: what they answer, what they report, and
// their torture modules, each beside its broken variants, in both builds.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { in_parallel } from './parallel.js';
import { search } from './stepped-helpers.js';
import { torture_suite } from './torture-suite.js';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const API = path('test/fixtures/locks/api.ts');
describe('what they answer', () => {
  test.each([1, 2, 4])('in parallel on %d CPUs', async (cpus) => {
    const outcome = await in_parallel(API, cpus, { what: 0 });
    expect(outcome, outcome.log).toMatchObject({ fine: true });
    expect(outcome.log).toMatch(/all asked/);
  });
  test('step by step', async () => {
    const { failure } = await search(API, { cpus: 2, schedules: 30, parameters: { what: 0 } });
    expect(failure?.message ?? '').toBe('');
  });
});

describe('misuse is reported', () => {
  const cases: [number, RegExp][] = [
    [1, /write_unlock of rw\+0x0.* by CPU \d, which does not hold it for writing/],
    [2, /read_unlock of rw\+0x0.*nobody holds it for reading/],
    [3, /write_lock recursion: CPU \d already holds the rwlock rw\+0x0/],
    [4, /read_lock of rw\+0x0.*held for writing by CPU \d, which runs misuse\/\d+.*would wait for itself/],
    [5, /up_write of sem\+0x0.*nobody holds.*which does not hold it for writing/],
    [6, /up_read of sem\+0x0.*nobody holds it for reading/],
    [7, /down_write: misuse\/\d+ already holds sem\+0x0/],
    [8, /write_seqcount_begin: shared\+0x0.*preemption is on/],
    [9, /read of the seqcount seq\+0x0.*on top of its writer on CPU \d: it would wait for itself/],
    [10, /write_seqcount_begin: shared\+0x8.*the writer does not hold its lock m\+0x0/],
    [11, /mutex_destroy of m\+0x0.*which misuse\/\d+ holds/],
  ];
  test.each(cases)('case %d', async (what, report) => {
    const outcome = await in_parallel(API, 1, { what }, { panic_on_oops: true }, { idle_ms: 5000 });
    expect(outcome.fine).toBe(false);
    expect(outcome.log).toMatch(report);
    const { failure } = await search(API, { cpus: 1, schedules: 3, parameters: { what } });
    expect(failure?.message ?? 'nothing').toMatch(report);
  });
});

test('who waits for good is named with what it waits for and who holds it', async () => {
  const { blocked } = await in_parallel(API, 2, { what: 100 });
  expect(blocked).toMatch(/blocked\/1\/\d+ waits for the rwsem \(to read\) sem\+0x0.*, held for writing/);
  expect(blocked).toMatch(/blocked\/2\/\d+ waits for the rwsem \(to write\) sem\+0x0.*, held for writing/);
  expect(blocked).toMatch(/blocked\/3\/\d+ waits for the semaphore semaphore\+0x0.*, count 0/);
});

test('a task that dies of an oops in the queue of an rwsem or a semaphore keeps nobody out', async () => {
  const { log, blocked } = await in_parallel(API, 2, { what: 101 }, {}, { idle_ms: 10_000 });
  expect(log.match(/BUG: scheduling while atomic: dies/g)).toHaveLength(2);
  expect(blocked).toBe('');
});

torture_suite('locks');
test.each(['mutex', 'rwsem', 'semaphore'])('%s: waits for its spin lock are counted', async (name) => {
  const { contended } = await in_parallel(path(`modules/torture/${name}.ts`), 4, {});
  expect(contended).toBeGreaterThan(0);
});
