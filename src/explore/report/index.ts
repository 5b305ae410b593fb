// The report of one failing schedule: records it, finds what conflicts in it, and says in plain words what went wrong.
import type { Outcome } from '../outcome.js';
import type { Session } from '../session.js';
import { find_conflicts, freed_conflict, race_conflict, who } from './conflicts.js';
import { record } from './record.js';
import { REPORT_VERSION, type ReportConflict, type ReportStep, type ScheduleReport } from './schedule.js';

/** What a report says of a schedule beside what happened in it. */
export interface ReportHead {
  token: string;
  /** The command line that replays it. */
  replay: string;
}

/** Runs a failing schedule once more and reports it. `outcome.verdict` is null if it does not fail. */
export function report_schedule(
  session: Session,
  head: ReportHead,
  run: () => Outcome,
  log: () => string[],
): { outcome: Outcome; report: ScheduleReport | null } {
  const { outcome, steps, tasks, sources, left_out, numbered, freed } = record(session, run);
  if (outcome.verdict === null) return { outcome, report: null };
  const conflicts = find_conflicts(steps, outcome.verdict);
  if (!conflicts.some((c) => c.kind === 'use after free')) {
    const used = freed_conflict(outcome.message, steps, freed);
    if (used !== null) conflicts.unshift(used);
  }
  if (outcome.race !== undefined) {
    const race = race_conflict(outcome.race, ({ step, pid, line }) => {
      const there = numbered.get(step) ?? null;
      if (there !== null && there.pid === pid) return there;
      return steps.findLast((s) => s.pid === pid && s.site?.line === line && s.access !== null) ?? null;
    });
    const marked = new Set(race.steps);
    conflicts.splice(0, conflicts.length, race, ...conflicts.filter((c) => !c.steps.some((s) => marked.has(s))));
  }
  const text_of = (step: ReportStep): string =>
    step.site === null ? '' : (sources[step.site.source]!.text.split('\n')[step.site.line - 1] ?? '').trim();
  const report: ScheduleReport = {
    format: 'lockstep-schedule-report',
    version: REPORT_VERSION,
    module: session.compiled.name,
    file: sources[0]!.file,
    parameters: session.parameters,
    cpus: session.cpus,
    verdict: outcome.verdict,
    message: outcome.message,
    headline: headline(outcome, steps, conflicts, text_of),
    ...head,
    left_out,
    steps,
    conflicts,
    tasks,
    log: log(),
    sources,
  };
  return { outcome, report };
}

function headline(
  { verdict, message }: Outcome,
  steps: readonly ReportStep[],
  conflicts: readonly ReportConflict[],
  source: (step: ReportStep) => string,
): string {
  const cause = conflicts[0]?.text;
  const effect = failed_check(steps, source);
  switch (verdict) {
    case 'data race':
      return cause ?? `${message}.`;
    case 'deadlock':
      return cause ?? `${message}.`;
    case 'livelock':
      return `The schedule has no end: ${message}.`;
    case 'init':
      return [cause, `${message}.`].filter(Boolean).join(' ');
    default:
      return effect === null
        ? [cause, `${message}.`].filter(Boolean).join(' ')
        : cause === undefined
          ? effect
          : `${cause} Then ${effect}`;
  }
}

/** The WARN_ON or the like that failed, with what it has read. */
function failed_check(steps: readonly ReportStep[], source: (step: ReportStep) => string): string | null {
  const call = steps.findLast((s) => s.own && s.kind === 'call' && /^(WARN|BUG)/.test(s.text));
  const first_log = steps.findLast((s) => s.kind === 'log' && /^(WARNING|BUG|\W*kernel BUG)/.test(s.text));
  if (call === undefined || call.site === null || first_log === undefined || first_log.index < call.index) return null;
  const { line, source: file } = call.site;
  const seen = steps.filter(
    (s) => s.index < call.index && s.pid === call.pid && s.site?.line === line && s.site.source === file && s.place,
  );
  const values = [...new Map(seen.map((s) => [s.place!.name, s.after])).entries()].slice(-3);
  const read = values.map(([name, value]) => `${name} is ${value}`).join(', ');
  const check = source(call)
    .replace(/\s*\/\/.*$/, '')
    .replace(/;$/, '');
  return `\`${check}\` in ${who(call, false)} fails${read === '' ? '' : `: ${read}`}.`;
}
