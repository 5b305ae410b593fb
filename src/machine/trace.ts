// The flight recorder as text: the last events of all CPUs merged by time, a line each.
import { HARDIRQ_MASK, PREEMPT_MASK, SOFTIRQ_OFFSET } from '../cpu/preempt.js';
import { Event } from '../kernel/trace-layout.js';
import type { SymbolTable } from './blocked.js';
import { kind_of, TraceNames } from './trace-events.js';
import { merged_events, task_names, type TraceEvent } from './trace-ring.js';

/**
 * `d.h1` as in ftrace: interrupts off; (a dot); hardirq h, softirq s, hardirq on top of a softirq H; depth of
 * preempt_disable.
 */
function context_text({ event, irqs_off, preempt_count }: TraceEvent): string {
  if (event === Event.SWITCH) return '....';
  const hard = (preempt_count & HARDIRQ_MASK) !== 0;
  const soft = (preempt_count & SOFTIRQ_OFFSET) !== 0;
  const depth = preempt_count & PREEMPT_MASK;
  return `${irqs_off ? 'd' : '.'}.${hard && soft ? 'H' : hard ? 'h' : soft ? 's' : '.'}${depth === 0 ? '.' : Math.min(15, depth).toString(16)}`;
}

/**
 * The last `last` events of each CPU, merged by time: `[seconds] CPU n  task/pid  context  what`. A `~` before the time
 * says that the event had no clock of its own. Works on a machine that runs, has failed, or is dead.
 */
export function trace_lines(memory: WebAssembly.Memory, symbols: SymbolTable, last = Infinity): string[] {
  const all = merged_events(memory);
  const names = new TraceNames(symbols, task_names(memory, all));
  const shown = last === Infinity ? all : last_of_each(all, last);
  const cpus = String(Math.max(0, ...shown.map((e) => e.cpu))).length;
  return shown.map((e) => {
    const time = `${e.exact ? ' ' : '~'}${(e.time / 1e9).toFixed(9).padStart(14)}`;
    const task = e.pid === 0 ? 'idle' : names.task(e.pid);
    return `[${time}] CPU ${String(e.cpu).padStart(cpus)}  ${task.padEnd(16)}  ${context_text(e)}  ${kind_of(e.event).text(e, names)}`;
  });
}
/** Of events in order of time, the last `last` of each CPU. */
function last_of_each(events: readonly TraceEvent[], last: number): TraceEvent[] {
  const seen = new Map<number, number>();
  const shown = events.toReversed().filter(({ cpu }) => {
    const n = (seen.get(cpu) ?? 0) + 1;
    seen.set(cpu, n);
    return n <= last;
  });
  return shown.reverse();
}
