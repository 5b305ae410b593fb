// noinstr: never transformed, never interrupted.
// The machine's clock: the host's monotonic clock, which is the same in each worker (`performance.now()` has another
// origin in each, and costs more), counted from the boot. Replaced by stepped/clock.ts (virtual time).
import { Mach } from '../machine/memory-map.js';
import { ldf64 } from './raw.js';

const { hrtime } = process;
let boot = 0;

/** The host's monotonic clock in ns (a double: exact to 1 ns for 100 days of uptime). */
export function host_ns(): number {
  const now = hrtime();
  return now[0] * 1e9 + now[1];
}

/** Called when this thread becomes a CPU. */
export function init_clock(): void {
  boot = ldf64(Mach.BOOT_TIME);
}

/** Nanoseconds since boot. Context: any. */
export const clock_ns = (): number => host_ns() - boot;
