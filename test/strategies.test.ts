// The strategies: on a machine that is nothing but CPUs with so many steps each, whose interleavings can be counted by
// hand, and on real modules.
import { describe, expect, test } from 'vitest';
import { Bounded } from '../dist/explore/strategies/bounded.js';
import { DEFAULT_STRATEGY, make_strategy, STRATEGIES, type StrategyName } from '../dist/explore/strategies/index.js';
import type { SearchStrategy } from '../dist/explore/strategies/search-strategy.js';
import { Distinct } from '../dist/explore/coverage.js';
import type { Decision, View } from '../dist/stepped/strategy.js';
import { example, fixture, search } from './stepped-helpers.js';

/** One schedule of CPUs that make `lengths` steps and wait for nothing: who made each step, as text. */
function run(strategy: SearchStrategy, schedule: number, lengths: readonly number[], place = 0): string {
  const left = [...lengths];
  let made = '';
  const view: View = {
    cpus: new Int32Array(lengths.length),
    count: 0,
    last: -1,
    used_up: false,
    pending: new Uint8Array(lengths.length),
    contended: new Uint8Array(lengths.length),
    timers: false,
    steps: () => made.length,
    context: (c) => (c + 1) << 2,
    place: () => place,
  };
  const decision: Decision = { cpu: 0, action: 0, steps: 0, firm: false };
  strategy.begin(schedule);
  for (;;) {
    view.count = 0;
    left.forEach((n, c) => {
      if (n > 0) view.cpus[view.count++] = c;
    });
    if (view.count === 0) break;
    if (view.count === 1)
      decision.cpu = view.cpus[0]!; // no choice: nobody is asked
    else strategy.decide(view, decision);
    const c = decision.cpu;
    const steps = Math.min(left[c]!, view.count === 1 ? Infinity : 1 + Math.max(0, decision.steps));
    left[c]! -= steps;
    made += String(c).repeat(steps);
    view.last = c;
    view.used_up = left[c]! > 0;
  }
  strategy.end?.(made.length);
  return made;
}

/** Where a CPU gave way although it could go on. */
const preemptions = (made: string): number => {
  let n = 0;
  for (let i = 1; i < made.length; i++) if (made[i] !== made[i - 1] && made.indexOf(made[i - 1]!, i) >= 0) n++;
  return n;
};

describe('the bounded search', () => {
  test('of two CPUs with three steps each makes 2, 6, 14, 18 and 20 schedules at bounds 0 to 4, none twice, and knows when that is all', () => {
    const strategy = new Bounded(Infinity);
    const counts: number[] = [];
    let of_bound: string[] = [];
    for (let i = 0; !strategy.exhausted; i++) {
      const bound = strategy.coverage.searching!;
      of_bound.push(run(strategy, i, [3, 3]));
      if (strategy.coverage.completed !== bound) continue;
      expect(new Set(of_bound).size).toBe(of_bound.length);
      expect(Math.max(...of_bound.map(preemptions))).toBe(Math.min(bound, 4));
      counts.push(of_bound.length);
      of_bound = [];
    }
    // Interleavings of aaa and bbb with 1 to 5 switches, of which the last is free: 2, 4, 8, 4, 2; 20 in all. That no
    // schedule needs a fifth preemption shows at bound 5.
    expect(counts).toEqual([2, 6, 14, 18, 20, 20]);
    expect(strategy.coverage).toEqual({ completed: 5, searching: null, all: true });
  });

  test('stops at its bound, and does not say that it has covered all', () => {
    const strategy = new Bounded(1);
    let n = 0;
    while (!strategy.exhausted) run(strategy, n++, [3, 3]);
    expect(n).toBe(2 + 6);
    expect(strategy.coverage).toEqual({ completed: 1, searching: null, all: false });
  });

  test('completes on a real module and finds nothing in the correct one; the broken one fails within that bound', async () => {
    const options = { strategy: 'bounded', bound: 2, cpus: 2, schedules: 100_000 } as const;
    const fine = await search(fixture('abba-mutex'), { ...options, parameters: { broken: 0 } });
    expect(fine.failure).toBe(null);
    expect(fine.coverage.bound).toEqual({ completed: 2, searching: null, all: false });
    const broken = await search(fixture('abba-mutex'), { ...options, minimise: false, parameters: { broken: 1 } });
    expect(broken.failure?.verdict).toBe('deadlock');
  });

  test('that is cut off by the number of schedules claims only the bounds before', async () => {
    const { coverage, schedules } = await search(fixture('abba-mutex'), {
      strategy: 'bounded',
      cpus: 2,
      schedules: 20,
      parameters: { broken: 0 },
    });
    expect(schedules).toBe(20);
    expect(coverage.bound?.all).toBe(false);
    expect(coverage.bound?.searching).toBe((coverage.bound?.completed ?? NaN) + 1);
    expect(coverage.bound?.completed).toBeLessThan(2);
  });
});

