// <linux/percpu.h>: see percpu-defs.ts for static per-CPU data, percpu-ops.ts and percpu-raw.ts for the operations, and
// mm/percpu.ts for dynamic memory.
import type { FieldType } from './field.js';
import { GFP_KERNEL } from './gfp_types.js';
import { __alloc_percpu_gfp } from '../mm/percpu.js';

export * from './percpu-defs.js';
export * from './percpu-ops.js';
export * from './percpu-raw.js';
export { __alloc_percpu_gfp, free_percpu } from '../mm/percpu.js';

/** `size` zeroed bytes for each CPU. Context: task. Return: the per-CPU pointer, 0 when memory is short. */
export const __alloc_percpu = (size: number, align: number): number => __alloc_percpu_gfp(size, align, GFP_KERNEL);
/**
 * A zeroed object of this type for each CPU; locks in it still have to be initialised. Context: task.
 * Return: the per-CPU pointer, for percpu_at(), per_cpu_ptr() and free_percpu(); 0 when memory is short.
 */
export const alloc_percpu = (type: FieldType): number => alloc_percpu_gfp(type, GFP_KERNEL);
/** As alloc_percpu(), in any context that `gfp` allows. */
export const alloc_percpu_gfp = (type: FieldType, gfp: number): number =>
  __alloc_percpu_gfp(type.size, Math.max(type.align, 4), gfp);
