// <linux/ktime.h>, <linux/timekeeping.h>: time in ns. A time is a number: exact to 1 ns for 100 days since boot; times of
// CLOCK_REALTIME are beyond 2^53 and exact to 256 ns. A struct field of type `ktime_t` is 64 bits, a bigint: Number() and
// BigInt() convert. Context: any.
import { clock_ns } from '../cpu/clock.js';
import { clock_offset } from '../sched/hrtimer.js';
import { long, s64, Struct } from './types.js';

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_TAI = 11;
export const NSEC_PER_USEC = 1000;
export const NSEC_PER_MSEC = 1000000;
export const NSEC_PER_SEC = 1000000000;
export const USEC_PER_MSEC = 1000;
export const USEC_PER_SEC = 1000000;
export const MSEC_PER_SEC = 1000;
/** For ever. */
export const KTIME_MAX = Infinity;

export class timespec64 extends Struct('timespec64', { tv_sec: s64, tv_nsec: long }) {}
/** What the functions below take and give for it: Linux passes the struct by value. */
export interface Timespec {
  tv_sec: number;
  tv_nsec: number;
}

/** Since boot. */
export const ktime_get = (): number => Math.floor(clock_ns());
export const ktime_get_ns = ktime_get;
export const ktime_get_raw = ktime_get;
export const ktime_get_raw_ns = ktime_get;
export const ktime_get_mono_fast_ns = ktime_get;
/** The machine does not sleep: the same. */
export const ktime_get_boottime = ktime_get;
export const ktime_get_boottime_ns = ktime_get;
/** Since the epoch; in the stepped build the boot is the epoch. */
export const ktime_get_real = (): number => Math.floor(clock_ns() + clock_offset(CLOCK_REALTIME));
export const ktime_get_real_ns = ktime_get_real;
export const ktime_get_clocktai = ktime_get_real;
export const ktime_get_seconds = (): number => Math.floor(clock_ns() / NSEC_PER_SEC);
export const ktime_get_boottime_seconds = ktime_get_seconds;
export const ktime_get_real_seconds = (): number => Math.floor(ktime_get_real() / NSEC_PER_SEC);
export const ktime_get_ts64 = (ts: timespec64): void => store(ts, ktime_get());
export const ktime_get_real_ts64 = (ts: timespec64): void => store(ts, ktime_get_real());
export const ktime_get_boottime_ts64 = ktime_get_ts64;
function store(ts: timespec64, ns: number): void {
  const { tv_sec, tv_nsec } = ns_to_timespec64(ns);
  ts.tv_sec = BigInt(tv_sec);
  ts.tv_nsec = tv_nsec;
}

export const ktime_set = (secs: number, nsecs: number): number => secs * NSEC_PER_SEC + nsecs;
export const ktime_add = (a: number, b: number): number => a + b;
export const ktime_add_safe = ktime_add;
export const ktime_sub = (a: number, b: number): number => a - b;
export const ktime_add_ns = ktime_add;
export const ktime_sub_ns = ktime_sub;
export const ktime_add_us = (t: number, us: number): number => t + us * NSEC_PER_USEC;
export const ktime_sub_us = (t: number, us: number): number => t - us * NSEC_PER_USEC;
export const ktime_add_ms = (t: number, ms: number): number => t + ms * NSEC_PER_MSEC;
export const ktime_sub_ms = (t: number, ms: number): number => t - ms * NSEC_PER_MSEC;
export const ktime_to_ns = (t: number): number => t;
export const ktime_to_us = (t: number): number => Math.trunc(t / NSEC_PER_USEC);
export const ktime_to_ms = (t: number): number => Math.trunc(t / NSEC_PER_MSEC);
export const ktime_divns = (t: number, div: number): number => Math.trunc(t / div);
export const ktime_us_delta = (later: number, earlier: number): number => ktime_to_us(later - earlier);
export const ktime_ms_delta = (later: number, earlier: number): number => ktime_to_ms(later - earlier);
export const ns_to_ktime = (ns: number): number => ns;
export const us_to_ktime = (us: number): number => us * NSEC_PER_USEC;
export const ms_to_ktime = (ms: number): number => ms * NSEC_PER_MSEC;
/** Return: less than 0, 0, or more, as `a` is before, at or after `b`. */
export const ktime_compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
export const ktime_after = (a: number, b: number): boolean => a > b;
export const ktime_before = (a: number, b: number): boolean => a < b;

export const ns_to_timespec64 = (ns: number): Timespec => {
  const tv_sec = Math.floor(ns / NSEC_PER_SEC);
  return { tv_sec, tv_nsec: ns - tv_sec * NSEC_PER_SEC };
};
export const ktime_to_timespec64 = ns_to_timespec64;
export const timespec64_to_ns = (ts: Timespec): number => ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
export const timespec64_to_ktime = timespec64_to_ns;
