// Replay: the decisions of a token, one after the other.
import { Action, type Decision, type Strategy, type View } from '../../stepped/strategy.js';
import type { Choice } from '../token.js';

/** The recorded decisions do not fit the machine: it is not the one they were recorded on. */
export class ReplayDiverged extends Error {
  override name = 'ReplayDiverged';
}

export class Replay implements Strategy {
  readonly name = 'replay';
  #next = 0;

  constructor(private readonly choices: readonly Choice[]) {}

  begin(): void {
    this.#next = 0;
  }
  /** True when every recorded decision was used. */
  get complete(): boolean {
    return this.#next >= this.choices.length;
  }

  decide(view: View, decision: Decision): void {
    const choice = this.choices[this.#next++];
    if (choice === undefined) {
      // After the failure that was recorded the rest does not matter: the first CPU goes on.
      decision.cpu = view.cpus[0]!;
      decision.action = Action.RUN;
      decision.steps = 0;
      decision.firm = true;
      return;
    }
    if (!view.cpus.subarray(0, view.count).includes(choice.cpu))
      throw new ReplayDiverged(`decision ${this.#next} lets CPU ${choice.cpu} run, which cannot go on there`);
    decision.cpu = choice.cpu;
    decision.action = choice.action;
    decision.steps = choice.steps;
    decision.firm = true; // what was recorded is how far it came
  }
}
