// <linux/delay.h>: busy delays (any context) and sleeps (task context).
import { clock_ns } from '../cpu/clock.js';
import { cpu_relax } from '../cpu/park.js';
import { pass_time } from '../cpu/delay.js';
import { usleep_range_raw } from '../sched/hrtimer.js';
import { msleep, msleep_interruptible } from '../sched/timer.js';
import type { Sleeping } from '../sched/sleep.js';

export { msleep, msleep_interruptible };
/** Busy for at least this long; takes interrupts if they are on. In the stepped build virtual time passes. */
export function ndelay(ns: number): void {
  if (pass_time(ns)) return;
  const end = clock_ns() + ns;
  while (clock_ns() < end) cpu_relax();
}
export const udelay = (us: number): void => ndelay(us * 1000);
export const mdelay = (ms: number): void => ndelay(ms * 1e6);
/** Sleeps at least `min` microseconds, by an hrtimer; with others that end before `max`. Context: task. */
export const usleep_range = (min: number, max: number): Sleeping<number> => usleep_range_raw(min, max);
export const ssleep = (seconds: number): Sleeping<number> => msleep(seconds * 1000);
/** Linux chooses by the length; here all sleeps have the grain of a jiffy. Microseconds. Context: task. */
export const fsleep = (us: number): Sleeping<number> => msleep(Math.ceil(us / 1000));
