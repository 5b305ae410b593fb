// A schedule as a Chrome trace, for ui.perfetto.dev: a track for each CPU, in virtual time. A slice is what ran there,
// a task or an interrupt, until another CPU or another context went on; the steps lie in it, each STEP_NS long.
import type { ChromeEvent, ChromeTrace } from '../../machine/chrome-types.js';
import { STEP_NS } from '../../machine/params.js';
import type { ReportStep, ScheduleReport } from './schedule.js';

const MACHINE = 1;
const us = (ns: number): number => ns / 1000;
const who = ({ task, pid, context }: ReportStep): string => (context === 'task' ? `${task}/${pid}` : context);

export function report_trace(report: ScheduleReport): ChromeTrace {
  const { steps, sources } = report;
  const meta = (name: string, tid: number, args: Record<string, unknown>): ChromeEvent => ({
    name,
    ph: 'M',
    pid: MACHINE,
    tid,
    ts: 0,
    args,
  });
  const traceEvents: ChromeEvent[] = [meta('process_name', 0, { name: `${report.module}: ${report.verdict}` })];
  for (let cpu = 0; cpu < report.cpus; cpu++) traceEvents.push(meta('thread_name', cpu, { name: `CPU ${cpu}` }));
  for (let from = 0; from < steps.length;) {
    const first = steps[from]!;
    let to = from + 1;
    while (to < steps.length && steps[to]!.cpu === first.cpu && who(steps[to]!) === who(first)) to++;
    const end = steps[to - 1]!.time_ns + STEP_NS;
    traceEvents.push({
      name: who(first),
      ph: 'X',
      pid: MACHINE,
      tid: first.cpu,
      ts: us(first.time_ns),
      dur: us(end - first.time_ns),
      args: { task: `${first.task}/${first.pid}` },
    });
    for (const step of steps.slice(from, to)) {
      const { site } = step;
      traceEvents.push({
        name: step.text,
        cat: step.kind,
        // What is no step of its own takes no time.
        ...(site === null ? { ph: 'i' as const, s: 't' as const } : { ph: 'X' as const, dur: us(STEP_NS) }),
        pid: MACHINE,
        tid: step.cpu,
        ts: us(step.time_ns),
        args: {
          ...(site !== null && { at: `${sources[site.source]!.file}:${site.line}:${site.column}` }),
          ...(step.before !== null && { before: step.before }),
          ...(step.after !== null && { after: step.after }),
          locks: step.locks.join(', '),
          irqs_off: step.irqs_off,
          preempt_count: step.preempt_count,
        },
      });
    }
    from = to;
  }
  return {
    traceEvents,
    displayTimeUnit: 'ns',
    otherData: { tool: 'lockstep replay', verdict: report.verdict, message: report.message, token: report.token },
  };
}
