// Replay: the deviations of a token, and the usual continuation between and after them.
import type { Decision, Strategy, View } from '../../stepped/strategy.js';
import type { Deviation } from '../choices.js';
import { go_on } from '../continuation.js';

/** The deviations do not fit the machine: it is not the one they were recorded on. */
export class ReplayDiverged extends Error {
  override name = 'ReplayDiverged';
}

export class Replay implements Strategy {
  readonly name = 'replay';
  /** Of the next deviation. */
  #next = 0;
  /** Usual decisions since the last one. */
  #after = 0;

  constructor(private readonly deviations: readonly Deviation[]) {}

  begin(): void {
    this.#next = 0;
    this.#after = 0;
  }

  decide(view: View, decision: Decision): void {
    go_on(view, decision);
    const deviation = this.deviations[this.#next];
    if (deviation === undefined) return;
    if (deviation.after !== this.#after) {
      this.#after++;
      this.#cut(decision);
      return;
    }
    const { cpu, action } = deviation;
    if (!view.cpus.subarray(0, view.count).includes(cpu))
      throw new ReplayDiverged(`decision ${this.#next + 1} lets CPU ${cpu} run, which cannot go on there`);
    decision.cpu = cpu;
    decision.action = action;
    this.#next++;
    this.#after = 0;
    this.#cut(decision);
  }
  /** Throws if the schedule that has ended is not the recorded one: it had fewer decisions. */
  finish(): void {
    const left = this.deviations.length - this.#next;
    // The last one may only say where the run before it was cut.
    if (left > 1 || (left === 1 && this.deviations[this.#next]!.cut < 0))
      throw new ReplayDiverged(`the schedule ended before decision ${this.#next + 1} of it`);
  }
  /** The deviation that comes next may end this run. */
  #cut(decision: Decision): void {
    const deviation = this.deviations[this.#next];
    if (deviation !== undefined && deviation.after === this.#after && deviation.cut >= 0)
      decision.steps = deviation.cut;
  }
}
