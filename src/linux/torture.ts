// pure: nothing that another CPU reads while it runs; no pause in the stepped build.
// <linux/torture.h>: what a torture test tells `lockstep stress` about itself.
import { my } from '../cpu/context.js';
import { ld, st } from '../cpu/raw.js';
import { Pcpu } from '../machine/memory-map.js';

/**
 * Counts one checked operation of this CPU; `lockstep stress` shows them per second. The count belongs to the CPU and
 * wraps at 2^32. Context: any. An interrupt in the middle of it can lose its own count, as with __this_cpu_inc.
 */
export function torture_op(): void {
  st(my + Pcpu.STAT_OPS, ld(my + Pcpu.STAT_OPS) + 1);
}
