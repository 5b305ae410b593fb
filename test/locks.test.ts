// rwlock_t, sequence counters, semaphores, rwsem, the mutex by all its names: what they answer, what they report, and
// their torture modules, each beside its broken variants, in both builds.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';
import { search } from './stepped-helpers.js';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const API = path('test/fixtures/locks/api.ts');
const NAMES = ['rwlock', 'seqlock', 'rwsem', 'semaphore', 'mutex'];
const file = (name: string): string => path(`modules/torture/${name}.ts`);

const modules = new Map<string, CompiledModule>();
beforeAll(async () => {
  for (const f of [API, ...NAMES.map(file)]) modules.set(f, await compileModule(f, { build: 'free', check: false }));
}, 60_000);
afterAll(release_pools);

interface Outcome {
  log: string;
  fine: boolean;
  blocked: string;
  contended: number;
}
async function run(
  f: string,
  cpus: number,
  parameters: Record<string, number>,
  patience_ms = 30_000,
  panic_on_oops = true,
): Promise<Outcome> {
  const machine = await Machine.boot({ cpus, panic_on_oops });
  let error = '';
  let idle = false;
  let blocked = '';
  try {
    const module = modules.get(f)!;
    await machine.insmod(module, parameters);
    idle = await machine.idle(patience_ms);
    blocked = machine.tasks === 0 ? '' : machine.blocked().join('\n');
    if (blocked === '')
      await Promise.race([machine.rmmod(module.name), new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
  } catch (e) {
    error = (e as Error).message;
  }
  const { oopses, warnings, reports } = machine.verdict;
  const contended = machine.statistics().reduce((sum, cpu) => sum + cpu.contended, 0);
  const log = `${machine.dmesg().join('\n')}\n${error}`;
  await machine.poweroff();
  return { log, blocked, contended, fine: idle && error === '' && blocked === '' && oopses + warnings + reports === 0 };
}

describe('what they answer', () => {
  test.each([1, 2, 4])('in parallel on %d CPUs', async (cpus) => {
    const outcome = await run(API, cpus, { what: 0 });
    expect(outcome, outcome.log).toMatchObject({ fine: true });
    expect(outcome.log).toMatch(/all asked/);
  });
  test('step by step', async () => {
    const { failure } = await search(API, { cpus: 2, schedules: 30, parameters: { what: 0 } });
    expect(failure?.message ?? '').toBe('');
  });
});

describe('misuse is reported', () => {
  const cases: [number, RegExp][] = [
    [1, /write_unlock of rw\+0x0.* by CPU \d, which does not hold it for writing/],
    [2, /read_unlock of rw\+0x0.*nobody holds it for reading/],
    [3, /write_lock recursion: CPU \d already holds the rwlock rw\+0x0/],
    [4, /read_lock of rw\+0x0.*held for writing by CPU \d, which runs misuse\/\d+.*would wait for itself/],
    [5, /up_write of sem\+0x0.*nobody holds.*which does not hold it for writing/],
    [6, /up_read of sem\+0x0.*nobody holds it for reading/],
    [7, /down_write: misuse\/\d+ already holds sem\+0x0/],
    [8, /write_seqcount_begin: shared\+0x0.*preemption is on/],
    [9, /read of the seqcount seq\+0x0.*on top of its writer on CPU \d: it would wait for itself/],
    [10, /write_seqcount_begin: shared\+0x8.*the writer does not hold its lock m\+0x0/],
    [11, /mutex_destroy of m\+0x0.*which misuse\/\d+ holds/],
  ];
  test.each(cases)('case %d', async (what, report) => {
    const outcome = await run(API, 1, { what }, 5000);
    expect(outcome.fine).toBe(false);
    expect(outcome.log).toMatch(report);
    const { failure } = await search(API, { cpus: 1, schedules: 3, parameters: { what } });
    expect(failure?.message ?? 'nothing').toMatch(report);
  });
});

test('who waits for good is named with what it waits for and who holds it', async () => {
  const { blocked } = await run(API, 2, { what: 100 });
  expect(blocked).toMatch(/blocked\/1\/\d+ waits for the rwsem \(to read\) sem\+0x0.*, held for writing/);
  expect(blocked).toMatch(/blocked\/2\/\d+ waits for the rwsem \(to write\) sem\+0x0.*, held for writing/);
  expect(blocked).toMatch(/blocked\/3\/\d+ waits for the semaphore semaphore\+0x0.*, count 0/);
});

test('a task that dies of an oops in the queue of an rwsem or a semaphore keeps nobody out', async () => {
  const { log, blocked } = await run(API, 2, { what: 101 }, 10_000, false);
  expect(log.match(/BUG: scheduling while atomic: dies/g)).toHaveLength(2);
  expect(blocked).toBe('');
});

const ROUNDS: Record<string, number> = { rwlock: 200, seqlock: 200, rwsem: 30, semaphore: 30, mutex: 60 };
interface Broken {
  broken: number;
  report: string;
  parameters?: Record<string, number>;
}
const variants = NAMES.flatMap((name) =>
  (JSON.parse(readFileSync(path(`modules/torture/${name}.json`), 'utf8')) as { broken: Broken[] }).broken.map(
    (b) => [name, b.broken, b] as const,
  ),
);

describe('torture', () => {
  test.each(NAMES.flatMap((name) => [2, 4].map((cpus) => [name, cpus] as const)))(
    '%s: nothing is found on %d CPUs, and waits are counted',
    async (name, cpus) => {
      const outcome = await run(file(name), cpus, { rounds: ROUNDS[name]! });
      expect(outcome, outcome.log).toMatchObject({ fine: true });
      if (name !== 'seqlock' && name !== 'rwlock') expect(outcome.contended).toBeGreaterThan(0);
    },
    60_000,
  );
  test.each(['rwlock', 'rwsem'])(
    '%s: a writer gets in among readers that overlap',
    async (name) => {
      const outcome = await run(file(name), 4, { rounds: 3, starve: 1 });
      expect(outcome, outcome.log).toMatchObject({ fine: true });
    },
    60_000,
  );
  // The semaphore's balance and what is lost are seen at the end of a run: those run for some rounds, again and again.
  test.each(variants)(
    'control: %s, broken %d, is caught in parallel',
    async (name, broken, { report, parameters }) => {
      let outcome: Outcome = { log: '', fine: true, blocked: '', contended: 0 };
      const end = performance.now() + 45_000;
      for (let turn = 0; !new RegExp(report).test(outcome.log) && (turn < 3 || performance.now() < end); turn++)
        outcome = await run(file(name), 4, { rounds: turn < 2 ? 400 : 3000, broken, ...parameters }, 20_000);
      expect(outcome.log).toMatch(new RegExp(report));
    },
    120_000,
  );
  test.each(NAMES)('%s: nothing is found step by step', async (name) => {
    const { failure } = await search(file(name), { cpus: 2, schedules: 100, parameters: { rounds: 1 } });
    expect(failure?.message ?? '').toBe('');
  });
  // Starvation is a matter of time, of which a schedule has none.
  test.each(variants.filter(([, , b]) => b.parameters?.['starve'] === undefined))(
    'control: %s, broken %d, is found step by step',
    async (name, broken) => {
      const { failure } = await search(file(name), { cpus: 2, schedules: 20_000, parameters: { rounds: 2, broken } });
      expect(failure).not.toBeNull();
    },
    30_000,
  );
});
