// noinstr: never transformed, never interrupted.
// Stands in for cpu/clock.ts: virtual time. It advances with each step, and jumps to the next deadline when nothing else
// can go on or a strategy chooses a tick. Kept outside the memory: the machine sets it back at each restore.
import { HZ, STEP_NS } from '../machine/params.js';
import { Mach } from '../machine/memory-map.js';
import { ld, st } from '../cpu/raw.js';

const JIFFY_NS = 1e9 / HZ;
/** Steps of the schedule so far; `runtime.s` counts them. */
export let steps = 0;
let jumped = 0;
let next_jiffy = 0;

export const count_step = (): void => {
  steps++;
};
export const clock_ns = (): number => jumped + steps * STEP_NS;
export function host_ns(): number {
  return clock_ns();
}
export function init_clock(): void {}

/** Back to the time of the restore point. */
export function reset_clock(): void {
  steps = 0;
  jumped = 0;
  next_jiffy = 0;
}
/** Lets time pass. */
export function pass_ns(ns: number): void {
  jumped += Math.max(0, ns);
}
/** Writes the jiffies that the clock says. Return: true if a new one has begun. */
export function publish_jiffies(): boolean {
  if (clock_ns() < next_jiffy) return false;
  const jiffies = Math.floor(clock_ns() / JIFFY_NS);
  if (ld(Mach.JIFFIES) !== jiffies) st(Mach.JIFFIES, jiffies);
  next_jiffy = (jiffies + 1) * JIFFY_NS;
  return true;
}
/** Jumps to the beginning of a jiffy, or to the next one if that is not in the future. */
export function jump_to_jiffy(jiffy: number): void {
  const now = clock_ns();
  const target = Math.max(jiffy, Math.floor(now / JIFFY_NS) + 1) * JIFFY_NS;
  jumped += target - now;
  publish_jiffies();
}
