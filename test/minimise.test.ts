// The minimiser: what it makes of a failing schedule fails in the same way and is never larger; the same failure gives
// the same result; a bound or an abort keeps the best so far. The usual continuation, on which tokens rest.
import { beforeAll, describe, expect, test } from 'vitest';
import { explore } from '../dist/explore/index.js';
import { go_on, QUANTUM } from '../dist/explore/continuation.js';
import { as_recorded } from '../dist/explore/failure.js';
import { failure_key, minimise } from '../dist/explore/minimise.js';
import type { Outcome, Size } from '../dist/explore/outcome.js';
import { Session } from '../dist/explore/session.js';
import { Plan } from '../dist/explore/strategies/plan.js';
import { RandomWalk } from '../dist/explore/strategies/random-walk.js';
import { Replay } from '../dist/explore/strategies/replay.js';
import { compileModule } from '../dist/module/compile.js';
import type { Decision, View } from '../dist/stepped/strategy.js';
import { example, failure_of, fixture, search } from './stepped-helpers.js';

// A const enum has no values at run time.
const Action = { RUN: 0, INTERRUPT: 1, TICK: 2 } as const;

const open = async (file: string, cpus: number, parameters: Record<string, number> = {}): Promise<Session> =>
  Session.open(await compileModule(file, { build: 'stepped', check: false }), { cpus, parameters });
const size = ({ switches, interruptions }: Size): number => switches + interruptions;

/** Schedules of a random walk, each with whether it failed. */
function* walk(session: Session, seed: number, schedules: number, hashing = false): Generator<Outcome> {
  const strategy = new RandomWalk(seed);
  for (let i = 0; i < schedules; i++) yield session.run(strategy, i, hashing);
}

describe('a recorded schedule', () => {
  test.each([
    ['lost-update', example('lost-update'), 4],
    ['timers', example('timer-completion'), 4],
    ['one CPU', example('producer-consumer'), 1],
    ['mutexes', example('mutex-counter'), 3],
    ['IPIs', fixture('ipi-deadlock'), 4],
    ['migration', fixture('migrates'), 2],
  ])('as deviations from the usual continuation is the same: %s', async (_name, file, cpus) => {
    const session = await open(file, cpus);
    for (const found of walk(session, 7, 60, true)) {
      const recorded = session.choices;
      const plan = new Plan(recorded);
      expect(session.run(plan, 0, true)).toEqual(found);
      const deviations = plan.deviations_of(session.choices);
      const replayed = new Replay(deviations);
      expect(session.run(replayed, 0, true)).toEqual(found);
      replayed.finish();
    }
  });
});

describe('a minimised schedule', () => {
  test.each([
    ['lost-update', example('lost-update'), 4, 2],
    ['preempted', fixture('preempted'), 4, 2],
    ['abba-spin', fixture('abba-spin'), 2, 1],
    ['abba-mutex', fixture('abba-mutex'), 1, 1],
    ['ipi-deadlock', fixture('ipi-deadlock'), 2, 4],
    ['missed-wakeup', fixture('missed-wakeup'), 4, 2],
    ['stop-timer', fixture('stop-timer'), 2, 4],
    ['own-timer', fixture('own-timer'), 1, 2],
  ])('fails in the same way and is never larger: %s', async (_name, file, cpus, most) => {
    const parameters = file.includes('fixtures') ? { broken: 1 } : {};
    const session = await open(file, cpus, parameters);
    let tried = 0;
    for (const seed of [1, 2, 3, 4])
      for (const found of walk(session, seed, 3000)) {
        if (found.verdict === null) continue;
        const made = await minimise(session, session.choices, found);
        const { outcome, before, after, deviations } = made;
        expect(failure_key(outcome)).toBe(failure_key(found));
        expect(size(after)).toBeLessThanOrEqual(size(before));
        expect(size(after)).toBeLessThanOrEqual(most);
        expect(made.complete).toBe(true);
        const again = session.run(new Replay(deviations), 0);
        expect(again).toEqual(outcome);
        tried++;
        break;
      }
    expect(tried).toBe(4);
  });

  test('is what explore reports, unless it is told not to', async () => {
    const small = await failure_of('preempted', { cpus: 4 });
    const large = await failure_of('preempted', { cpus: 4, minimise: false });
    expect(large.minimised).toBeNull();
    expect(small.minimised!.complete).toBe(true);
    expect(size(small.minimised!.after)).toBeLessThan(size(small.minimised!.before));
    expect(small.token.length).toBeLessThan(large.token.length);
    expect(small.message).toBe(large.message);
  });

  test('is the same for the same failure', async () => {
    const tokens = [];
    for (let i = 0; i < 3; i++) tokens.push((await failure_of('migrates', { cpus: 2 })).token);
    expect(new Set(tokens).size).toBe(1);
  });

  test('has a token of fewer than 120 characters', async () => {
    for (const [name, cpus] of [
      ['ipi-deadlock', 4],
      ['migrates', 2],
      ['missed-wakeup', 2],
      ['timer-deadlock', 1],
    ] as const)
      expect((await failure_of(name, { cpus })).token.length).toBeLessThan(120);
  });
});

