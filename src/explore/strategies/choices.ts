// What there is to choose at a decision point, one entry each: a CPU that goes on, an interrupt that arrives there, a tick
// that preempts its task, time that jumps to the next timer. For strategies that look at all of them. `who` names what
// each is a choice of, so that a strategy can give it a priority of its own.
import { MAX_CPUS } from '../../machine/params.js';
import { Action, Context, CONTEXT_BITS, type Decision, type View } from '../../stepped/strategy.js';

/** Beside what `View.context` says. */
const ARRIVAL = 3;
/** Numbers of ARRIVAL: the pending interrupt of each CPU, the tick of each, the timer. */
const TICK = MAX_CPUS;
const TIMER = 2 * MAX_CPUS;

export class Choices {
  count = 0;
  readonly cpu = new Int32Array(3 * MAX_CPUS + 1);
  readonly action = new Int32Array(3 * MAX_CPUS + 1);
  /** A small number; the same as long as the task, the interrupt or the CPU that idles is the same. */
  readonly who = new Int32Array(3 * MAX_CPUS + 1);

  #add(cpu: number, action: Action, who: number): void {
    const i = this.count++;
    this.cpu[i] = cpu;
    this.action[i] = action;
    this.who[i] = who;
  }

  /** CPUs first, in their order; then what arrives. */
  list(view: View): void {
    this.count = 0;
    const { cpus, count } = view;
    for (let i = 0; i < count; i++) this.#add(cpus[i]!, Action.RUN, view.context(cpus[i]!));
    for (let i = 0; i < count; i++) {
      const cpu = cpus[i]!;
      if (view.pending[cpu] !== 0) this.#add(cpu, Action.INTERRUPT, (cpu << CONTEXT_BITS) | ARRIVAL);
      if (view.contended[cpu] !== 0) this.#add(cpu, Action.TICK, ((TICK + cpu) << CONTEXT_BITS) | ARRIVAL);
    }
    // Whose step the jump comes before makes no difference: the interrupt that it raises is a choice of its own. That of
    // the CPU that ran, so that it is no switch.
    if (view.timers) this.#add(this.#goes_on(view), Action.TIMER, (TIMER << CONTEXT_BITS) | ARRIVAL);
  }

  #goes_on({ cpus, count, last }: View): number {
    for (let i = 0; i < count; i++) if (cpus[i] === last) return last;
    return cpus[0]!;
  }

  /** Entry `i` is what happens, for at most `steps` steps. */
  take(i: number, decision: Decision, steps: number, firm: boolean): void {
    decision.cpu = this.cpu[i]!;
    decision.action = this.action[i]!;
    decision.steps = steps;
    decision.firm = firm;
  }

  /** Time that the strategy lets pass: a tick or a jump. There is always a next one, so it must not always be taken. */
  passes_time(i: number): boolean {
    return this.action[i]! >= Action.TICK;
  }
}

/** True if `who` is a task: only tasks are known from one schedule to the next. */
export const is_task = (who: number): boolean => (who & ((1 << CONTEXT_BITS) - 1)) === (Context.TASK as number);

/** Two places, as View.place names them, whose accesses are in conflict. */
export const conflict = (a: number, b: number): boolean =>
  a !== 0 && b !== 0 && a >> 1 === b >> 1 && ((a | b) & 1) === 1;
