// SURW, selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury, 2025). In each schedule one field that several
// tasks touch is of interest, and all orders of the accesses to it are equally likely: before each of these accesses the
// task that makes the next one is drawn, with the number of accesses that it still has to make as its weight, and the
// other tasks stop before theirs. All else is a random walk. A walk alone makes a task of many steps come last nearly
// always; bugs that need it in the middle of others show here.
//
// Which fields there are and how often each task touches them is learned in the first schedules, which are the same for
// each search with this seed.
import { SURW_LEARNS } from '../../machine/params.js';
import { Action, type Decision, type View } from '../../stepped/strategy.js';
import { Random } from '../random.js';
import { Choices, is_task } from './choices.js';
import type { SearchStrategy } from './search-strategy.js';

/** A tick or a jump in time is a choice at one decision in this many. */
const TIME = 16;

/** Of a field: how many accesses each task makes (by `who`), the most of any schedule; and whether any writes. */
interface Field {
  of: Map<number, number>;
  written: boolean;
}

export class Surw implements SearchStrategy {
  readonly name = 'surw';
  readonly learns = SURW_LEARNS;
  readonly #random = new Random();
  readonly #choices = new Choices();
  /** By field, as View.place names it, without the low bit. */
  readonly #fields = new Map<number, Field>();
  /** Of this schedule, by field and task; while it learns. */
  readonly #made = new Map<number, Field>();
  #learning = true;
  /** Fields that are of interest: several tasks touch them, and one writes. Made when the learning is over. */
  #shared: number[] | null = null;
  #field = 0;
  /** By task: accesses to the field still to come. */
  readonly #left = new Map<number, number>();
  /** Who makes the next access of interest, -1 if it has not been drawn. */
  #intended = -1;
  readonly #open = new Int32Array(256);

  constructor(private readonly seed: number) {}

  begin(schedule: number): void {
    this.#random.seed(this.seed, schedule);
    this.#learning = schedule < this.learns;
    this.#made.clear();
    this.#left.clear();
    this.#intended = -1;
    this.#field = 0;
    if (this.#learning) return;
    this.#shared ??= [...this.#fields].filter(([, f]) => f.written && f.of.size > 1).map(([field]) => field);
    if (this.#shared.length === 0) return;
    this.#field = this.#shared[this.#random.below(this.#shared.length)]!;
    for (const [who, n] of this.#fields.get(this.#field)!.of) this.#left.set(who, n);
  }

  decide(view: View, decision: Decision): void {
    const choices = this.#choices;
    choices.list(view);
    if (this.#field !== 0 && this.#intended < 0) this.#draw();
    let count = this.#list_open(view);
    if (count === 0) {
      // Only accesses of interest are left, and the one that was drawn cannot go on: another one is.
      this.#intended = choices.who[this.#random.below(view.count)]!;
      count = this.#list_open(view);
    }
    const i = this.#open[this.#random.below(count)]!;
    const who = choices.who[i]!;
    if (choices.action[i] === Action.RUN) {
      const place = view.place(choices.cpu[i]!);
      if (this.#learning && place !== 0 && is_task(who)) this.#note(place, who);
      if (this.#of_interest(place)) {
        this.#left.set(who, Math.max(0, (this.#left.get(who) ?? 0) - 1));
        this.#intended = -1;
      }
    }
    choices.take(i, decision, 0, true);
  }

  end(): void {
    for (const [field, { of, written }] of this.#made) {
      const known = this.#fields.get(field);
      if (known === undefined) this.#fields.set(field, { of: new Map(of), written });
      else {
        known.written ||= written;
        for (const [who, n] of of) known.of.set(who, Math.max(n, known.of.get(who) ?? 0));
      }
    }
    this.#made.clear();
  }

  #of_interest(place: number): boolean {
    return this.#field !== 0 && place >> 1 === this.#field;
  }
  /** Entries that may be taken now. Return: how many. */
  #list_open(view: View): number {
    const choices = this.#choices;
    let count = 0;
    for (let i = 0; i < choices.count; i++) {
      if (choices.passes_time(i)) {
        if (this.#random.below(TIME) !== 0) continue;
      } else if (choices.action[i] === Action.RUN && choices.who[i] !== this.#intended)
        if (this.#of_interest(view.place(choices.cpu[i]!))) continue;
      this.#open[count++] = i;
    }
    return count;
  }
  #draw(): void {
    let sum = 0;
    for (const n of this.#left.values()) sum += n;
    let at = Math.floor(this.#random.unit() * sum);
    for (const [who, n] of this.#left) {
      at -= n;
      if (at < 0) {
        this.#intended = who;
        return;
      }
    }
  }
  #note(place: number, who: number): void {
    const field = place >> 1;
    let made = this.#made.get(field);
    if (made === undefined) this.#made.set(field, (made = { of: new Map(), written: false }));
    made.of.set(who, (made.of.get(who) ?? 0) + 1);
    made.written ||= (place & 1) !== 0;
  }
}
