// PCT, probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, 2010). Everything that can go on
// has a random priority and the highest always does, but at `depth - 1` random steps the one that runs falls below all
// others. A bug that needs `d` orders to be right, d no more than the depth, is found by a schedule of n tasks and k
// steps with a probability of at least 1 / (n k^(d-1)), whatever the other steps are: rare bugs of small depth in long
// schedules. Tasks, interrupts that arrive, ticks and timers have priorities alike.
//
// k is the length of the longest of the first schedules, which are the same for each search with this seed.
import { PCT_LEARNS, STRATEGY_FAIR_STEPS } from '../../machine/params.js';
import type { Decision, View } from '../../stepped/strategy.js';
import { Random } from '../random.js';
import { Choices } from './choices.js';
import type { SearchStrategy } from './search-strategy.js';

/** Of what has been given no priority in this schedule. */
const NONE = -Infinity;

export class Pct implements SearchStrategy {
  readonly name = 'pct';
  readonly learns = PCT_LEARNS;
  readonly #random = new Random();
  readonly #choices = new Choices();
  /** By `who`. New ones are above 0, those that fell below. */
  readonly #priority: number[] = [];
  /** Steps at which the one that runs falls, ascending. */
  readonly #changes: number[] = [];
  #next_change = 0;
  /** The lowest priority that was given. */
  #lowest = 0;
  #running = -1;
  /** Steps of the schedule when it began to. */
  #since = 0;
  #longest = 1;
  #schedule = 0;

  constructor(
    private readonly seed: number,
    private readonly depth: number,
  ) {}

  begin(schedule: number): void {
    const random = this.#random;
    random.seed(this.seed, schedule);
    this.#schedule = schedule;
    this.#priority.fill(NONE);
    this.#changes.length = 0;
    for (let i = 1; i < this.depth; i++) this.#changes.push(1 + Math.floor(random.unit() * this.#longest));
    this.#changes.sort((a, b) => a - b);
    this.#next_change = 0;
    this.#lowest = 0;
    this.#running = -1;
  }

  decide(view: View, decision: Decision): void {
    const steps = view.steps();
    const changes = this.#changes;
    while (this.#next_change < changes.length && changes[this.#next_change]! <= steps) {
      this.#next_change++;
      this.#fall();
    }
    // One that polls would poll for ever.
    if (steps - this.#since >= STRATEGY_FAIR_STEPS) {
      this.#fall();
      this.#since = steps;
    }
    const choices = this.#choices;
    choices.list(view);
    let best = 0;
    let highest = NONE;
    for (let i = 0; i < choices.count; i++) {
      const priority = this.#priority_of(choices.who[i]!);
      if (priority <= highest) continue;
      highest = priority;
      best = i;
    }
    const who = choices.who[best]!;
    // There is always a next tick: it comes when something else has fallen below this one.
    if (choices.passes_time(best)) this.#priority[who] = --this.#lowest;
    if (who !== this.#running) {
      this.#running = who;
      this.#since = steps;
    }
    const until = Math.min(this.#since + STRATEGY_FAIR_STEPS, changes[this.#next_change] ?? Infinity);
    choices.take(best, decision, until - steps - 1, false);
  }

  end(steps: number): void {
    if (this.#schedule < this.learns && steps > this.#longest) this.#longest = steps;
  }

  #fall(): void {
    if (this.#running >= 0) this.#priority[this.#running] = --this.#lowest;
  }
  #priority_of(who: number): number {
    const known = this.#priority[who] ?? NONE;
    if (known !== NONE) return known;
    while (this.#priority.length < who) this.#priority.push(NONE);
    return (this.#priority[who] = this.#random.unit());
  }
}
