// noinstr: never transformed, never interrupted.
// Stands in for cpu/clock.ts: virtual time. It advances with each step, and jumps to the next deadline when nothing else
// can go on or a strategy chooses a tick. Kept outside the memory: the machine sets it back at each restore.
import { HZ, STEP_NS } from '../machine/params.js';
import { Mach } from '../machine/memory-map.js';
import { ld, own_floats, own_words, st } from './raw.js';

export const JIFFY_NS = 1e9 / HZ;
const counted = own_words(1);
const time = own_floats(2);
const enum Time {
  JUMPED = 0,
  NEXT_JIFFY = 1,
}

/** Steps of the schedule so far; `runtime.s` counts them. */
export const steps = (): number => counted[0]!;
export const count_step = (): void => {
  counted[0]!++;
};
export const clock_ns = (): number => time[Time.JUMPED]! + counted[0]! * STEP_NS;
export function host_ns(): number {
  return clock_ns();
}
export function init_clock(): void {}

/** Back to the time of the restore point. */
export function reset_clock(): void {
  counted[0] = 0;
  time.fill(0);
}
/** Lets time pass. */
export function pass_ns(ns: number): void {
  time[Time.JUMPED]! += Math.max(0, ns);
}
/** Writes the jiffies that the clock says. Return: true if a new one has begun. */
export function publish_jiffies(): boolean {
  if (clock_ns() < time[Time.NEXT_JIFFY]!) return false;
  const jiffies = Math.floor(clock_ns() / JIFFY_NS);
  if (ld(Mach.JIFFIES) !== jiffies) st(Mach.JIFFIES, jiffies);
  time[Time.NEXT_JIFFY] = (jiffies + 1) * JIFFY_NS;
  return true;
}
/** Jumps to the beginning of a jiffy, or to the next one if that is not in the future. */
export function jump_to_jiffy(jiffy: number): void {
  const now = clock_ns();
  const target = Math.max(jiffy, Math.floor(now / JIFFY_NS) + 1) * JIFFY_NS;
  time[Time.JUMPED]! += target - now;
  publish_jiffies();
}
/** Jumps to a time in ns, if that is in the future. */
export function jump_to_ns(ns: number): void {
  pass_ns(ns - clock_ns());
  publish_jiffies();
}
