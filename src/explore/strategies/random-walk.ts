// Random walk: at each step the CPU that runs goes on with probability 1/2, else any that can is as likely as any other.
// An interrupt that is pending is taken with probability 1/2 at each decision, a tick arrives now and then where it could
// change something.
import { Action, type Decision, type View } from '../../stepped/strategy.js';
import { Random } from '../random.js';
import type { SearchStrategy } from './search-strategy.js';

/** One decision in this many is a tick, where another task waits for the CPU, and where only timers are armed. */
const TICK_CONTENDED = 4;
const TICK_TIMERS = 32;
/** Mean length of a run when there is only one CPU but still something to choose. */
const ALONE_STEPS = 16;

export class RandomWalk implements SearchStrategy {
  readonly name = 'random';
  readonly learns = 0;
  readonly #random = new Random();
  /** Of the last decision: its length ends where another CPU is the next. */
  #another = false;

  constructor(private readonly seed: number) {}

  begin(schedule: number): void {
    this.#random.seed(this.seed, schedule);
    this.#another = false;
  }

  decide(view: View, decision: Decision): void {
    const random = this.#random;
    const { cpus, count } = view;
    const at = count === 1 ? 0 : this.#choose(view);
    const cpu = cpus[at]!;
    decision.cpu = cpu;
    decision.action = Action.RUN;
    this.#another = false;
    if (count === 1) {
      // At each step it is as likely to go on as it would be now.
      decision.firm = false;
      decision.steps = random.below(2 * ALONE_STEPS);
    } else {
      decision.firm = true;
      decision.steps = random.halves();
    }
    if (view.pending[cpu] !== 0 && random.below(2) === 0) decision.action = Action.INTERRUPT;
    else if (view.contended[cpu] !== 0 && random.below(TICK_CONTENDED) === 0) decision.action = Action.TICK;
    else if (view.timers && random.below(TICK_TIMERS) === 0) decision.action = Action.TIMER;
    else if (count > 1 && view.pending[cpu] === 0 && view.contended[cpu] === 0 && !view.timers) {
      // Where only the CPU is to be chosen, the choices of the same one again are made here: a decision costs more.
      this.#another = true;
      while (random.below(count) === at) decision.steps += 1 + random.halves();
    }
  }
  /** Return: index in `cpus`. */
  #choose({ cpus, count, last, used_up }: View): number {
    if (used_up && this.#another)
      for (let i = 0; i < count; i++) {
        if (cpus[i] !== last) continue;
        const other = this.#random.below(count - 1);
        return other < i ? other : other + 1;
      }
    return this.#random.below(count);
  }
}