describe('minimising', () => {
  let session: Session;
  let found: Outcome;
  beforeAll(async () => {
    session = await open(example('lost-update'), 4);
    for (found of walk(session, 1, 1000)) if (found.verdict !== null) break;
  });
  const recorded = () => {
    session.run(new RandomWalk(1), 0);
    return session.choices;
  };

  test('ends at its bounds and keeps the best so far', async () => {
    const one = await minimise(session, recorded(), found, { schedules: 1 });
    const few = await minimise(session, recorded(), found, { schedules: 20 });
    const all = await minimise(session, recorded(), found);
    expect(one).toMatchObject({ schedules: 1, complete: false });
    expect(one.after).toEqual(one.before);
    expect(few.schedules).toBe(20);
    expect(few.complete).toBe(false);
    expect(size(few.after)).toBeLessThan(size(one.after));
    expect(all.complete).toBe(true);
    expect(size(all.after)).toBeLessThanOrEqual(size(few.after));
    const bounded = await minimise(session, recorded(), found, { steps: 1000 });
    expect(bounded.complete).toBe(false);
    expect(session.run(new Replay(bounded.deviations), 0)).toEqual(bounded.outcome);
  });

  test('that is aborted keeps the best so far', async () => {
    let looks = 0;
    const signal = {
      get aborted() {
        return ++looks > 30;
      },
    };
    const made = await minimise(session, recorded(), found, { signal });
    expect(made.complete).toBe(false);
    expect(made.schedules).toBeLessThan(40);
    expect(size(made.after)).toBeLessThan(size(made.before));
    expect(session.run(new Replay(made.deviations), 0)).toEqual(made.outcome);
  });

  test('refuses a schedule that does not fail', async () => {
    await expect(minimise(session, [], { ...found, message: 'another one' })).rejects.toThrow(/not deterministic/);
    expect(() => as_recorded(session, [])).toThrow(/not deterministic/);
  });

  test('a search that is aborted after it has found something reports it', async () => {
    const control = new AbortController();
    const { failure } = await explore(fixture('preempted'), {
      check: false,
      races: false,
      parameters: { broken: 1 },
      signal: control.signal,
      onOutcome: (outcome) => outcome.verdict !== null && control.abort(),
    });
    expect(failure).toMatchObject({ verdict: 'WARN', minimised: { complete: false } });
  });
});

describe('two failures', () => {
  const key = (verdict: Outcome['verdict'], message: string): string => failure_key({ verdict, message } as Outcome);
  test('are the same if they differ in addresses, counts, CPUs and pids only', () => {
    expect(key('deadlock', 'CPUs wait: CPU 0 (a/2) waits for x+0x0; CPU 1 (b/3) waits for y+0x10')).toBe(
      key('deadlock', 'CPUs wait: CPU 3 (b/7) waits for y+0x20; CPU 2 (a/4) waits for x+0x8'),
    );
    expect(key('WARN', 'lost: 3, 4 at module_exit (a/b-1.ts:122:3)')).toBe(
      key('WARN', 'lost: 5, 9 at module_exit (a/b-1.ts:122:3)'),
    );
  });
  test('are not the same at another place, of another kind or about something else', () => {
    const one = key('WARN', 'lost: 3 at module_exit (a.ts:122:3)');
    expect(key('WARN', 'lost: 3 at module_exit (a.ts:12:3)')).not.toBe(one);
    expect(key('WARN', 'won: 3 at module_exit (a.ts:122:3)')).not.toBe(one);
    expect(key('BUG', 'lost: 3 at module_exit (a.ts:122:3)')).not.toBe(one);
  });
});

describe('the usual continuation', () => {
  const view = (over: Partial<Omit<View, 'cpus'>> & { on: number[] }): View => {
    const { on, ...rest } = over;
    return {
      cpus: new Int32Array(8).fill(-1).map((_, i) => on[i] ?? 0),
      count: on.length,
      last: -1,
      used_up: false,
      pending: new Uint8Array(8),
      contended: new Uint8Array(8),
      timers: false,
      ...rest,
    } as View;
  };
  const decided = (v: View): Decision => {
    const decision: Decision = { cpu: -1, action: Action.RUN, steps: -1, firm: false };
    go_on(v, decision);
    return decision;
  };
  const marked = (cpu: number) => new Uint8Array(8).fill(1, cpu, cpu + 1);

  test('lets the CPU that ran go on, then the next one by number, round', () => {
    expect(decided(view({ on: [0, 1, 3], last: -1 }))).toEqual({
      cpu: 0,
      action: Action.RUN,
      steps: QUANTUM,
      firm: true,
    });
    expect(decided(view({ on: [0, 1, 3], last: 1 })).cpu).toBe(1);
    expect(decided(view({ on: [0, 1, 3], last: 2 })).cpu).toBe(3);
    expect(decided(view({ on: [0, 1, 2], last: 3 })).cpu).toBe(0);
  });
  test('gives the others their turn after a quantum, and a tick to who waits for the CPU', () => {
    expect(decided(view({ on: [0, 1, 3], last: 1, used_up: true })).cpu).toBe(3);
    expect(decided(view({ on: [1], last: 1, used_up: true })).cpu).toBe(1);
    expect(decided(view({ on: [1], last: 1, used_up: true, contended: marked(1) })).action).toBe(Action.TICK);
    expect(decided(view({ on: [1], last: 1, contended: marked(1) })).action).toBe(Action.RUN);
  });
  test('takes a pending interrupt first', () => {
    expect(decided(view({ on: [0, 2], last: 2, pending: marked(2) }))).toMatchObject({
      cpu: 2,
      action: Action.INTERRUPT,
    });
  });
  test('runs a module to its end that needs other CPUs to go on: nothing is starved', async () => {
    for (const [name, cpus] of [
      ['producer-consumer', 1],
      ['producer-consumer', 4],
      ['timer-completion', 2],
    ] as const) {
      const session = await open(example(name), cpus);
      expect(session.run(new Replay([]), 0).verdict).toBeNull();
    }
    const { failures } = await search(fixture('spins'), { cpus: 2, schedules: 1, parameters: { broken: 0 } });
    expect(failures).toBe(0);
  });
});
