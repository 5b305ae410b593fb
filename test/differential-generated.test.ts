// Property-based: generated modules, correct by construction, end in both builds as they must, with the same log; and
// exploration finds the lost update that is planted into them. LOCKSTEP_RUNS=1000 makes that many modules of each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { release_pools } from '../dist/machine/pool.js';
import { Differential } from './differential.js';
import { program, render } from './generated-modules.js';
import { search } from './stepped-helpers.js';

const numRuns = Number(process.env['LOCKSTEP_RUNS'] ?? 25);
const timeout = 60_000 + numRuns * 5000;
const settings = {
  numRuns,
  endOnFailure: false,
  ...(process.env['LOCKSTEP_SEED'] !== undefined && { seed: Number(process.env['LOCKSTEP_SEED']) }),
};

const folder = mkdtempSync(join(tmpdir(), 'lockstep-generated-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterAll(release_pools);
let made = 0;
function written(source: string): string {
  const file = join(folder, `generated_${made++}.ts`);
  writeFileSync(file, source);
  return file;
}
const cpus = fc.constantFrom(1, 2, 4);

test(
  'a correct module passes every schedule, and parallel runs give the same log',
  async () => {
    await fc.assert(
      fc.asyncProperty(program, cpus, async (p, n) => {
        const both = await Differential.of(written(render(p)));
        const parallel = await both.in_parallel({ cpus: n });
        const explored = await both.explored({ cpus: n }, 40);
        expect(parallel).toMatch(/"init":0,"exit":0,"oopses":0,"warnings":0,"reports":0,"end":""/);
        expect([...explored.keys()]).toEqual([parallel]);
      }),
      settings,
    );
  },
  timeout,
);

test(
  'a planted lost update is found',
  async () => {
    await fc.assert(
      fc.asyncProperty(program, cpus, async (p, n) => {
        const { failure } = await search(written(render(p, true)), { cpus: n, schedules: 5000, maxSteps: 1_000_000 });
        expect(failure?.verdict).toBe('WARN');
        expect(failure?.message).toMatch(/^WARNING: at module_exit/);
      }),
      settings,
    );
  },
  timeout,
);
