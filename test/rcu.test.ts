// RCU and lists under RCU in both builds: the torture modules and their broken controls.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';
import { search } from './stepped-helpers.js';

afterAll(release_pools);
interface Control {
  broken: number;
  what: string;
  report: string;
}
const path = (name: string): string => fileURLToPath(new URL(`../modules/torture/${name}`, import.meta.url));
const controls_of = (name: string): Control[] =>
  (JSON.parse(readFileSync(path(`${name}.json`), 'utf8')) as { broken: Control[] }).broken;
/** Those that `until_caught` does not end: they break no invariant that is counted. */
const STAY: Record<string, number[]> = { rcu: [4, 5], rculist: [1, 4, 5] };

const modules = new Map<string, CompiledModule>();
beforeAll(async () => {
  for (const name of ['rcu', 'rculist'])
    modules.set(name, await compileModule(path(`${name}.ts`), { build: 'free', check: false }));
}, 60_000);

async function stress(
  name: string,
  cpus: number,
  parameters: Record<string, number>,
): Promise<{ found: number; log: string }> {
  const machine = await Machine.boot({ cpus });
  let error = '';
  try {
    await machine.insmod(modules.get(name)!, parameters);
    await machine.idle(30_000);
    await machine.rmmod(name);
  } catch (e) {
    error = (e as Error).message; // a control may panic
  }
  const { oopses, warnings, reports } = machine.verdict;
  const log = `${machine.dmesg().join('\n')}\n${error}`;
  await machine.poweroff();
  return { found: oopses + warnings + reports + (error === '' ? 0 : 1), log };
}

describe.each(['rcu', 'rculist'])('%s', (name) => {
  test.each([2, 4])(
    'no invariant breaks on %d CPUs',
    async (cpus) => {
      const { found, log } = await stress(name, cpus, { rounds: 30 });
      expect(found, log).toBe(0);
    },
    60_000,
  );
  test.each(controls_of(name))(
    'control $broken: $what',
    async ({ broken, report }) => {
      const few = STAY[name]!.includes(broken);
      const end = performance.now() + 45_000;
      let { log } = await stress(name, 4, { broken, rounds: few ? 100 : 2000, until_caught: few ? 0 : 1 });
      while (!new RegExp(report).test(log) && performance.now() < end)
        ({ log } = await stress(name, 4, { broken, rounds: few ? 100 : 2000 }));
      expect(log).toMatch(new RegExp(report));
    },
    120_000,
  );
  test('step by step no invariant breaks', async () => {
    const { failure, schedules } = await search(path(`${name}.ts`), {
      cpus: 2,
      schedules: 40,
      parameters: { rounds: 1 },
    });
    expect(failure).toBeNull();
    expect(schedules).toBe(40);
  }, 60_000);
  test.each(controls_of(name))(
    'step by step, control $broken: $what',
    async ({ broken, report }) => {
      const { failure } = await search(path(`${name}.ts`), {
        cpus: 2,
        schedules: 3000,
        parameters: { rounds: name === 'rculist' ? 4 : 1, broken },
      });
      expect(failure?.message).toMatch(new RegExp(report));
    },
    60_000,
  );
});
