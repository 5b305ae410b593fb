// Scheduling classes, affinity, parking, in both builds.
import { describe, expect, test } from 'vitest';
import { fine_explored, fine_in_parallel, sched_fixture } from './sched-setup.js';

describe.each([1, 2, 4])('on %d CPUs', (cpus) => {
  test('real-time tasks run by priority, masks are kept, parked threads rest', async () => {
    const log = await fine_in_parallel(sched_fixture('scheduling'), cpus, { parallel: 1 });
    expect(log).toContain('scheduling: done');
    // The error that a thread in TypeScript can't move says what to do.
    if (cpus > 1) expect(log).toMatch(/main\/\d+ has started on CPU 0 and is written in TypeScript.*kthread_bind_mask/);
  });
  test('the same in every explored schedule, where a running thread moves', () =>
    fine_explored(sched_fixture('scheduling'), cpus));
});
