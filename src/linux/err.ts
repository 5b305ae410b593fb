// <linux/err.h>: errors in pointers. The last 4095 addresses are no memory; a pointer there is -errno. Pointers read
// from memory are signed (raw accessors) or not (pointer fields), so both forms are understood.
import { no_step } from '../cpu/heap.js';
import { MAX_ERRNO } from './errno.js';

export { MAX_ERRNO };
type Pointer = number | { readonly '@addr': number };
const signed = (p: Pointer): number => (typeof p === 'number' ? p : p['@addr']) | 0;

/** The pointer that carries `error`, a negative error number. */
export const ERR_PTR = (error: number): number => error;
/** The negative error number that a pointer carries. */
export const PTR_ERR = (p: Pointer): number => signed(p);
export function IS_ERR(p: Pointer): boolean {
  const a = signed(p);
  return a < 0 && a >= -MAX_ERRNO;
}
export function IS_ERR_OR_NULL(p: Pointer): boolean {
  const a = signed(p);
  return a <= 0 && a >= -MAX_ERRNO;
}
export const IS_ERR_VALUE = (x: number): boolean => IS_ERR(x);
/** The same error, as a pointer of another type: in Linux a cast. */
export const ERR_CAST = (p: Pointer): number => signed(p);
export const PTR_ERR_OR_ZERO = (p: Pointer): number => (IS_ERR(p) ? signed(p) : 0);

no_step(ERR_PTR, PTR_ERR, IS_ERR, IS_ERR_OR_NULL, IS_ERR_VALUE, ERR_CAST, PTR_ERR_OR_ZERO);
