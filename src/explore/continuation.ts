// The usual continuation: what happens where a token says nothing. It is a part of the token's format: a change of it
// is a new kind of token (PREFIX in token.ts), else old tokens would replay something else.
//
// - The CPU that ran goes on until it waits, sleeps, has nothing left, or has made QUANTUM steps.
// - Then the next one by number that can go on, from 0 again after the last, so that a loop that waits for another CPU
//   without saying so does not wait for ever.
// - An interrupt that is pending at the CPU which goes on is taken first.
// - When a quantum was used up and another task waits for the CPU that is next, a tick arrives there.
// - Time jumps only when nothing can go on.
//
// So without deviations nothing is preempted that ends within QUANTUM steps.
import { Action, type Decision, type View } from '../stepped/strategy.js';

/** Steps (as in Choice) after which another CPU has its turn. */
export const QUANTUM = 1000;

export function go_on(view: View, decision: Decision): void {
  const cpu = next_cpu(view);
  decision.cpu = cpu;
  decision.action =
    view.pending[cpu] !== 0 ? Action.INTERRUPT : view.used_up && view.contended[cpu] !== 0 ? Action.TICK : Action.RUN;
  decision.steps = QUANTUM;
  decision.firm = true;
}

function next_cpu({ cpus, count, last, used_up }: View): number {
  for (let i = 0; i < count; i++) {
    const c = cpus[i]!;
    if (c > last || (c === last && !used_up)) return c;
  }
  return cpus[0]!;
}
