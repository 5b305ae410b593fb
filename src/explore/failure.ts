// What is told of a schedule that failed: it is run once more, traced.
import { format_record } from '../machine/log-format.js';
import type { Choice, Deviation } from './choices.js';
import { interleaving, type Interleaving } from './interleaving.js';
import type { Minimised, Size } from './minimise.js';
import type { VerdictKind } from './outcome.js';
import type { Session } from './session.js';
import { Plan } from './strategies/plan.js';
import { Replay } from './strategies/replay.js';
import { encode_token } from './token.js';

export interface Failure {
  verdict: VerdictKind;
  message: string;
  /** Replays it. */
  token: string;
  /** Which schedule of the search. */
  schedule: number;
  /** The log, as dmesg prints it. */
  log: string[];
  /** What happened, a column for each CPU. */
  interleaving: string;
  /** What the minimiser made of the schedule that was found; null where it was not asked. */
  minimised: { before: Size; after: Size; schedules: number; complete: boolean } | null;
}

export const NOT_DETERMINISTIC =
  'the schedule that failed does not fail again: the stepped machine is not deterministic; please report this';

/** Runs the schedule once more, traced. */
export function describe(
  session: Session,
  deviations: Deviation[],
  schedule: number,
  minimised: Minimised | null,
): Failure {
  const replayed = new Replay(deviations);
  const steps = interleaving(session, () => session.run(replayed, 0));
  if (steps.outcome.verdict === null) throw new Error(NOT_DETERMINISTIC);
  return {
    verdict: steps.outcome.verdict,
    message: located(steps),
    token: token_of(session, deviations),
    schedule,
    log: session.log().map(format_record),
    interleaving: steps.text,
    minimised: minimised && {
      before: minimised.before,
      after: minimised.after,
      schedules: minimised.schedules,
      complete: minimised.complete,
    },
  };
}

/** A recorded schedule as it is, as deviations. */
export function as_recorded(session: Session, choices: readonly Choice[]): Deviation[] {
  const plan = new Plan(choices);
  if (session.run(plan, 0).verdict === null) throw new Error(NOT_DETERMINISTIC);
  return plan.deviations_of(session.choices);
}

const token_of = (session: Session, deviations: Deviation[]): string =>
  encode_token({
    kernel: session.kernel_hash,
    module: session.compiled.hash.slice(0, 8),
    cpus: session.cpus,
    max_steps: session.max_steps,
    memory: session.memory,
    parameters: session.parameters,
    deviations,
  });

/** The message, and where the tasks were if it does not say so itself. */
function located({ outcome, where }: Interleaving): string {
  if (outcome.verdict !== 'deadlock' && outcome.verdict !== 'livelock' && outcome.verdict !== 'init')
    return outcome.message;
  const named = (task: string): boolean =>
    outcome.verdict === 'init' ? task.startsWith('insmod/') : outcome.message.includes(task);
  const places = [...where].filter(([task]) => named(task)).map(([task, place]) => `${task} is at ${place}`);
  return [outcome.message, ...places].join('; ');
}
