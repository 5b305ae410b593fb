// <linux/kernel.h>: what it brings along of the other headers, and trace points of a module's own. Context: any.
// trace_printk writes into the flight recorder of the CPU, which `lockstep run --trace FILE` draws and a failure prints:
// no lock and no log line, so it hardly disturbs what is looked at. In explored schedules it does nothing.
import { trace_printk, tracing_is_on, tracing_off, tracing_on } from '../kernel/trace.js';
export { trace_printk, tracing_is_on, tracing_off, tracing_on };
export * from './align.js';
export * from './bitops.js';
export * from './compiler.js';
export { container_of, offsetof } from './container_of.js';
export * from './kstrtox.js';
export * from './limits.js';
export * from './log2.js';
export {
  abs,
  DIV_ROUND_CLOSEST,
  DIV_ROUND_UP,
  lower_32_bits,
  round_down,
  round_up,
  rounddown,
  roundup,
  upper_32_bits,
} from './math.js';
export * from './minmax.js';
export { panic } from './panic.js';
export * from './printk.js';
export { kasprintf, kvasprintf, scnprintf, snprintf, sprintf, vscnprintf, vsnprintf, vsprintf } from './sprintf.js';
export { might_sleep } from '../sched/debug.js';

/** As trace_printk of a plain string. (Linux returns the bytes written, which are none when nothing is recorded.) */
export const trace_puts = (text: string): void => trace_printk('%s', text);
