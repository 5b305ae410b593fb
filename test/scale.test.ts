// Torture at scale, what a machine says that is too small for it, and what tells of ten thousand tasks.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Machine } from '../dist/machine/machine.js';
import { compiled, in_parallel } from './parallel.js';
import { torture_suite } from './torture-suite.js';

torture_suite('scale', { cpus: [4] });

const file = (name: string): string => fileURLToPath(new URL(`../modules/torture/${name}.ts`, import.meta.url));

test.each([
  ['scale-threads', /memory for \d+ of 10000 threads in \d+ free KiB: more with --memory, or fewer with threads=/],
  ['scale-timers', /memory for \d+ of 100000 timers in \d+ free KiB: more with --memory, or fewer with timers=/],
  ['scale-objects', /memory for \d+ of 1000000 objects in \d+ free KiB: more with --memory, or fewer with objects=/],
])('%s says how many of them there is memory for, and gives it all back', async (name, said) => {
  const { log } = await in_parallel(file(name), 2, {}, { memory: 8 << 20 });
  expect(log).toMatch(said);
  expect(log).not.toMatch(/leaked|still runs|is armed/);
});

test('of ten thousand tasks /proc/tasks has as many as there is room for, and all are looked at for what they wait for', async () => {
  const module = await compiled(file('scale-threads'));
  const machine = await Machine.boot({ cpus: 2, memory: 32 << 20 });
  await machine.insmod(module, { rounds: 1 });
  expect(await machine.idle(60_000)).toBe(true);
  const lines = (await machine.proc('tasks')).split('\n');
  const more = Number(/^\.\.\. and (\d+) more lines, for which there is no room$/.exec(lines.at(-2)!)?.[1]);
  // A head, khostd, khungtaskd and cat are lines too.
  expect(lines.length - 2 + more).toBe(10_000 + 4);
  expect(machine.blocked().at(-1)).toMatch(/^\.\.\. and 9\d{3} more$/);
  await machine.rmmod(module.name);
  expect(machine.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
  await machine.poweroff();
});
