// Which steps of a report a person needs to see, for the text and for the page: what is hidden or folded, in one place.
import { contexts_of } from './conflicts.js';
import type { ReportStep, ScheduleReport } from './schedule.js';

/** A step that is shown, or a stretch of them that is not; `folded` counts those of them that are worth a look. */
export type Row =
  | { readonly step: ReportStep }
  | { readonly folded: number; readonly from: number; readonly to: number; readonly who: string };

/** A schedule of so few steps is shown whole. */
const SHORT = 24;
/** A stretch of fewer steps than this is not worth folding. */
const STRETCH = 4;
/** Steps shown before and after a conflicting one, of the same task, and the last ones before the failure. */
const AROUND = 2;
const LAST = 4;

/** By step: whether it is shown when the report is folded. */
export function shown_steps(report: ScheduleReport): boolean[] {
  const { steps } = report;
  const visible = steps.map((s) => s.own && !is_noise(s, steps));
  if (visible.filter(Boolean).length <= SHORT) return visible;
  const shown = steps.map(() => false);
  const contexts = contexts_of(steps);
  const around = (index: number, before: number, after: number): void => {
    shown[index] = true;
    for (const [by, many] of [
      [-1, before],
      [1, after],
    ] as const)
      for (let i = index + by, n = 0; n < many && i >= 0 && i < steps.length; i += by)
        if (contexts[i] === contexts[index] && visible[i]) {
          shown[i] = true;
          n++;
        }
  };
  for (const { steps: marked } of report.conflicts) {
    for (const index of marked) around(index, AROUND, AROUND);
    // Where the locks were taken that are held there.
    for (const index of marked)
      for (const lock of steps[index]!.locks) {
        const taken = steps.findLast((s) => s.index < index && s.locks_after.includes(lock) && !s.locks.includes(lock));
        if (taken !== undefined && contexts[taken.index] === contexts[index]) shown[taken.index] = true;
      }
  }
  for (const task of report.tasks)
    if (task.state === 'waiting' && task.last_step >= 0) around(task.last_step, AROUND, 0);
  const last = steps.findLast((s) => visible[s.index] && s.kind !== 'log');
  if (last !== undefined) around(last.index, LAST, 0);
  for (const step of steps) if (step.kind === 'log' && visible[step.index]) shown[step.index] = true;
  // What would be folded alone stays.
  for (let i = 0; i < steps.length;) {
    let n = 0;
    let end = i;
    while (end < steps.length && !shown[end]) if (visible[end++]) n++;
    if (n < STRETCH) for (let k = i; k < end; k++) shown[k] = visible[k]!;
    i = end + 1;
  }
  return shown;
}

/** A report is many lines of the log at once, of which the first says what it is: the log is printed whole anyway. */
const is_noise = (step: ReportStep, steps: readonly ReportStep[]): boolean =>
  step.kind === 'log' && steps[step.index - 1]?.kind === 'log' && !step.text.startsWith('Kernel panic');

export function rows_of(report: ScheduleReport): Row[] {
  const { steps } = report;
  const shown = shown_steps(report);
  const rows: Row[] = [];
  for (let i = 0; i < steps.length;) {
    if (shown[i]) {
      rows.push({ step: steps[i++]! });
      continue;
    }
    const from = i;
    while (i < steps.length && !shown[i]) i++;
    const folded = steps.slice(from, i).filter((s) => s.own && !is_noise(s, steps));
    const names = [...new Set(folded.map((s) => s.task))];
    const who = names.length > 3 ? `${names.slice(0, 3).join(', ')} …` : names.join(', ');
    rows.push({ folded: folded.length, from, to: i - 1, who });
  }
  return rows;
}
