// Plan: a list of runs, one after the other, the usual continuation after the last. A run of a CPU that cannot go on
// there is left out, so that the minimiser can try plans that only nearly fit. Notes what it did, from which the same
// schedule comes out as deviations, and its size.
import { Action, type Decision, type Strategy, type View } from '../../stepped/strategy.js';
import type { Choice, Deviation } from '../choices.js';
import { go_on, QUANTUM } from '../continuation.js';

export interface Run {
  /** -1: whichever is the usual one. */
  cpu: number;
  action: Action;
  /** As in Choice; -1: to its own end, or for a quantum. */
  steps: number;
}

export class Plan implements Strategy {
  readonly name = 'plan';
  #next = 0;
  /** By decision: it was the usual one; how many steps it gave was said by the plan. */
  readonly #usual: boolean[] = [];
  readonly #limited: boolean[] = [];
  /** Changes from one CPU to another, and interrupts, ticks and jumps of time that were chosen. */
  switches = 0;
  interruptions = 0;
  #cpu = -1;
  readonly #go_on: Decision = { cpu: 0, action: Action.RUN, steps: 0, firm: true };

  constructor(public runs: readonly Run[]) {}

  begin(): void {
    this.#next = 0;
    this.#usual.length = 0;
    this.#limited.length = 0;
    this.switches = 0;
    this.interruptions = 0;
    this.#cpu = -1;
  }

  decide(view: View, decision: Decision): void {
    const usual = this.#go_on;
    go_on(view, usual);
    const run = this.#take(view);
    if (run === null || run.cpu < 0) {
      decision.cpu = usual.cpu;
      decision.action = usual.action;
    } else {
      decision.cpu = run.cpu;
      decision.action = run.action;
    }
    const steps = run?.steps ?? -1;
    decision.steps = steps < 0 ? QUANTUM : steps;
    decision.firm = true;
    this.#usual.push(is_same(view, decision, usual));
    this.#limited.push(steps >= 0);
    this.#count(view.last, decision);
  }
  #take(view: View): Run | null {
    for (;;) {
      const run = this.runs[this.#next];
      if (run === undefined) return null;
      this.#next++;
      if (run.cpu < 0 || view.cpus.subarray(0, view.count).includes(run.cpu)) return run;
    }
  }
  #count(last: number, { cpu, action }: Decision): void {
    // Where there was nothing to choose, another CPU may have run in between.
    if (this.#cpu >= 0 && last !== this.#cpu) this.switches++;
    if (last >= 0 && last !== cpu) this.switches++;
    if (action !== Action.RUN) this.interruptions++;
    this.#cpu = cpu;
  }

  /** What was done, given what the machine recorded of it: the same schedule as a plan that fits. */
  runs_of(choices: readonly Choice[]): Run[] {
    return choices.map((choice, i) => ({
      cpu: choice.cpu,
      action: choice.action,
      steps: this.#is_cut(choice, i) ? choice.steps : -1,
    }));
  }
  /** The same as deviations. */
  deviations_of(choices: readonly Choice[]): Deviation[] {
    const deviations: Deviation[] = [];
    let after = 0;
    let cut = -1;
    for (const [i, choice] of choices.entries()) {
      if (cut < 0 && this.#usual[i]!) after++;
      else {
        deviations.push({ after, cut, cpu: choice.cpu, action: choice.action });
        after = 0;
      }
      cut = this.#is_cut(choice, i) ? choice.steps : -1;
    }
    // Where it was cut but nothing was to be chosen then, time may have been looked at.
    if (cut >= 0) deviations.push({ after, cut, cpu: choices.at(-1)!.cpu, action: Action.RUN });
    return deviations;
  }
  /** The plan ended it, or let it go on for longer than the usual continuation would. */
  #is_cut({ steps, cut }: Choice, i: number): boolean {
    return (cut && this.#limited[i]!) || steps > QUANTUM;
  }
}

/** Without an interrupt pending at a CPU that is busy, taking one is going on. */
function is_same(view: View, a: Decision, b: Decision): boolean {
  if (a.cpu !== b.cpu) return false;
  if (a.action === b.action) return true;
  return view.pending[a.cpu] === 0 && a.action <= Action.INTERRUPT && b.action <= Action.INTERRUPT;
}
