// POS, partial order sampling (Yuan, Yang, Gu, 2018). Each step that could be next has a random priority, and the highest
// is made. The steps that are in conflict with it, because they touch the same field and one of them writes, draw anew.
// So each order of two conflicting steps is as likely as the other, however many steps lie before them: unlike a random
// walk, it does not favour the task that has the shorter way to go.
import type { Decision, View } from '../../stepped/strategy.js';
import { Action } from '../../stepped/strategy.js';
import { Random } from '../random.js';
import { Choices, conflict } from './choices.js';
import type { SearchStrategy } from './search-strategy.js';

/** A tick or a jump in time draws a priority that can win one time in this many, else none. */
const TIME = 16;
/** Of a step that has not drawn. */
const NONE = -1;

export class Pos implements SearchStrategy {
  readonly name = 'pos';
  readonly learns = 0;
  readonly #random = new Random();
  readonly #choices = new Choices();
  /** By `who`, of its next step. */
  readonly #priority: number[] = [];

  constructor(private readonly seed: number) {}

  begin(schedule: number): void {
    this.#random.seed(this.seed, schedule);
    this.#priority.fill(NONE);
  }

  decide(view: View, decision: Decision): void {
    const choices = this.#choices;
    choices.list(view);
    let best = 0;
    let highest = NONE;
    for (let i = 0; i < choices.count; i++) {
      const priority = this.#priority_of(i);
      if (priority <= highest) continue;
      highest = priority;
      best = i;
    }
    const priority = this.#priority;
    const place = choices.action[best] === Action.RUN ? view.place(choices.cpu[best]!) : 0;
    for (let i = 0; i < choices.count; i++) {
      const again =
        i === best ||
        choices.passes_time(i) ||
        (choices.action[i] === Action.RUN && conflict(place, view.place(choices.cpu[i]!)));
      if (again) priority[choices.who[i]!] = NONE;
    }
    choices.take(best, decision, 0, true);
  }

  #priority_of(i: number): number {
    const who = this.#choices.who[i]!;
    while (this.#priority.length <= who) this.#priority.push(NONE);
    if (this.#priority[who] !== NONE) return this.#priority[who]!;
    const wins = !this.#choices.passes_time(i) || this.#random.below(TIME) === 0;
    return (this.#priority[who] = wins ? this.#random.unit() : 0);
  }
}
