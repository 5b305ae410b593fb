// The torture modules of CPUs among themselves at 2, 8 and 64 CPUs, each beside a broken control that must be caught, and
// the kernel's own controls. The rounds here are few; scripts/torture.mjs runs the same with a million, and
// docs/torture.md has what it found.
import { describe, expect, test } from 'vitest';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MachineOptions } from '../dist/machine/machine.js';
import { in_parallel, until_caught } from './parallel.js';
import { table, tableOfPage } from '../scripts/torture-table.mjs';
import { FAMILIES, torture_suite } from './torture-suite.js';

test('every torture module is in a family', () => {
  const folder = fileURLToPath(new URL('../modules/torture/', import.meta.url));
  const all = readdirSync(folder).filter((entry) => entry.endsWith('.json'));
  expect(
    Object.values(FAMILIES)
      .flatMap((names) => names.map((name) => `${name}.json`))
      .sort(),
  ).toEqual(all.sort());
});

test('the table of docs/torture.md is that of the manifests: node scripts/torture-table.mjs', () => {
  const cells = (text: string): string[] => text.replace(/-{3,}/g, '---').replace(/ +/g, ' ').split('\n');
  expect(cells(tableOfPage())).toEqual(cells(table()));
});

torture_suite('cpus');

const file = (name: string): string => fileURLToPath(new URL(`../modules/torture/${name}.ts`, import.meta.url));
/** Total work, shared by the CPUs: it has to fit two cores. */
const share = (total: number, cpus: number): number => Math.ceil(total / cpus);
/** A control goes on until it is caught: how many rounds that takes is the host's affair. */
const UNTIL_CAUGHT = { rounds: 1_000_000_000, until_caught: 1 };

describe.each([2, 8, 64])('on %d CPUs', (cpus) => {
  const fine = async (name: string, parameters: Record<string, number>): Promise<void> => {
    const outcome = await in_parallel(file(name), cpus, parameters);
    expect(outcome, outcome.log).toMatchObject({ fine: true, lost: 0 });
  };
  const caught = async (
    name: string,
    parameters: Record<string, number>,
    options: MachineOptions,
    report: RegExp,
  ): Promise<void> => {
    expect(await until_caught(file(name), cpus, parameters, report, options, 40_000)).toMatch(report);
  };

  test('no wake-up of a CPU that goes idle is lost', () =>
    fine('idle-wakeup', { rounds: share(cpus > 8 ? 4000 : 12_000, cpus) }));
  test('control: a CPU that looks before it announces that it sleeps loses one', async () => {
    const broken = { break_for_test: ['look-before-announce'] };
    let outcome = await in_parallel(file('idle-wakeup'), cpus, { rounds: 1_000_000 }, broken, { idle_ms: 3500 });
    for (let run = 1; run < 8 && outcome.lost === 0; run++)
      outcome = await in_parallel(file('idle-wakeup'), cpus, { rounds: 1_000_000 }, broken, { idle_ms: 3500 });
    expect(outcome.lost, outcome.log).toBeGreaterThan(0);
  });
  test('control: a task that looks before it says that it sleeps is left asleep', () =>
    caught('idle-wakeup', { rounds: 20_000, broken: 1 }, {}, /lost wake-up: \d+ of/));

  test('every call to another CPU runs once, there, and before a call that waits returns', () =>
    fine('ipi-storm', { rounds: share(12_000, cpus) }));
  test('control: a call that is announced before it is written is caught', () =>
    caught(
      'ipi-storm',
      UNTIL_CAUGHT,
      { break_for_test: ['call-before-fill'] },
      /kernel panic|calls sent|broken invariants/,
    ));
  test('control: relying on a call without waiting for it is caught', () =>
    caught('ipi-storm', { ...UNTIL_CAUGHT, broken: 1 }, {}, /a call that was waited for had not run/));

  test('spin locks exclude, nested and with interrupts on top', () =>
    fine('spin', { rounds: share(cpus > 8 ? 15_000 : 40_000, cpus) }));
  test('control: a lock that is taken without compare-exchange is caught', () =>
    caught(
      'spin',
      UNTIL_CAUGHT,
      { break_for_test: ['lock-without-cas'] },
      /does not hold it|was in it|came into the section|increments were lost|soft lockup|not idle/,
    ));
  test('control: no lock is caught', () =>
    caught('spin', { ...UNTIL_CAUGHT, broken: 1 }, {}, /increments were lost|broken invariants/));
  test('control: a lock of a handler that is taken with interrupts on is caught', () =>
    caught('spin', { ...UNTIL_CAUGHT, broken: 2 }, {}, /spin lock recursion/));
});
