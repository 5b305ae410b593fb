// <linux/hrtimer.h>: timers in ns. Times are numbers, as in linux/ktime.ts. Context of all but hrtimer_cancel and the
// sleeping ones: any. Resolution: a timer is never early; in the free-running build it is late by what the host takes to
// wake the timekeeper's thread and the CPU (see docs/modules.md).
import { atomic_text_handle } from '../kernel/text.js';
import {
  hrtimer_active_raw,
  hrtimer_callback_running_raw,
  hrtimer_cancel_raw,
  hrtimer_expires_raw,
  hrtimer_forward_raw,
  hrtimer_init_raw,
  hrtimer_is_queued_raw,
  hrtimer_now_raw,
  hrtimer_set_expires_raw,
  hrtimer_softexpires_raw,
  hrtimer_start_raw,
  hrtimer_try_to_cancel_raw,
  schedule_hrtimeout_raw,
} from '../sched/hrtimer.js';
import type { Sleeping } from '../sched/sleep.js';
import { container_of } from './container_of.js';
import { array, f64, fn, Struct, u32 } from './types.js';

export { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_TAI, KTIME_MAX } from './ktime.js';

export class hrtimer extends Struct('hrtimer', {
  node: array(u32, 4),
  key: f64,
  _softexpires: f64,
  /** An exported function; assign it by hrtimer_setup. */
  function: fn,
  base: u32,
  flags: u32,
}) {}

export const HRTIMER_NORESTART = 0;
export const HRTIMER_RESTART = 1;
export const HRTIMER_MODE_ABS = 0;
export const HRTIMER_MODE_REL = 1;
export const HRTIMER_MODE_PINNED = 2;
export const HRTIMER_MODE_SOFT = 4;
export const HRTIMER_MODE_HARD = 8;
export const HRTIMER_MODE_ABS_PINNED = 2;
export const HRTIMER_MODE_REL_PINNED = 3;
export const HRTIMER_MODE_ABS_SOFT = 4;
export const HRTIMER_MODE_REL_SOFT = 5;
export const HRTIMER_MODE_ABS_PINNED_SOFT = 6;
export const HRTIMER_MODE_REL_PINNED_SOFT = 7;
export const HRTIMER_MODE_ABS_HARD = 8;
export const HRTIMER_MODE_REL_HARD = 9;
export const HRTIMER_MODE_ABS_PINNED_HARD = 10;
export const HRTIMER_MODE_REL_PINNED_HARD = 11;

/**
 * Called with the timer's address (container_of gives what it lies in). Context: hardirq, of HRTIMER_MODE_SOFT softirq.
 * Return: HRTIMER_RESTART arms it again: the function has moved the expiry by hrtimer_forward.
 */
export type HrtimerFunction = (timer: number) => number;
const handle = (f: HrtimerFunction): number => atomic_text_handle(f, 'the function of an hrtimer');

/** Sets one up that is not armed. `func` is exported. Context: any. */
export const hrtimer_setup = (timer: hrtimer, func: HrtimerFunction, clock: number, mode: number): void =>
  hrtimer_init_raw(timer['@addr'], handle(func), clock, mode);
/** The same without the function, which `hrtimer_set_function` gives it (Linux assigns `timer.function`). */
export const hrtimer_init = (timer: hrtimer, clock: number, mode: number): void =>
  hrtimer_init_raw(timer['@addr'], 0, clock, mode);
export const hrtimer_set_function = (timer: hrtimer, func: HrtimerFunction): void => {
  timer.function = handle(func);
};
/** The struct in which the timer lies as `field`. */
export const from_hrtimer = container_of;

/** Arms it, or moves it; with a range it may come that much later. Pinned or not, it is the arming CPU's. */
export const hrtimer_start = (timer: hrtimer, time: number, mode: number): void =>
  hrtimer_start_raw(timer['@addr'], time, 0, mode);
export const hrtimer_start_range_ns = (timer: hrtimer, time: number, range: number, mode: number): void =>
  hrtimer_start_raw(timer['@addr'], time, range, mode);
/** At the expiry that it has. */
export const hrtimer_start_expires = (timer: hrtimer, mode: number): void => {
  const soft = hrtimer_get_softexpires(timer);
  hrtimer_start_raw(timer['@addr'], soft, hrtimer_get_expires(timer) - soft, mode & ~HRTIMER_MODE_REL);
};
export const hrtimer_restart = (timer: hrtimer): void => hrtimer_start_expires(timer, HRTIMER_MODE_ABS);
/** Disarms it and waits, busy, for its function. Not by its own function. Return: 1 if it was armed. */
export const hrtimer_cancel = (timer: hrtimer): number => hrtimer_cancel_raw(timer['@addr']);
/** Return: 1 if it was armed, 0 if not, -1 while its function runs (then nothing is done). */
export const hrtimer_try_to_cancel = (timer: hrtimer): number => hrtimer_try_to_cancel_raw(timer['@addr']);
/** Moves the expiry by whole intervals beyond `now`. Return: how many. */
export const hrtimer_forward = (timer: hrtimer, now: number, interval: number): number =>
  hrtimer_forward_raw(timer['@addr'], now, interval);
export const hrtimer_forward_now = (timer: hrtimer, interval: number): number =>
  hrtimer_forward_raw(timer['@addr'], hrtimer_now_raw(timer['@addr']), interval);
/** Armed, or its function runs. */
export const hrtimer_active = (timer: hrtimer): boolean => hrtimer_active_raw(timer['@addr']);
export const hrtimer_is_queued = (timer: hrtimer): boolean => hrtimer_is_queued_raw(timer['@addr']);
export const hrtimer_callback_running = (timer: hrtimer): boolean => hrtimer_callback_running_raw(timer['@addr']);
/** ns, less than 0 when it is over. */
export const hrtimer_get_remaining = (timer: hrtimer): number =>
  hrtimer_expires_raw(timer['@addr']) - hrtimer_now_raw(timer['@addr']);
export const hrtimer_expires_remaining = hrtimer_get_remaining;
export const hrtimer_get_expires = (timer: hrtimer): number => hrtimer_expires_raw(timer['@addr']);
export const hrtimer_get_softexpires = (timer: hrtimer): number => hrtimer_softexpires_raw(timer['@addr']);
export const hrtimer_set_expires = (timer: hrtimer, time: number): void =>
  hrtimer_set_expires_raw(timer['@addr'], time, 0);
export const hrtimer_set_expires_range_ns = (timer: hrtimer, time: number, range: number): void =>
  hrtimer_set_expires_raw(timer['@addr'], time, range);
export const hrtimer_cb_get_time = (timer: hrtimer): number => hrtimer_now_raw(timer['@addr']);

/**
 * Sleeps until the time (ns, KTIME_MAX for ever) or a wake-up; the caller has set the task's state. Linux takes the
 * address of the time. Context: task. Return: 0 when the time has come, -EINTR if it was woken before.
 */
export const schedule_hrtimeout = (expires: number, mode: number): Sleeping<number> =>
  schedule_hrtimeout_raw(expires, 0, mode, 1);
export const schedule_hrtimeout_range = (expires: number, range: number, mode: number): Sleeping<number> =>
  schedule_hrtimeout_raw(expires, range, mode, 1);
export const schedule_hrtimeout_range_clock = (
  expires: number,
  range: number,
  mode: number,
  clock: number,
): Sleeping<number> => schedule_hrtimeout_raw(expires, range, mode, clock);
