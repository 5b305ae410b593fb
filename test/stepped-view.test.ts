// What strategies are offered at each decision is kept up to date by what happens, not by looking at every CPU: here it
// is compared with that, over all fixtures and generated modules.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { Session, stepped_kernel } from '../dist/explore/session.js';
import { RandomWalk } from '../dist/explore/strategies/random-walk.js';
import { compileModule } from '../dist/module/compile.js';
import { program, render } from './generated-modules.js';
import { fixture } from './stepped-helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-view-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Spoil = (view: Parameters<RandomWalk['decide']>[0]) => void;
async function errors(file: string, cpus: number, schedules: number, spoil?: Spoil): Promise<Set<string>> {
  const { core } = (await stepped_kernel()).graph;
  const found = new Set<string>();
  const walk = new RandomWalk(cpus);
  const watched = {
    name: 'watched',
    begin: (schedule: number) => walk.begin(schedule),
    decide: (...args: Parameters<RandomWalk['decide']>) => {
      spoil?.(args[0]);
      const error = core.view_error();
      if (error !== '') found.add(error);
      walk.decide(...args);
    },
  };
  const session = await Session.open(await compileModule(file, { build: 'stepped', check: false }), {
    cpus,
    max_steps: 3000,
  });
  for (let i = 0; i < schedules; i++) session.run(watched, i);
  return found;
}

const modules = readdirSync(new URL('./fixtures/stepped', import.meta.url)).map((name) => name.replace(/\.ts$/, ''));

test.each(modules.filter((name) => name !== 'no-exit'))('%s', async (module) => {
  for (const cpus of [1, 2, 4]) expect([...(await errors(fixture(module), cpus, 60))]).toEqual([]);
});

test.each<[string, Spoil]>([
  ['a CPU is missing', (view) => view.count--],
  ['an interrupt', (view) => (view.pending[view.cpus[0]!]! ^= 1)],
  ['a waiting task', (view) => (view.contended[view.cpus[0]!]! ^= 1)],
  ['timers', (view) => (view.timers = !view.timers)],
])('control: %s is noticed', async (_what, spoil) => {
  let calls = 0;
  // Once: what is spoiled stays so until the next look.
  const once: Spoil = (view) => (calls++ === 3 && view.count > 1 ? spoil(view) : undefined);
  expect((await errors(fixture('preempted'), 4, 1, once)).size).toBeGreaterThan(0);
});

test('generated modules', async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(program, fc.constantFrom(1, 2, 4), async (p, cpus) => {
      const file = join(folder, `generated_${n++}.ts`);
      writeFileSync(file, render(p));
      expect([...(await errors(file, cpus, 10))]).toEqual([]);
    }),
    { numRuns: 20 },
  );
});
