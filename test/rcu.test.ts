// RCU in both builds: the torture module and its broken controls.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';
import { search } from './stepped-helpers.js';

afterAll(release_pools);
const torture_path = fileURLToPath(new URL('../modules/torture/rcu.ts', import.meta.url));
const controls = (
  JSON.parse(readFileSync(torture_path.replace(/ts$/, 'json'), 'utf8')) as {
    broken: { broken: number; what: string; report: string }[];
  }
).broken;

/** Those that `until_caught` does not end: they break no invariant that is counted. */
const stays = [4, 5];

let torture: CompiledModule;
beforeAll(async () => {
  torture = await compileModule(torture_path, { build: 'free', check: false });
}, 60_000);

async function stress(cpus: number, parameters: Record<string, number>): Promise<{ found: number; log: string }> {
  const machine = await Machine.boot({ cpus });
  try {
    await machine.insmod(torture, parameters);
    expect(await machine.idle(30_000)).toBe(true);
    await machine.rmmod(torture.name);
    const { oopses, warnings, reports } = machine.verdict;
    return { found: oopses + warnings + reports, log: machine.dmesg().join('\n') };
  } finally {
    await machine.poweroff();
  }
}

describe('in parallel', () => {
  test.each([2, 4])(
    'no reader sees an element that was freed, on %d CPUs',
    async (cpus) => {
      const { found, log } = await stress(cpus, { rounds: 40 });
      expect(found, log).toBe(0);
    },
    60_000,
  );
  test.each(controls)(
    'control $broken: $what',
    async ({ broken, report }) => {
      const few = stays.includes(broken);
      const { log } = await stress(4, { broken, rounds: few ? 20 : 100_000, until_caught: few ? 0 : 1 });
      expect(log).toMatch(new RegExp(report));
    },
    60_000,
  );
});

describe('step by step', () => {
  test('no schedule frees an element that a reader has', async () => {
    const { failure, schedules } = await search(torture_path, {
      cpus: 2,
      schedules: 60,
      parameters: { rounds: 1 },
    });
    expect(failure).toBeNull();
    expect(schedules).toBe(60);
  });
  test.each(controls)(
    'control $broken: $what',
    async ({ broken, report }) => {
      const { failure } = await search(torture_path, {
        cpus: 2,
        schedules: 3000,
        parameters: { rounds: 1, broken },
      });
      expect(failure?.message).toMatch(new RegExp(report));
    },
    60_000,
  );
});
