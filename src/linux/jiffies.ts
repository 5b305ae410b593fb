// <linux/jiffies.h>: time in ticks. `jiffies` is a function: the value changes under the reader.
export {
  get_jiffies as jiffies,
  jiffies_to_msecs,
  jiffies_to_usecs,
  MAX_JIFFY_OFFSET,
  msecs_to_jiffies,
  time_after,
  time_after_eq,
  time_before,
  time_before_eq,
  usecs_to_jiffies,
} from '../sched/timer.js';
export { HZ } from '../machine/params.js';
import { get_jiffies, time_after, time_after_eq, time_before, time_before_eq } from '../sched/timer.js';
import { HZ as hz } from '../machine/params.js';

/** The same without the wrap at 2^32, which a machine does not live to see. */
export const get_jiffies_64 = (): bigint => BigInt(get_jiffies());
/** `a` lies between `b` and `c`, both included; `_open`: not `c`. */
export const time_in_range = (a: number, b: number, c: number): boolean => time_after_eq(a, b) && time_before_eq(a, c);
export const time_in_range_open = (a: number, b: number, c: number): boolean =>
  time_after_eq(a, b) && time_before(a, c);
/** Whether `a` is over, or still to come. */
export const time_is_before_jiffies = (a: number): boolean => time_after(get_jiffies(), a);
export const time_is_after_jiffies = (a: number): boolean => time_before(get_jiffies(), a);
export const time_is_before_eq_jiffies = (a: number): boolean => time_after_eq(get_jiffies(), a);
export const time_is_after_eq_jiffies = (a: number): boolean => time_before_eq(get_jiffies(), a);
/** Nanoseconds are `number`s here. nsecs_to_jiffies rounds down, unlike the others, as in Linux. */
export const jiffies_to_nsecs = (j: number): number => j * (1e9 / hz);
export const nsecs_to_jiffies = (ns: number): number => Math.floor(ns / (1e9 / hz));
