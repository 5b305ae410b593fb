// Wait queues and completions, in both builds.
import { describe, expect, test } from 'vitest';
import { fine_explored, fine_in_parallel, sched_fixture } from './sched-setup.js';

describe.each([1, 2, 4])('on %d CPUs', (cpus) => {
  test('every form of wait_event and of completion wakes whom it should and returns what it should', async () => {
    expect(await fine_in_parallel(sched_fixture('waits'), cpus)).toContain('waits: done');
  });
  test('the same in every explored schedule', () => fine_explored(sched_fixture('waits'), cpus));
});
