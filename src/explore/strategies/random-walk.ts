// Random walk: at each step the CPU that runs goes on with probability 1/2, else any that can is as likely as any other.
// An interrupt that is pending is taken with probability 1/2 at each decision, a tick arrives now and then where it could
// change something.
import { Action, type Decision, type Strategy, type View } from '../../stepped/strategy.js';
import { Random } from '../random.js';

/** One decision in this many is a tick, where another task waits for the CPU, and where only timers are armed. */
const TICK_CONTENDED = 4;
const TICK_TIMERS = 32;
/** Mean length of a run when there is only one CPU but still something to choose. */
const ALONE_STEPS = 16;

export class RandomWalk implements Strategy {
  readonly name = 'random';
  readonly #random = new Random();

  constructor(private readonly seed: number) {}

  begin(schedule: number): void {
    this.#random.seed(this.seed, schedule);
  }

  decide(view: View, decision: Decision): void {
    const random = this.#random;
    const { count } = view;
    const cpu = view.cpus[count === 1 ? 0 : random.below(count)]!;
    decision.cpu = cpu;
    decision.action = Action.RUN;
    if (view.pending[cpu] !== 0 && random.below(2) === 0) decision.action = Action.INTERRUPT;
    else if (view.contended[cpu] !== 0 && random.below(TICK_CONTENDED) === 0) decision.action = Action.TICK;
    else if (view.timers && random.below(TICK_TIMERS) === 0) decision.action = Action.TIMER;
    let steps = 0;
    if (count === 1) steps = random.below(2 * ALONE_STEPS);
    else steps = random.halves();
    decision.steps = steps;
    // At each step it was as likely to go on as it would be now.
    decision.firm = count > 1;
  }
}