test('PCT of depth 2 finds the one order of 2 tasks and 40 steps that a bug needs at least as often as it promises', () => {
  const found = (name: StrategyName, depth?: number): number => {
    const strategy = make_strategy({ strategy: name, seed: 1, ...(depth !== undefined && { depth }) });
    let hits = 0;
    for (let i = 0; i < 8000; i++) if (run(strategy, i, [20, 20]).startsWith('0'.repeat(19) + '1'.repeat(20))) hits++;
    return hits / 8000;
  };
  expect(found('pct', 2)).toBeGreaterThan(1 / (2 * 40) / 2);
  // Control: the bug needs two orders, so depth 1 never finds it, and a random walk would need 2^38 schedules.
  expect(found('pct', 1)).toBe(0);
  expect(found('random')).toBe(0);
});

describe.each(STRATEGIES)('%s', (strategy) => {
  test('makes the same schedules for the same seed', () => {
    const all = (seed: number): string => {
      const made = make_strategy({ strategy, seed });
      const schedules: string[] = [];
      for (let i = 0; i < 200 && made.exhausted !== true; i++)
        if (made.skips?.(i) !== true) schedules.push(run(made, i, [4, 3, 5], 8));
      return schedules.join();
    };
    expect(all(7)).toBe(all(7));
    if (strategy !== 'bounded') expect(all(7)).not.toBe(all(8));
  });

  test('finds the lost update from 10 seeds', async () => {
    for (let i = 0; i < 10; i++) {
      const { failure } = await search(example('lost-update'), {
        strategy,
        seed: i * 7919 + 1,
        schedules: 1000,
        minimise: false,
      });
      expect(failure?.verdict).toBe('WARN');
    }
  });
});

describe('options', () => {
  test.each([
    [{ strategy: 'pct', depth: 0 }, /depth: 0 is not a whole number from 1 to/],
    [{ strategy: 'pct', depth: 1.5 }, /depth: 1.5 is not a whole number/],
    [{ strategy: 'random', depth: 2 }, /depth: it is an option of the strategy pct, not of random/],
    [{ strategy: 'bounded', bound: -1 }, /bound: -1 is not a whole number from 0 to/],
    [{ strategy: 'bounded', bound: 0.5 }, /bound: 0.5 is not a whole number/],
    [{ strategy: 'pos', bound: 1 }, /bound: it is an option of the strategies bounded and portfolio, not of pos/],
  ] as const)('%j is refused', (options, message) => {
    expect(() => make_strategy(options)).toThrow(message);
  });
  test('a bound of 0 means no preemptions', async () => {
    const { coverage } = await search(fixture('abba-mutex'), {
      strategy: 'bounded',
      bound: 0,
      cpus: 2,
      parameters: { broken: 0 },
    });
    expect(coverage.bound).toEqual({ completed: 0, searching: null, all: false });
  });
  test('without any the portfolio searches', () => {
    expect(make_strategy({}).name).toBe(DEFAULT_STRATEGY);
  });
});

test('a module with nothing to choose is run once, and the search says so', async () => {
  const { schedules, coverage, failure } = await search(example('hello'), { cpus: 1 });
  expect([schedules, coverage.no_choice, failure]).toEqual([1, true, null]);
});

describe('counting what differs', () => {
  test('is exact for few, and says how fast new ones came', () => {
    const seen = new Distinct();
    for (let i = 0; i < 1000; i++) seen.add(i % 10);
    expect(seen.variety).toEqual({ distinct: 10, recent: 0, chance_of_new: 0, exact: true });
    const fresh = new Distinct();
    for (let i = 0; i < 1000; i++) fresh.add(i);
    expect(fresh.variety).toEqual({ distinct: 1000, recent: 500, chance_of_new: 1, exact: true });
  });
  test('is an estimate for very many, within 5 %', () => {
    const seen = new Distinct();
    for (let i = 0; i < 400_000; i++) seen.add(i * 7);
    expect(seen.variety.exact).toBe(false);
    expect(Math.abs(seen.variety.distinct / 400_000 - 1)).toBeLessThan(0.05);
  });
});
