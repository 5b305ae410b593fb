// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// Of <asm/barrier.h> and <linux/atomic.h>: waiting until a value fulfils a condition. `cond` gets the value that Linux's
// macros call VAL. Interrupts are taken meanwhile if they are on. Context: any. Return: the value that fulfilled it.
import { cpu_relax } from '../cpu/park.js';
import { atomic_read, atomic_read_acquire, type atomic_t } from './atomic.js';
import { smp_load_acquire } from './barrier.js';
import { READ_ONCE } from './compiler.js';
import type { StructView } from './field.js';
import type { Key, Val } from './lvalue.js';

/** `smp_cond_load_acquire(s, 'ready', (VAL) => VAL !== 0)`: everything after it follows that load. */
export function smp_cond_load_acquire<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  cond: (VAL: Val<V, K>) => unknown,
): Val<V, K> {
  for (;;) {
    const value = smp_load_acquire(v, field);
    if (cond(value)) return value;
    cpu_relax();
  }
}
/** Orders nothing. */
export function smp_cond_load_relaxed<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  cond: (VAL: Val<V, K>) => unknown,
): Val<V, K> {
  for (;;) {
    const value = READ_ONCE(v, field);
    if (cond(value)) return value;
    cpu_relax();
  }
}

/** `atomic_cond_read_acquire(v, (VAL) => VAL === 0)`. */
export function atomic_cond_read_acquire(v: atomic_t, cond: (VAL: number) => unknown): number {
  for (;;) {
    const value = atomic_read_acquire(v);
    if (cond(value)) return value;
    cpu_relax();
  }
}
export function atomic_cond_read_relaxed(v: atomic_t, cond: (VAL: number) => unknown): number {
  for (;;) {
    const value = atomic_read(v);
    if (cond(value)) return value;
    cpu_relax();
  }
}
