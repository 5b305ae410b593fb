// Torture of what tasks sleep in, and of scheduling; and the kernel's own controls of it.
import { expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { in_parallel, until_caught } from './parallel.js';
import { torture_suite } from './torture-suite.js';

torture_suite('tasks', { cpus: [2, 16] });

const file = (name: string): string => fileURLToPath(new URL(`../modules/torture/${name}.ts`, import.meta.url));

test('control: a mutex that is never handed over: its owner keeps the others out', async () => {
  const options = { break_for_test: ['no-handoff'] };
  const { log } = await in_parallel(file('mutex'), 8, { rounds: 4000, hog: 1 }, options, { idle_ms: 2500 });
  expect(log).toMatch(/not idle/);
});
test('control: del_timer_sync that does not wait is caught', async () => {
  const forever = { rounds: 1_000_000_000, until_caught: 1 };
  const options = { break_for_test: ['del-timer-sync'] };
  const report = /after del_timer_sync/;
  expect(await until_caught(file('timers'), 8, forever, report, options)).toMatch(report);
});
