// For the tests of waiting and scheduling: a module of fixtures/sched, run in both builds. Its own WARNs are the checks.
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule } from '../dist/module/compile.js';
import { explore, type ExploreResult } from '../dist/explore/index.js';
import './stepped-helpers.js';

afterAll(release_pools);
export const sched_fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/sched/${name}.ts`, import.meta.url));

/** Loads, waits until all has ended, unloads. Return: the log and everything that was found. */
export async function in_parallel(
  file: string,
  cpus: number,
  parameters: Record<string, number> = {},
): Promise<{ log: string; found: number }> {
  const module = await compileModule(file, { build: 'free' });
  const machine = await Machine.boot({ cpus });
  let error = '';
  let idle = false;
  try {
    await machine.insmod(module, parameters);
    idle = await machine.idle(60_000);
    await machine.rmmod(module.name);
  } catch (e) {
    error = (e as Error).message;
  }
  const { oopses, warnings, reports } = machine.verdict;
  const log = `${machine.dmesg().join('\n')}\n${error}${idle ? '' : '\nnot idle'}`;
  await machine.poweroff();
  return { log, found: oopses + warnings + reports + (error === '' && idle ? 0 : 1) };
}
export async function fine_in_parallel(file: string, cpus: number, parameters: Record<string, number> = {}) {
  const { log, found } = await in_parallel(file, cpus, parameters);
  expect(found, log).toBe(0);
  return log;
}
export const explored = (
  file: string,
  cpus: number,
  parameters: Record<string, number> = {},
  schedules = 200,
): Promise<ExploreResult> => explore(file, { check: false, cpus, schedules, parameters, races: false });
export async function fine_explored(
  file: string,
  cpus: number,
  parameters: Record<string, number> = {},
  schedules = 200,
) {
  const { failure } = await explored(file, cpus, parameters, schedules);
  expect(failure?.message ?? null, failure?.interleaving).toBe(null);
}
