// What is told of a schedule that failed: it is run once more, traced.
import { format_record } from '../machine/log-format.js';
import { shortPath } from '../module/errors.js';
import type { Choice, Deviation } from './choices.js';
import { commandLine } from './command-line.js';
import type { Minimised } from './minimise.js';
import type { Failure, Outcome } from './outcome.js';
import { report_schedule } from './report/index.js';
import type { ScheduleReport } from './report/schedule.js';
import { report_text, task_name } from './report/text.js';
import type { Session } from './session.js';
import { Plan } from './strategies/plan.js';
import { Replay } from './strategies/replay.js';
import { encode_token } from './token.js';

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
  // Which race is to be watched has to be known before.
  const { race, verdict } = session.run(replayed, 0);
  session.watch_race(race ?? null);
  const token = token_of(session, deviations, verdict === 'data race');
  const { outcome, report } = report_schedule(
    session,
    { token, replay: commandLine('lockstep', 'replay', token, shortPath(session.compiled.file)) },
    () => session.run(replayed, 0),
    () => session.log().map(format_record),
  );
  session.watch_race(null);
  if (outcome.verdict === null || report === null) throw new Error(NOT_DETERMINISTIC);
  return {
    verdict: outcome.verdict,
    message: located(outcome, report),
    token,
    schedule,
    log: report.log,
    interleaving: report_text(report),
    report,
    race: outcome.race ?? null,
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

const token_of = (session: Session, deviations: Deviation[], races: boolean): string =>
  encode_token({
    kernel: session.kernel_hash,
    module: session.compiled.hash.slice(0, 8),
    cpus: session.cpus,
    max_steps: session.max_steps,
    memory: session.memory,
    parameters: session.parameters,
    races,
    deviations,
  });

/** The message, and where the tasks were if it does not say so itself. */
function located({ verdict, message }: Outcome, { tasks, sources }: ScheduleReport): string {
  if (verdict !== 'deadlock' && verdict !== 'livelock' && verdict !== 'init') return message;
  const places = tasks.flatMap(({ task, pid, site, state }) => {
    if (site === null || (state === 'ended' && task !== 'insmod')) return [];
    const name = task_name(task, pid);
    const named = verdict === 'init' ? task === 'insmod' : message.includes(name);
    return named ? [`${name} is at ${sources[site.source]!.file}:${site.line}`] : [];
  });
  return [message, ...places].join('; ');
}
