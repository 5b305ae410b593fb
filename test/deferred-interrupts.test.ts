// Tasklets, ksoftirqd, irq_work and hrtimers: the torture modules in both builds, with their broken variants.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { release_pools } from '../dist/machine/pool.js';
import { in_parallel, torture_file, until_caught } from './deferred-setup.js';
import { search } from './stepped-helpers.js';

afterAll(release_pools);

interface Manifest {
  broken: { broken: number; what: string; report: string }[];
}
const manifest = (name: string): Manifest =>
  JSON.parse(readFileSync(torture_file(name).replace(/\.ts$/, '.json'), 'utf8')) as Manifest;

describe.each(['tasklets', 'irq-work', 'hrtimers'])('%s', (name) => {
  test.each([2, 4])('nothing is found on %d CPUs in parallel', async (cpus) => {
    const run = await in_parallel(torture_file(name), cpus, { rounds: 200 });
    expect(run.log).toMatch(/runs/);
    expect(run.fine, run.log).toBe(true);
  });
  test.each([1, 3])('nothing is found on %d CPUs step by step', async (cpus) => {
    const { failure } = await search(torture_file(name), { cpus, schedules: 150, parameters: { rounds: 4 } });
    expect(failure?.message).toBeUndefined();
  });
  test.each(manifest(name).broken)(
    '$what is caught in parallel',
    async ({ broken, report }) => {
      expect(await until_caught(torture_file(name), 4, { rounds: 1500, broken }, report)).toMatch(new RegExp(report));
    },
    90_000,
  );
  test.each(manifest(name).broken)('$what is caught step by step', async ({ broken }) => {
    const found = await search(torture_file(name), { cpus: 2, schedules: 3000, parameters: { rounds: 2, broken } });
    expect(found.failure).not.toBeNull();
  });
});
