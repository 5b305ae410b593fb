// SRCU in both builds: what it answers and what it says of misuse. Its torture is in rcu.test.ts.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { in_parallel } from './parallel.js';
import { search } from './stepped-helpers.js';

const RULES = fileURLToPath(new URL('./fixtures/rcu/srcu-rules.ts', import.meta.url));

test.each([1, 4])(
  'grace periods wait for readers of their domain, and callbacks come in order, on %d CPUs',
  async (cpus) => {
    const run = await in_parallel(RULES, cpus);
    expect(run.log).toMatch(/srcu-rules: done/);
    expect(run.fine, run.log).toBe(true);
  },
);
test.each([1, 2])('they do in every explored schedule of %d CPUs', async (cpus) => {
  const { failure } = await search(RULES, { cpus, schedules: 200 });
  expect(failure?.message ?? '', failure?.interleaving).toBe('');
});
test.each([
  [1, /srcu_read_lock: the srcu_struct shared\+0x\w+.* is not initialised, or was cleaned up/],
  [2, /WARNING: srcu_read_unlock without srcu_read_lock by insmod\/\d+/],
  [3, /leaver\/\d+ ends inside an SRCU read-side critical section: srcu_read_unlock is missing \(depth 1\)/],
  [4, /suspicious srcu_dereference_check\(\) usage/],
  [5, /WARNING: cleanup_srcu_struct of shared\+0x\w+.*: it has readers/],
  [6, /insmod\/\d+ waits for readers or callbacks of the srcu_struct fixed/],
  [7, /sleeping function called from invalid context: synchronize_srcu .*RCU nest depth: 1/],
  [8, /WARNING: srcu_read_unlock: [23] is not what srcu_read_lock returned/],
  [9, /synchronize_srcu: the srcu_struct shared\+0x\w+.* is not initialised, or was cleaned up/],
])('misuse %d is reported in both builds', async (what, report) => {
  // Who waits for himself is blocked for good.
  if (what !== 6) {
    const run = await in_parallel(RULES, 2, { what }, {}, { idle_ms: 5000 });
    expect(run.log).toMatch(report);
    expect(run.fine).toBe(false);
  }
  const { failure } = await search(RULES, { cpus: 2, schedules: 3, parameters: { what } });
  expect(failure?.message).toMatch(report);
});
