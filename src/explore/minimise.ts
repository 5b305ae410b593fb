// The minimiser: from a schedule that fails to one that fails in the same way and is easier to understand. Least first:
// changes of the CPU together with interrupts, ticks and jumps of time; then deviations from the usual continuation,
// which are the token's length; then steps.
//
// A candidate is a plan (strategies/plan.ts) made from the best one so far by leaving runs out, joining runs of one CPU,
// letting a run go to its own end, or ending it sooner. Plans need not fit: what the machine did is what counts, and is
// the next plan if it is better. The order of candidates is fixed, so the same failure gives the same result, unless the
// bound in time ends it.
import { performance } from 'node:perf_hooks';
import { MINIMISE_MS, MINIMISE_SCHEDULES, MINIMISE_STEPS } from '../machine/params.js';
import { Action } from '../stepped/strategy.js';
import type { Choice, Deviation } from './choices.js';
import { NOT_DETERMINISTIC } from './failure.js';
import type { Outcome, Size } from './outcome.js';
import type { Session } from './session.js';
import { Plan, type Run } from './strategies/plan.js';

export interface Minimised {
  outcome: Outcome;
  deviations: Deviation[];
  before: Size;
  after: Size;
  /** How many were tried. */
  schedules: number;
  /** False: a bound or the signal ended it, a smaller one may exist that it would have found. */
  complete: boolean;
}
export interface MinimiseOptions {
  schedules?: number;
  steps?: number;
  ms?: number;
  signal?: { readonly aborted: boolean } | undefined;
  onProgress?: ((schedules: number, best: Size) => void) | undefined;
}

/** What two failures have to have in common to be the same one. */
export function failure_key({ verdict, message }: Outcome): string {
  // Which CPU and which task it was depends on the order, as addresses and counts do; places in the source do not.
  if (verdict === 'livelock') return verdict;
  const text = message.replace(/(\w\.[a-z]+(?::\d+)+)|0x[\da-f]+|\d+/gi, (_all, place?: string) => place ?? '#');
  return `${verdict}: ${text.split(/[:;] /).sort().join('; ')}`;
}

interface Tried {
  outcome: Outcome;
  runs: Run[];
  deviations: Deviation[];
  size: Size;
}
const rank = ({ size, deviations }: Tried): [number, number, number] => [
  size.switches + size.interruptions,
  deviations.length,
  size.steps,
];
function is_better(a: Tried, b: Tried): boolean {
  const x = rank(a);
  const y = rank(b);
  const differs = x.findIndex((v, i) => v !== y[i]);
  return differs >= 0 && x[differs]! < y[differs]!;
}

/** Thrown through the passes. */
class Enough extends Error {}

/**
 * Finds a smaller schedule that fails as `choices` do, which are the machine's record of one that failed with `outcome`.
 * The session is left anywhere: run what is returned once more to look at it.
 */
export async function minimise(
  session: Session,
  choices: readonly Choice[],
  outcome: Outcome,
  options: MinimiseOptions = {},
): Promise<Minimised> {
  const m = new Minimiser(session, failure_key(outcome), options);
  const began = m.run(choices);
  if (began === null) throw new Error(NOT_DETERMINISTIC);
  m.best = began;
  let complete = true;
  try {
    await m.shrink();
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
    complete = false;
  }
  const { best } = m;
  return {
    outcome: best.outcome,
    deviations: best.deviations,
    before: began.size,
    after: best.size,
    schedules: m.schedules,
    complete,
  };
}

class Minimiser {
  schedules = 0;
  best!: Tried;
  #steps = 0;
  readonly #began = performance.now();
  #breath = this.#began;
  readonly #plan = new Plan([]);

  constructor(
    private readonly session: Session,
    private readonly key: string,
    private readonly options: MinimiseOptions,
  ) {}

  /** Return: null if the plan does not fail, or fails otherwise. */
  run(runs: readonly Run[]): Tried | null {
    const { session } = this;
    const plan = this.#plan;
    plan.runs = runs;
    const outcome = session.run(plan, 0);
    this.schedules++;
    this.#steps += outcome.steps;
    if (outcome.verdict === null || failure_key(outcome) !== this.key) return null;
    const { choices } = session;
    return {
      outcome,
      runs: plan.runs_of(choices),
      deviations: plan.deviations_of(choices),
      size: { switches: plan.switches, interruptions: plan.interruptions, steps: outcome.steps },
    };
  }

  /** Return: the plan fails in the same way. What is better than the best is the best from then on. */
  async #try(runs: readonly Run[]): Promise<boolean> {
    const { schedules = MINIMISE_SCHEDULES, steps = MINIMISE_STEPS, ms = MINIMISE_MS, signal } = this.options;
    if (this.schedules >= schedules || this.#steps >= steps) throw new Enough();
    const now = performance.now();
    if (now - this.#breath > 100) {
      this.options.onProgress?.(this.schedules, this.best.size);
      await new Promise((resolve) => setImmediate(resolve));
      this.#breath = now;
      if (now - this.#began > ms) throw new Enough();
    }
    if (signal?.aborted === true) throw new Enough();
    const tried = this.run(runs);
    if (tried === null) return false;
    if (is_better(tried, this.best)) this.best = tried;
    return true;
  }
  /** As #try. Return: there is a new best. */
  async #improve(runs: readonly Run[]): Promise<boolean> {
    const before = this.best;
    await this.#try(runs);
    return this.best !== before;
  }

