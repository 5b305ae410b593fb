// Signals to kernel threads, in both builds.
import { describe, expect, test } from 'vitest';
import { fine_explored, fine_in_parallel, sched_fixture } from './sched-setup.js';

describe.each([1, 2, 4])('on %d CPUs', (cpus) => {
  test('a thread gets the signals that it has allowed, in order, and they end its sleeps', async () => {
    expect(await fine_in_parallel(sched_fixture('signals'), cpus)).toContain('signals: done');
  });
  test('the same in every explored schedule', () => fine_explored(sched_fixture('signals'), cpus));
});
