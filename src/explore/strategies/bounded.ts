// Preemption-bounded search (Musuvathi, Qadeer, 2007): all schedules with at most 0 preemptions, then all with at most 1,
// and so on. Most bugs need one or two. Depth first; nothing is random, no schedule comes twice within a bound, and when
// a bound is done there is no other schedule within it.
//
// A preemption is a switch away from a CPU that could go on, an interrupt that arrives on top of something that could, a
// tick, a jump of time while something runs. What happens where the CPU that ran waits, sleeps or has ended is free, and
// each possibility is tried. A CPU that made STRATEGY_FAIR_STEPS steps in a row gives way without that being a choice, or
// one that polls would poll for ever.
//
// No order is left out because it seems to be another one's equal: the usual reductions keep one of several equal orders,
// and that one may need more preemptions than the bound allows. Pruning states that were reached before, which would be
// right, saves a third of the schedules and doubles what each costs.
import { STRATEGY_FAIR_STEPS } from '../../machine/params.js';
import { Action, type Decision, type View } from '../../stepped/strategy.js';
import type { BoundCoverage } from '../coverage.js';
import { Choices } from './choices.js';
import type { SearchStrategy } from './search-strategy.js';

export class Bounded implements SearchStrategy {
  readonly name = 'bounded';
  readonly learns = 0;
  readonly #choices = new Choices();
  /** Entries of `#choices` by their cost, those that can be paid for first. */
  readonly #sorted = new Int32Array(this.#choices.cpu.length);
  /** The decisions of this schedule: which alternative is tried, and how many there are. */
  readonly #tried: number[] = [];
  readonly #alternatives: number[] = [];
  /** So many decisions are those of the schedule before; the last of them is another one. */
  #prefix = 0;
  #at = 0;
  #bound = 0;
  #left = 0;
  /** Something was left out in this bound because it costs more. */
  #cut = false;
  #completed = -1;
  #all = false;
  #begun = false;
  #last = -1;
  /** Steps of the schedule when the CPU that runs began to. */
  #since = 0;
  /** How often it gave way because it polls. */
  #gave_way = 0;

  /** @param most The last bound, Infinity for all. */
  constructor(private readonly most: number) {}

  get coverage(): BoundCoverage {
    return { completed: this.#completed, searching: this.exhausted ? null : this.#bound, all: this.#all };
  }
  /** True when there is nothing left to try. */
  get exhausted(): boolean {
    return this.#all || this.#completed >= this.most;
  }

  begin(): void {
    if (this.#begun) this.#next();
    this.#begun = true;
    this.#at = 0;
    this.#left = this.#bound;
    this.#last = -1;
    this.#since = 0;
    this.#gave_way = 0;
  }

  end(): void {
    this.#tried.length = this.#at;
    // The last schedule of a bound is known to be that when it is over, not when the next one begins.
    if (!this.#has_next()) this.#bound_done();
  }

  #has_next(): boolean {
    return this.#tried.some((tried, i) => tried + 1 < this.#alternatives[i]!);
  }
  #bound_done(): void {
    this.#completed = this.#bound;
    this.#all = !this.#cut;
    if (this.exhausted) return;
    this.#bound++;
    this.#cut = false;
    this.#tried.length = 0;
    this.#prefix = 0;
    this.#begun = false;
  }
  /** The last decision that has an alternative left takes it. */
  #next(): void {
    let i = this.#tried.length - 1;
    while (i >= 0 && this.#tried[i]! + 1 >= this.#alternatives[i]!) i--;
    this.#tried.length = i + 1;
    if (i >= 0) this.#tried[i]!++;
    this.#prefix = i + 1;
  }

  decide(view: View, decision: Decision): void {
    const choices = this.#choices;
    const steps = view.steps();
    choices.list(view);
    const last = this.#who_goes_on(view);
    const count = this.#sort(last, steps);
    let tried = 0;
    if (count > 1) {
      const at = this.#at++;
      if (at < this.#prefix) {
        if (this.#alternatives[at] !== count)
          throw new Error('bounded search: the same decisions led elsewhere; please report this');
        tried = this.#tried[at]!;
      } else {
        this.#tried[at] = 0;
        this.#alternatives[at] = count;
      }
    }
    const i = this.#sorted[tried]!;
    this.#left -= this.#cost(i, last);
    const cpu = choices.cpu[i]!;
    if (cpu !== this.#last) {
      this.#last = cpu;
      this.#since = steps;
    }
    if (this.#left > 0) return choices.take(i, decision, 0, false);
    // With no preemptions left the CPU goes on until it waits, or something happens that makes others go on. What could
    // have come in between is not looked at.
    this.#cut = true;
    choices.take(i, decision, Math.max(0, this.#since + STRATEGY_FAIR_STEPS - steps - 1), false);
  }

  /** The CPU that ran last, if it can go on, else -1. */
  #who_goes_on(view: View): number {
    for (let i = 0; i < view.count; i++) if (view.cpus[i] === this.#last) return this.#last;
    return -1;
  }
  #cost(i: number, last: number): number {
    const { cpu, action } = this.#choices;
    const switches = last >= 0 && cpu[i] !== last ? 1 : 0;
    return switches + (action[i] === Action.RUN ? 0 : 1);
  }
  /** Orders the entries by cost. Return: how many can be paid for. */
  #sort(last: number, steps: number): number {
    const { cpu, action, count } = this.#choices;
    const sorted = this.#sorted;
    if (last >= 0 && steps - this.#since >= STRATEGY_FAIR_STEPS && count > 1) {
      // Anything else, in turn.
      const others: number[] = [];
      for (let i = 0; i < count; i++) if (action[i] !== Action.RUN || cpu[i] !== last) others.push(i);
      const next = others[this.#gave_way++ % others.length]!;
      this.#since = steps;
      this.#left += this.#cost(next, last); // it is given back
      sorted[0] = next;
      return 1;
    }
    let n = 0;
    for (let cost = 0; cost <= 2; cost++)
      for (let i = 0; i < count; i++) {
        if (this.#cost(i, last) !== cost) continue;
        if (cost <= this.#left) sorted[n++] = i;
        else this.#cut = true;
      }
    return n;
  }
}
