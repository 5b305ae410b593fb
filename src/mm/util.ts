// Copies made with kmalloc. Context: as kmalloc's `gfp` allows.
import { copy_bytes, fill_bytes, ld8, st8 } from '../cpu/raw.js';
import { __GFP_ZERO } from '../linux/gfp_types.js';
import { STATIC, STATIC_END } from '../machine/memory-map.js';
import {
  kfree,
  kmalloc,
  kmalloc_array,
  kmalloc_requested,
  ksize,
  type Pointer,
  resize_object,
  ZERO_OR_NULL_PTR,
  ZERO_SIZE_PTR,
} from './slab.js';

const address = (p: Pointer): number => (typeof p === 'number' ? p : p['@addr']);

/**
 * Makes an object `size` bytes long: in place if it has room, else by moving it. With __GFP_ZERO the bytes that are
 * new read 0. Return: the address; 0 when memory is short, and then the old object is untouched; ZERO_SIZE_PTR, the
 * object being freed, for size 0.
 */
export function krealloc(p: Pointer, size: number, gfp: number): number {
  const old = address(p);
  if (size === 0) {
    kfree(old);
    return ZERO_SIZE_PTR;
  }
  if (ZERO_OR_NULL_PTR(old)) return kmalloc(size, gfp);
  const had = kmalloc_requested(old);
  if (size <= ksize(old)) {
    if ((gfp & __GFP_ZERO) !== 0 && size > had) fill_bytes(old + had, 0, size - had);
    resize_object(old, size);
    return old;
  }
  const fresh = kmalloc(size, gfp);
  if (fresh === 0) return 0;
  copy_bytes(fresh, old, had);
  kfree(old);
  return fresh;
}

export const krealloc_array = (p: Pointer, n: number, size: number, gfp: number): number =>
  n < 0 || size < 0 || n * size > 0xffffffff ? 0 : krealloc(p, n * size, gfp);

/** Zeroes the whole object before it is freed. */
export function kfree_sensitive(p: Pointer): void {
  const old = address(p);
  const size = ksize(old);
  if (size !== 0) fill_bytes(old, 0, size);
  kfree(old);
}

/** A copy of `size` bytes. Return: its address; 0 when memory is short. */
export function kmemdup(source: Pointer, size: number, gfp: number): number {
  const copy = kmalloc(size, gfp);
  if (copy !== 0 && size !== 0) copy_bytes(copy, address(source), size);
  return copy;
}
export function kmemdup_array(source: Pointer, n: number, size: number, gfp: number): number {
  const copy = kmalloc_array(n, size, gfp);
  if (!ZERO_OR_NULL_PTR(copy)) copy_bytes(copy, address(source), n * size);
  return copy;
}

/** `size` bytes and a NUL behind them. */
export function kmemdup_nul(source: Pointer, size: number, gfp: number): number {
  const copy = kmalloc(size + 1, gfp);
  if (copy === 0) return 0;
  copy_bytes(copy, address(source), size);
  st8(copy + size, 0);
  return copy;
}

/** A copy of the NUL-terminated string, of at most `max` bytes. Return: its address; 0 for NULL or without memory. */
export function kstrndup(source: Pointer, max: number, gfp: number): number {
  const from = address(source);
  if (from === 0) return 0;
  let n = 0;
  while (n < max && ld8(from + n) !== 0) n++;
  return kmemdup_nul(from, n, gfp);
}
export const kstrdup = (source: Pointer, gfp: number): number => kstrndup(source, Infinity, gfp);
/** Static data is its own copy: no module unloads it under the caller here, as .rodata in Linux is never freed. */
const is_static = (a: number): boolean => a >= STATIC && a < STATIC_END;
/** As kstrdup(), but static data is returned as it is. Free it with kfree_const(). */
export const kstrdup_const = (source: Pointer, gfp: number): number =>
  is_static(address(source)) ? address(source) : kstrdup(source, gfp);
/** As kfree(), for what kstrdup_const() returned. */
export function kfree_const(p: Pointer): void {
  if (!is_static(address(p))) kfree(p);
}
