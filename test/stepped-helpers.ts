// For the tests of the stepped machine: the fixtures, each with a parameter `broken`, 0 for the correct module.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { explore, type ExploreOptions, type ExploreResult, type Failure } from '../dist/explore/index.js';

// The history and the compiler's cache are the tests' own.
const cache = mkdtempSync(join(tmpdir(), 'lockstep-stepped-'));
process.env['LOCKSTEP_CACHE'] = cache;
afterAll(() => rmSync(cache, { recursive: true, force: true }));

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/stepped/${name}.ts`, import.meta.url));
export const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

/**
 * Explores without the type check, which takes longer than all else, and without the race detector, which ends most
 * broken modules' schedules before what they are about: its tests are races-detect.test.ts.
 */
export const search = (file: string, options: ExploreOptions = {}): Promise<ExploreResult> =>
  explore(file, { check: false, races: false, ...options });

/** The failure of a broken module; throws when there is none. */
export async function failure_of(name: string, options: ExploreOptions & { broken?: number } = {}): Promise<Failure> {
  const { broken = 1, ...rest } = options;
  const { failure, schedules } = await search(fixture(name), { schedules: 3000, ...rest, parameters: { broken } });
  if (failure === null) throw new Error(`${name}, broken ${broken}: nothing was found in ${schedules} schedules`);
  return failure;
}