  async shrink(): Promise<void> {
    await this.#truncate();
    let before: Tried;
    do {
      before = this.best;
      await this.#leave_out();
      await this.#join();
      await this.#calm();
      await this.#shorten();
    } while (this.best !== before);
    await this.#deviate_once();
  }

  /** Runs up to the last one that is not the usual one: what follows comes by itself. */
  get #needed(): number {
    return this.best.deviations.reduce((n, d) => n + d.after + 1, 0);
  }

  /** The shortest beginning that is enough, as if a longer one were always enough too. */
  async #truncate(): Promise<void> {
    const { runs } = this.best;
    let enough = runs.length;
    let short = -1;
    for (let n = 0; enough - short > 1; n = (short + enough) >> 1)
      if (await this.#try(ended(runs.slice(0, n)))) enough = n;
      else short = n;
  }

  /** Leaves out parts: halves, quarters, at last single runs. */
  async #leave_out(): Promise<void> {
    for (let size = this.#needed >> 1 || 1; size >= 1; size >>= 1)
      for (let at = this.#needed - size; at >= 0; at = Math.min(at - size, this.#needed - size)) {
        const runs = this.best.runs.slice(0, this.#needed);
        await this.#try(ended([...runs.slice(0, at), ...runs.slice(at + size)]));
        await this.#try(ended([...ended(runs.slice(0, at)), ...runs.slice(at + size)]));
      }
  }

  /** Brings runs of one CPU together. */
  async #join(): Promise<void> {
    for (let at = 0; at < this.#needed; at++) {
      const runs = this.best.runs;
      const run = runs[at]!;
      const other = runs.findIndex((r, i) => i > at && r.cpu === run.cpu);
      if (run.steps >= 0 && (await this.#improve(replaced(runs, at, { ...run, steps: -1 })))) continue;
      if (other < 0) continue;
      const joined = run.steps < 0 || runs[other]!.steps < 0 ? -1 : run.steps + 1 + runs[other]!.steps;
      const between = runs.slice(at + 1, other);
      const head = runs.slice(0, at);
      const tail = runs.slice(other + 1);
      // A pair of runs whose order is the only thing that matters.
      if (await this.#improve([...head, { ...run, steps: joined }, ...between, ...tail])) continue;
      if (await this.#improve([...head, ...between, { ...runs[other]!, steps: joined }, ...tail])) continue;
      if (run.steps >= 0 && (await this.#improve([...head, { ...run, steps: -1 }, ...between, ...tail]))) continue;
      await this.#improve([...head, ...between, run, ...runs.slice(other)]);
    }
  }

  /** Does without interrupts, ticks and jumps of time. */
  async #calm(): Promise<void> {
    for (let at = this.#needed - 1; at >= 0; at--) {
      const run = this.best.runs[at];
      if (run === undefined || run.action === Action.RUN) continue;
      if (await this.#improve(replaced(this.best.runs, at, { ...run, action: Action.RUN }))) continue;
      await this.#improve(replaced(this.best.runs, at, { ...run, cpu: -1 }));
    }
  }

  /** Ends runs sooner. */
  async #shorten(): Promise<void> {
    for (let at = 0; at < this.#needed; at++) {
      const run = this.best.runs[at]!;
      if (run.steps <= 0) continue;
      for (const steps of new Set([0, run.steps >> 1, run.steps - 1]))
        if (await this.#improve(replaced(this.best.runs, at, { ...run, steps }))) break;
    }
  }

  /** Every schedule with one deviation, if there are not too many: the least there can be. */
  async #deviate_once(): Promise<void> {
    if (this.best.deviations.length < 2) return;
    const { session } = this;
    this.#plan.runs = [];
    session.run(this.#plan, 0);
    const usual: Run = { cpu: -1, action: Action.RUN, steps: -1 };
    const { choices } = session;
    const actions = [Action.RUN, Action.TICK, Action.TIMER];
    const all = choices.reduce((n, c) => n + c.steps + 1, 0) * session.cpus * actions.length;
    if (all > MINIMISE_SCHEDULES / 2) return;
    for (const [i, { steps }] of choices.entries())
      for (let cut = 0; cut <= steps; cut++)
        for (let cpu = 0; cpu < session.cpus; cpu++)
          for (const action of actions)
            await this.#try([
              ...Array.from({ length: i }, () => usual),
              { ...usual, steps: cut },
              { cpu, action, steps: -1 },
            ]);
  }
}

const replaced = (runs: readonly Run[], at: number, run: Run): Run[] => runs.with(at, run);
/** The last one goes on to its own end. */
const ended = (runs: readonly Run[]): Run[] => (runs.length === 0 ? [] : runs.with(-1, { ...runs.at(-1)!, steps: -1 }));
