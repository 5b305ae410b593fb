// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// <linux/kfifo.h>: a ring of elements of one type. One who puts and one who gets need no lock, whatever their contexts:
// each writes its own index, and publishes the element with it (store-release, load-acquire). More of either need a lock
// among themselves: kfifo_in_spinlocked(), kfifo_out_spinlocked(). Indices count for ever; a size is a power of two.
// Context: any; kfifo_alloc as its `gfp` allows.
//
//   const fifo = DEFINE_KFIFO(u32, 64);                  or a field: `fifo: DECLARE_KFIFO(u32, 64)`
//   kfifo_put(fifo, 3);
//   const x = { value: 0 };  if (kfifo_get(fifo, x)) use(x.value);
//
// Elements of a struct type are copied from and to the view given. FIFOs of records (kfifo_rec) are not here.
import { smp_load_acquire, smp_store_release } from './barrier.js';
import { READ_ONCE } from './compiler.js';
import { EINVAL, ENOMEM } from './errno.js';
import type { FieldType, Scalar, StructView, ValueOf } from './field.js';
import { element_of, type kfifo } from './kfifo-types.js';
import { is_power_of_2, rounddown_pow_of_two, roundup_pow_of_two } from './log2.js';
import { kfree, kmalloc_array, type Pointer } from './slab.js';
import { spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore, type spinlock_t } from './spinlock.js';
import { memcpy } from './string.js';

export {
  __kfifo,
  DECLARE_KFIFO,
  DECLARE_KFIFO_PTR,
  DEFINE_KFIFO,
  DEFINE_KFIFO_PTR,
  type kfifo,
} from './kfifo-types.js';

/** What an element is given as: its value, or a view of the struct. */
type In<T extends FieldType> = ValueOf<T>;
/** Where it is put: `{ value }` (a cell of static data too), or a view of the struct. */
type Out<T extends FieldType> = T extends Scalar<infer V> ? { value: V } : ValueOf<T>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- of whatever elements
type Any = kfifo<any>;

/** Empties a FIFO that has its buffer inside. Those of DEFINE_KFIFO are empty; memory from kmalloc needs this. */
export function INIT_KFIFO(fifo: Any): void {
  (fifo.constructor as unknown as { init(a: number): void }).init(fifo['@addr']);
}
/** Room for `size` elements, rounded up to a power of two. Return: 0, -ENOMEM, or -EINVAL for less than two. */
export function kfifo_alloc(fifo: Any, size: number, gfp: number): number {
  const f = fifo.kfifo;
  const n = roundup_pow_of_two(size);
  f.in = 0;
  f.out = 0;
  f.esize = element_of(fifo).element.size;
  f.mask = 0;
  f.data = 0;
  if (n < 2) return -EINVAL;
  const data = kmalloc_array(n, f.esize, gfp);
  f.data = data;
  if (data === 0) return -ENOMEM;
  f.mask = n - 1;
  return 0;
}
/** Frees what kfifo_alloc() gave. */
export function kfifo_free(fifo: Any): void {
  const f = fifo.kfifo;
  kfree(f.data);
  f.in = 0;
  f.out = 0;
  f.mask = 0;
  f.data = 0;
}
/** Uses `size` bytes at `buffer`, rounded down to a power of two of elements. Return: 0, or -EINVAL for less than two. */
export function kfifo_init(fifo: Any, buffer: Pointer, size: number): number {
  const f = fifo.kfifo;
  const esize = element_of(fifo).element.size;
  const n = Math.floor(size / esize);
  f.in = 0;
  f.out = 0;
  f.esize = esize;
  f.data = typeof buffer === 'number' ? buffer : buffer['@addr'];
  f.mask = n < 2 ? 0 : (is_power_of_2(n) ? n : rounddown_pow_of_two(n)) - 1;
  return n < 2 ? -EINVAL : 0;
}
export function kfifo_initialized(fifo: Any): boolean {
  return fifo.kfifo.mask !== 0;
}

/** Elements that it can hold; 0 before it has a buffer. */
export function kfifo_size(fifo: Any): number {
  const { mask } = fifo.kfifo;
  return mask === 0 ? 0 : mask + 1;
}
/** Bytes of an element. */
export function kfifo_esize(fifo: Any): number {
  return fifo.kfifo.esize;
}
/** Elements in it now. */
export function kfifo_len(fifo: Any): number {
  const f = fifo.kfifo;
  const from = READ_ONCE(f, 'out');
  return (READ_ONCE(f, 'in') - from) >>> 0;
}
export function kfifo_is_empty(fifo: Any): boolean {
  const f = fifo.kfifo;
  return READ_ONCE(f, 'in') === READ_ONCE(f, 'out');
}
export function kfifo_is_full(fifo: Any): boolean {
  return kfifo_len(fifo) > fifo.kfifo.mask;
}
/** Elements that still fit. */
export function kfifo_avail(fifo: Any): number {
  return kfifo_size(fifo) - kfifo_len(fifo);
}
/** Drops all. Nobody puts or gets meanwhile. */
export function kfifo_reset(fifo: Any): void {
  fifo.kfifo.in = 0;
  fifo.kfifo.out = 0;
}
/** Drops all. For whoever gets; others may put meanwhile. */
export function kfifo_reset_out(fifo: Any): void {
  const f = fifo.kfifo;
  smp_store_release(f, 'out', smp_load_acquire(f, 'in'));
}
/** Drops the next element. For whoever gets. */
export function kfifo_skip(fifo: Any): void {
  kfifo_skip_count(fifo, 1);
}
export function kfifo_skip_count(fifo: Any, n: number): void {
  const f = fifo.kfifo;
  smp_store_release(f, 'out', (f.out + n) >>> 0);
}

