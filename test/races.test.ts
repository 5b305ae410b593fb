// The library of bugs in examples/races: each is found from any seed with the default settings of `lockstep explore`, and
// found as what races.json says, and minimised; its fixed version passes, also in parallel. `npm run races` does the same at length.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { explore, replay, type Failure } from '../dist/explore/index.js';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule } from '../dist/module/compile.js';
import './stepped-helpers.js';

interface Race {
  name: string;
  title: string;
  verdict: string | string[];
  /** Of the failure's message. */
  message: string;
  /** The message of the data race that it is, for those that are one: what the race detector finds first. */
  race?: string;
}
const folder = fileURLToPath(new URL('../examples/races/', import.meta.url));
const races = JSON.parse(readFileSync(`${folder}races.json`, 'utf8')) as Race[];
const seeds = Array.from({ length: 20 }, (_, i) => i * 7919 + 1);
/** The default of `lockstep explore`. */
const SCHEDULES = 10_000;
const PASSES = 50;

const compiled = (name: string) => compileModule(`${folder}${name}.ts`, { build: 'stepped', check: false });

test('the manifest, the folder and its README name the same modules', () => {
  const names = races.map((r) => r.name).sort();
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  expect(files.sort()).toEqual(names.flatMap((name) => [`${name}.fixed.ts`, `${name}.ts`]).sort());
  const readme = readFileSync(`${folder}README.md`, 'utf8');
  for (const { name, title } of races) {
    expect(readme).toContain(`[${name}](${name}.ts)`);
    expect(readme).toContain(title);
  }
});

function as_expected(failure: Failure, verdict: Race['verdict'], message: string, race?: string): void {
  if (failure.verdict === 'data race' && race !== undefined) {
    expect(failure.message).toMatch(new RegExp(race));
    return;
  }
  expect([verdict].flat()).toContain(failure.verdict);
  expect(failure.message).toMatch(new RegExp(message));
}

describe.each(races)('$name', ({ name, verdict, message, race }) => {
  test(`is found from ${seeds.length} seeds`, async () => {
    const module = await compiled(name);
    for (const seed of seeds) {
      const { failure } = await explore(module, { seed, schedules: SCHEDULES, minimise: false });
      expect(failure, `seed ${seed}: nothing was found in ${SCHEDULES} schedules`).not.toBe(null);
      as_expected(failure!, verdict, message, race);
    }
  });

  test('is minimised to a token that fits a line and replays it', async () => {
    const began = performance.now();
    const { failure } = await explore(await compiled(name), { seed: 1, schedules: SCHEDULES });
    expect(failure!.token.length).toBeLessThan(120);
    // A loose bound: on a quiet machine none takes a second.
    expect(performance.now() - began).toBeLessThan(10_000);
    const again = await replay(failure!.token, `${folder}${name}.ts`, { check: false });
    expect(again.failure?.verdict).toBe(failure!.verdict);
    expect(again.failure?.message).toBe(failure!.message);
  });

  test(`is not found in the fixed version, by ${seeds.length} times ${PASSES} schedules`, async () => {
    const module = await compiled(`${name}.fixed`);
    for (const seed of seeds) {
      const { failure, schedules } = await explore(module, { seed, schedules: PASSES });
      expect(failure).toBe(null);
      expect(schedules).toBe(PASSES);
    }
  });
});

describe('the bounded search covers all that two preemptions can do', () => {
  test.each(races)('to the fixed version of $name', async ({ name }) => {
    const { failure, coverage } = await explore(await compiled(`${name}.fixed`), {
      strategy: 'bounded',
      bound: 2,
      schedules: 3 * SCHEDULES,
    });
    expect(failure).toBe(null);
    expect(coverage.bound?.completed).toBe(2);
  });
});

describe('the race detector', () => {
  test.each(races.filter((r) => r.race !== undefined))('finds $name', async ({ name, verdict, message, race }) => {
    const module = await compiled(name);
    const verdicts = new Set<string>();
    for (const seed of seeds) {
      if (verdicts.has('data race')) break; // another finding may come first
      const { failure } = await explore(module, { seed, schedules: SCHEDULES, minimise: false, races: true });
      as_expected(failure!, verdict, message, race);
      verdicts.add(failure!.verdict);
    }
    expect(verdicts).toContain('data race');
  });
  test('finds nothing in the fixed versions', async () => {
    for (const { name } of races) {
      const { failure } = await explore(await compiled(`${name}.fixed`), { schedules: 2 * PASSES, races: true });
      expect(failure, name).toBe(null);
    }
  });
});

describe('the fixed versions in parallel', () => {
  afterAll(release_pools);
  test.each([2, 4])('pass on %i CPUs', async (cpus) => {
    const machine = await Machine.boot({ cpus, panic_on_lockup: true });
    try {
      for (const { name } of races) {
        const module = await compileModule(`${folder}${name}.fixed.ts`, { build: 'free', check: false });
        for (let round = 0; round < 2; round++) {
          await machine.insmod(module, {});
          expect(await machine.idle(60_000), name).toBe(true);
          await machine.rmmod(module.name);
          expect(machine.verdict, name).toEqual({ oopses: 0, warnings: 0, reports: 0 });
        }
      }
    } finally {
      await machine.poweroff();
    }
  });
});
