// The default: all other strategies in turn, because each finds bugs that another one takes long for, and nobody knows
// before which. Every fourth schedule is the bounded search's: it finds bugs of few preemptions without any luck, and
// proves that a small module has none. When it has covered what is asked of it these numbers are left out. The others
// are shared by a fixed table: what a number means depends on nothing but the seed, so machines side by side can share
// the search.
//
// Where the schedules are long, as the first ones show, PCT has a greater part: how likely it is to find a bug of a few
// orders depends least on how many other steps there are.
import { PCT_LEARNS, PORTFOLIO_BOUND, PORTFOLIO_LONG } from '../../machine/params.js';
import type { Decision, View } from '../../stepped/strategy.js';
import type { BoundCoverage } from '../coverage.js';
import { Bounded } from './bounded.js';
import { Pct } from './pct.js';
import { Pos } from './pos.js';
import { RandomWalk } from './random-walk.js';
import type { SearchStrategy } from './search-strategy.js';
import { Surw } from './surw.js';

/** Of so many schedules one is the bounded search's. */
const BOUNDED_EVERY = 4;
/** Entries of a table. */
const PART = 8;

export class Portfolio implements SearchStrategy {
  readonly name = 'portfolio';
  /** So that each strategy of the table has made the schedules that it learns from. */
  readonly learns = 2 * PART * PCT_LEARNS;
  readonly #bounded: Bounded;
  readonly #short: SearchStrategy[];
  readonly #long: SearchStrategy[];
  #now: SearchStrategy;
  #schedule = 0;
  /** Steps of the longest schedule that it learned from. */
  #longest = 0;

  constructor(seed: number, bound: number | null) {
    const derived = (n: number): number => (seed ^ Math.imul(n, 0x9e3779b9)) | 0;
    const random = new RandomWalk(seed);
    const pos = new Pos(derived(1));
    const surw = new Surw(derived(2));
    const [pct2, pct3, pct4, pct6] = [2, 3, 4, 6].map((depth) => new Pct(derived(depth + 1), depth)) as [
      Pct,
      Pct,
      Pct,
      Pct,
    ];
    this.#bounded = new Bounded(bound ?? PORTFOLIO_BOUND);
    this.#short = [random, pct2, random, pos, surw, random, pct3, pos];
    this.#long = [random, pct2, pos, pct3, surw, random, pct4, pct6];
    this.#now = random;
  }

  get coverage(): BoundCoverage {
    return this.#bounded.coverage;
  }
  get exhausted(): boolean {
    return this.#bounded.coverage.all;
  }
  skips(schedule: number): boolean {
    return schedule % BOUNDED_EVERY === 0 && this.#bounded.exhausted;
  }

  begin(schedule: number): void {
    this.#schedule = schedule;
    if (schedule % BOUNDED_EVERY === 0) {
      this.#now = this.#bounded;
      this.#bounded.begin();
      return;
    }
    const turn = schedule - 1 - Math.floor(schedule / BOUNDED_EVERY);
    const table = schedule >= this.learns && this.#longest > PORTFOLIO_LONG ? this.#long : this.#short;
    this.#now = table[turn % PART]!;
    // Which of its own schedules this is.
    let of_round = 0;
    let before = 0;
    for (let i = 0; i < PART; i++) {
      if (table[i] !== this.#now) continue;
      of_round++;
      if (i < turn % PART) before++;
    }
    this.#now.begin(Math.floor(turn / PART) * of_round + before);
  }
  decide(view: View, decision: Decision): void {
    this.#now.decide(view, decision);
  }
  end(steps: number): void {
    if (this.#schedule < this.learns && steps > this.#longest) this.#longest = steps;
    this.#now.end?.(steps);
  }
}
