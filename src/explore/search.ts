// The search of one thread: its machine, its strategy, what it saw. explore() runs one in its own thread, and each worker
// of a campaign runs one.
import type { CompiledModule } from '../module/compile.js';
import { Distinct, text_signature, type Coverage } from './coverage.js';
import type { Outcome } from './outcome.js';
import { Session, type SessionOptions } from './session.js';
import { make_strategy, type StrategyOptions } from './strategies/index.js';
import type { SearchStrategy } from './strategies/search-strategy.js';

export class Search {
  readonly #behaviours = new Distinct();
  readonly #outcomes = new Distinct();
  schedules = 0;
  steps = 0;
  #no_choice = false;

  private constructor(
    readonly strategy: SearchStrategy,
    readonly session: Session,
  ) {}

  /** Boots the machine. Throws SourceErrors, UsageError, EnvironmentFailure. */
  static async open(compiled: CompiledModule, machine: SessionOptions, options: StrategyOptions): Promise<Search> {
    return new Search(make_strategy(options), await Session.open(compiled, machine));
  }

  /** Return: null if the strategy has no schedule with this number any more. */
  run(number: number): Outcome | null {
    if (this.strategy.skips?.(number) === true) return null;
    const { session } = this;
    const outcome = session.run(this.strategy, number);
    if (this.schedules++ === 0) this.#no_choice = session.choices.length === 0;
    this.steps += outcome.steps;
    this.#behaviours.add(outcome.signature);
    this.#outcomes.add(behaviour(session, outcome));
    return outcome;
  }
  /** There is nothing else to see: no further schedule would differ from those that were run. */
  get exhausted(): boolean {
    return this.#no_choice || this.strategy.exhausted === true;
  }

  get coverage(): Coverage {
    return {
      strategy: this.strategy.name,
      bound: this.strategy.coverage ?? null,
      behaviours: this.#behaviours.variety,
      outcomes: this.#outcomes.variety,
      no_choice: this.#no_choice,
    };
  }
}

/** A number for what a person could tell two runs apart by; on which CPU it happened is not part of it. */
function behaviour(session: Session, outcome: Outcome): number {
  if (outcome.verdict === null && !session.has_log) return 0; // the usual one: no string is made
  const text = session.has_log
    ? session
        .log()
        .map((r) => (r.text.startsWith('CPU: ') ? '' : `${r.pid}:${r.text}`))
        .join('\n')
    : '';
  return text_signature(`${outcome.verdict ?? ''}\n${text}`);
}
