// The torture modules of memory and data on 2 and 4 CPUs, in parallel and explored, each beside its broken variants, which
// must be caught by the report that its manifest says.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule } from '../dist/module/compile.js';
import { search } from './stepped-helpers.js';

afterAll(release_pools);
const NAMES = ['atomics', 'lockless', 'percpu', 'slab', 'pages'];
const path = (file: string): string => fileURLToPath(new URL(`../modules/torture/${file}`, import.meta.url));
interface Manifest {
  broken: { broken: number; what: string; report: string }[];
}
const manifest = (name: string): Manifest => JSON.parse(readFileSync(path(`${name}.json`), 'utf8')) as Manifest;

/** What a run in parallel found: '' if nothing. */
async function parallel(name: string, cpus: number, parameters: Record<string, number>): Promise<string> {
  const module = await compileModule(path(`${name}.ts`), { build: 'free', check: false });
  const machine = await Machine.boot({ cpus, panic_on_oops: true });
  let error = '';
  try {
    await machine.insmod(module, parameters);
    if (!(await machine.idle(60_000))) error = 'not idle';
    await Promise.race([machine.rmmod(module.name), new Promise((r) => setTimeout(r, 20_000).unref())]);
  } catch (e) {
    error = (e as Error).message;
  }
  const { oopses, warnings, reports } = machine.verdict;
  const log = machine.dmesg().join('\n');
  await machine.poweroff();
  return error !== '' || oopses + warnings + reports > 0 ? `${log}\n${error}` : '';
}

describe.each(NAMES)('%s', (name) => {
  test.each([2, 4])(
    'holds on %i CPUs',
    async (cpus) => {
      expect(await parallel(name, cpus, { rounds: 300 })).toBe('');
    },
    90_000,
  );
  test('holds in explored schedules', async () => {
    const { failure } = await search(path(`${name}.ts`), { cpus: 2, schedules: 200, parameters: { rounds: 1 } });
    expect(failure).toBeNull();
  }, 60_000);
  test.each(manifest(name).broken)(
    'control: $what',
    async ({ broken, report }) => {
      let found = '';
      for (let run = 0; run < 20 && found === ''; run++) found = await parallel(name, 4, { broken });
      expect(found).toMatch(new RegExp(report));
    },
    90_000,
  );
});