function write_element(fifo: Any, at: number, value: unknown): void {
  const { slot, element } = element_of(fifo);
  if (element.kind === 'scalar') slot.at(at).value = value;
  else memcpy(at, value as StructView, element.size);
}
function read_element(fifo: Any, at: number, out: unknown): void {
  const { slot, element } = element_of(fifo);
  if (element.kind === 'scalar') (out as { value: unknown }).value = slot.at(at).value;
  else memcpy(out as StructView, at, element.size);
}

/** Puts one. Return: 1, or 0 if there is no room. One at a time may put. */
export function kfifo_put<T extends FieldType>(fifo: kfifo<T>, value: In<T>): number {
  const f = fifo.kfifo;
  const at = f.in;
  const { mask } = f;
  // Acquire: whoever got the element that was here has read it.
  if (mask === 0 || (at - smp_load_acquire(f, 'out')) >>> 0 > mask) return 0;
  write_element(fifo, f.data + (at & mask) * f.esize, value);
  smp_store_release(f, 'in', (at + 1) >>> 0);
  return 1;
}
/** Takes the oldest. Return: 1, or 0 if there is none. One at a time may get. */
export function kfifo_get<T extends FieldType>(fifo: kfifo<T>, out: Out<T>): number {
  if (kfifo_peek(fifo, out) === 0) return 0;
  kfifo_skip(fifo);
  return 1;
}
/** Reads the oldest and leaves it. Return: 1, or 0 if there is none. For whoever gets. */
export function kfifo_peek<T extends FieldType>(fifo: kfifo<T>, out: Out<T>): number {
  const f = fifo.kfifo;
  const at = f.out;
  if (smp_load_acquire(f, 'in') === at) return 0;
  read_element(fifo, f.data + (at & f.mask) * f.esize, out);
  return 1;
}

/** Puts up to `n` elements from `buffer`. Return: how many fitted. One at a time may put. */
export function kfifo_in(fifo: Any, buffer: Pointer, n: number): number {
  const f = fifo.kfifo;
  const at = f.in;
  const { esize, mask, data } = f;
  const room = mask === 0 ? 0 : mask + 1 - ((at - smp_load_acquire(f, 'out')) >>> 0);
  const count = n < room ? n : room;
  if (count === 0) return 0;
  const from = typeof buffer === 'number' ? buffer : buffer['@addr'];
  const first = Math.min(count, mask + 1 - (at & mask));
  memcpy(data + (at & mask) * esize, from, first * esize);
  if (first < count) memcpy(data, from + first * esize, (count - first) * esize);
  smp_store_release(f, 'in', (at + count) >>> 0);
  return count;
}
/** Reads up to `n` elements into `buffer` and leaves them. Return: how many there were. For whoever gets. */
export function kfifo_out_peek(fifo: Any, buffer: Pointer, n: number): number {
  const f = fifo.kfifo;
  const at = f.out;
  const { esize, mask, data } = f;
  const there = (smp_load_acquire(f, 'in') - at) >>> 0;
  const count = n < there ? n : there;
  if (count === 0) return 0;
  const to = typeof buffer === 'number' ? buffer : buffer['@addr'];
  const first = Math.min(count, mask + 1 - (at & mask));
  memcpy(to, data + (at & mask) * esize, first * esize);
  if (first < count) memcpy(to + first * esize, data, (count - first) * esize);
  return count;
}
/** Takes up to `n` elements. Return: how many. One at a time may get. */
export function kfifo_out(fifo: Any, buffer: Pointer, n: number): number {
  const count = kfifo_out_peek(fifo, buffer, n);
  if (count !== 0) kfifo_skip_count(fifo, count);
  return count;
}

/** As kfifo_in() with the lock taken, interrupts off: any number may put. */
export function kfifo_in_spinlocked(fifo: Any, buffer: Pointer, n: number, lock: spinlock_t): number {
  const flags = spin_lock_irqsave(lock);
  const count = kfifo_in(fifo, buffer, n);
  spin_unlock_irqrestore(lock, flags);
  return count;
}
/** As kfifo_out() with the lock taken, interrupts off: any number may get. */
export function kfifo_out_spinlocked(fifo: Any, buffer: Pointer, n: number, lock: spinlock_t): number {
  const flags = spin_lock_irqsave(lock);
  const count = kfifo_out(fifo, buffer, n);
  spin_unlock_irqrestore(lock, flags);
  return count;
}
/** With interrupts as they are: for FIFOs that no interrupt handler uses. */
export function kfifo_in_spinlocked_noirqsave(fifo: Any, buffer: Pointer, n: number, lock: spinlock_t): number {
  spin_lock(lock);
  const count = kfifo_in(fifo, buffer, n);
  spin_unlock(lock);
  return count;
}
export function kfifo_out_spinlocked_noirqsave(fifo: Any, buffer: Pointer, n: number, lock: spinlock_t): number {
  spin_lock(lock);
  const count = kfifo_out(fifo, buffer, n);
  spin_unlock(lock);
  return count;
}
export function kfifo_is_empty_spinlocked(fifo: Any, lock: spinlock_t): boolean {
  const flags = spin_lock_irqsave(lock);
  const empty = kfifo_is_empty(fifo);
  spin_unlock_irqrestore(lock, flags);
  return empty;
}
