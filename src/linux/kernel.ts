// <linux/kernel.h>: trace points of a module's own. Context: any.
// trace_printk writes into the flight recorder of the CPU, which `lockstep run --trace FILE` draws and a failure prints:
// no lock and no log line, so it hardly disturbs what is looked at. In explored schedules it does nothing.
import { trace_printk, tracing_is_on, tracing_off, tracing_on } from '../kernel/trace.js';
export { trace_printk, tracing_is_on, tracing_off, tracing_on };

/** As trace_printk of a plain string. (Linux returns the bytes written, which are none when nothing is recorded.) */
export const trace_puts = (text: string): void => trace_printk('%s', text);
export { might_sleep } from '../sched/debug.js';
