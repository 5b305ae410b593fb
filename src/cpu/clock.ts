// noinstr: never transformed, never interrupted.
// The machine's clock. `performance.now()` has another origin in each worker, so each CPU adds its own difference to
// the host's monotonic clock once, when it is attached. Replaced by stepped/clock.ts (virtual time).
import { Mach } from '../machine/memory-map.js';
import { ldf64 } from './raw.js';

let difference = 0;
// The global is a getter behind a lookup by name.
const host = performance;

/** The host's monotonic clock in ns, the same in every thread (a double: exact to 1 ns for 100 days of uptime). */
export function host_ns(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * 1e9 + ns;
}

/** Called when this thread becomes a CPU. */
export function init_clock(): void {
  const boot = ldf64(Mach.BOOT_TIME);
  // The smallest of several readings: the thread may be descheduled between the two clocks.
  difference = Infinity;
  for (let i = 0; i < 5; i++) {
    const before = performance.now();
    difference = Math.min(difference, host_ns() - before * 1e6 - boot);
  }
}

/** Nanoseconds since boot. Context: any. */
export const clock_ns = (): number => host.now() * 1e6 + difference;
