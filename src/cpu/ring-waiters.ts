// noinstr: never transformed, never interrupted.
// Tells the CPUs that are parked for one reason that something has happened: for the ends of functions that others may
// wait for (a timer's, a tasklet's), which are far more frequent than somebody who waits. Context: any.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu } from './context.js';
import { ring } from './park.js';
import { a_ld, ld } from './raw.js';
import type { Wait } from './vectors.js';

/** What they wait for must have been published before. */
export function ring_waiters(reason: Wait): void {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (c !== cpu && a_ld(area + Pcpu.WAIT_REASON) === reason) ring(area);
  }
}
