// pure: a type.
// atomic_t by itself: structs of the kernel have it, and what <linux/atomic.h> needs reaches them.
import { int } from './field.js';
import { Struct } from './struct.js';

export class atomic_t extends Struct('atomic_t', { counter: int }, { typedef: true }) {}

/** `DEFINE_STATIC(atomic_t, ATOMIC_INIT(1))`. */
export const ATOMIC_INIT = (n: number): { counter: number } => ({ counter: n });
