// noinstr: never transformed, never interrupted.
// Stands in for cpu/order.ts: tells the race detector (src/detect). Off, each of these is a load and a branch.
import { set_race_notes } from '../cpu/heap.js';
import { HARDIRQ_OFFSET, SOFTIRQ_OFFSET } from '../cpu/preempt.js';
import {
  acquire,
  after_reads,
  at,
  At,
  before_writes,
  forget_keys,
  here,
  interrupt_begins,
  interrupt_ends,
  load,
  marked_left,
  new_item,
  off,
  rcu_lock,
  rcu_passed,
  rcu_unlock,
  release,
  sections,
  store,
  update,
} from '../detect/clocks.js';
import { Order } from '../detect/order-types.js';
import { access, forget_memory, host, Kind } from '../detect/shadow.js';

export { Order };

const on = (): boolean => at[At.ON] !== 0;

// ---- accesses -------------------------------------------------------------------------------------------------------
export function plain_read(a: number, size: number): void {
  if (on()) access(here(), a, size, Kind.READ, 0);
}
export function plain_write(a: number, size: number): void {
  if (on()) access(here(), a, size, Kind.WRITE, 0);
}
set_race_notes(
  at,
  (a, size, where) => access(here(), a, size, Kind.READ, where),
  (a, size, where) => access(here(), a, size, Kind.WRITE, where),
);
export function assert_exclusive(a: number, code: number, writers_only: boolean): void {
  if (on()) access(here(), a, SIZES[code]!, writers_only ? Kind.NO_WRITERS : Kind.NOBODY, 0);
}

/** The order of the atomic that runs: its own, or that of the variant by whose name it was called. */
function ordered(own: Order): Order {
  const forced = at[At.FORCED]!;
  if (forced === 0) return own;
  at[At.FORCED] = 0;
  return forced - 1;
}
export const with_order = <F>(f: F, order: Order): F => {
  const plain = f as (...args: unknown[]) => unknown;
  const variant = (a: unknown, b: unknown, c: unknown, d: unknown): unknown => {
    at[At.FORCED] = order + 1;
    const result = plain(a, b, c, d);
    at[At.FORCED] = 0;
    return result;
  };
  return variant as F;
};

export function marked_read(a: number, size: number, order: Order): void {
  if (!on()) return;
  const t = here();
  access(t, a, size, Kind.MARKED_READ, 0);
  load(t, a, (ordered(order) & Order.ACQUIRE) !== 0);
}
export function marked_write(a: number, size: number, order: Order): void {
  if (!on()) return;
  const t = here();
  access(t, a, size, Kind.MARKED_WRITE, 0);
  store(t, a, (ordered(order) & Order.RELEASE) !== 0);
}
export function marked_update(a: number, size: number, order: Order): void {
  if (!on()) return;
  const t = here();
  const o = ordered(order);
  access(t, a, size, Kind.MARKED_WRITE, 0);
  if (o === Order.FULL) after_reads(t);
  update(t, a, (o & Order.ACQUIRE) !== 0, (o & Order.RELEASE) !== 0);
  if (o === Order.FULL) before_writes(t);
}

export function marked_attempt(a: number, size: number, stored: boolean): void {
  if (!on()) return;
  if (stored) return marked_update(a, size, Order.FULL);
  at[At.FORCED] = 0;
  marked_read(a, size, Order.RELAXED);
}
/** Bytes, by `Code`. */
const SIZES = Uint8Array.of(4, 4, 1, 1, 1, 2, 2, 8, 8, 8);
export function plain_lvalue(a: number, code: number, write: boolean): void {
  if (on()) access(here(), a, SIZES[code]!, write ? Kind.WRITE : Kind.READ, 0);
}
export function marked_lvalue(a: number, code: number, write: boolean, order: Order): void {
  if (!on()) return;
  if (write) marked_write(a, SIZES[code]!, order);
  else marked_read(a, SIZES[code]!, order);
}
export function update_lvalue(a: number, code: number, order: Order): void {
  if (on()) marked_update(a, SIZES[code]!, order);
}
export function attempt_lvalue(a: number, code: number, stored: boolean): void {
  if (on()) marked_attempt(a, SIZES[code]!, stored);
}

export function full_barrier(): void {
  if (!on()) return;
  const t = here();
  after_reads(t);
  before_writes(t);
}
export function read_barrier(): void {
  if (on()) after_reads(here());
}
export function write_barrier(): void {
  if (on()) before_writes(here());
}

// ---- what primitives promise ----------------------------------------------------------------------------------------
export function order_release(key: number): void {
  if (on()) release(key);
}
export function order_acquire(key: number): void {
  if (on()) acquire(key);
}
/** A lock is taken, which what was released at `key` comes before; or it is about to be released. */
export function lock_taken(lock: number): void {
  if (!on()) return;
  acquire(lock);
  if (at[At.WATCHED] !== 0) host.lock(lock, true);
}
export function lock_released(lock: number, key: number): void {
  if (!on()) return;
  if (at[At.WATCHED] !== 0) host.lock(lock, false);
  release(key);
}
export function order_wake(task: number): void {
  if (on() && at[At.QUIET] === 0) release(task);
}
export function order_off(): void {
  at[At.QUIET]!++;
}
export function order_on(): void {
  at[At.QUIET]!--;
}
export function order_new_context(): void {
  if (on()) new_item();
}
export function order_rcu_lock(): void {
  if (on()) rcu_lock(here());
}
export function order_rcu_unlock(): void {
  if (on()) rcu_unlock(here());
}
export function order_rcu_passed(): void {
  if (on()) rcu_passed(here());
}
export function order_hardirq_begin(): void {
  if (on()) interrupt_begins(HARDIRQ_OFFSET);
}
export function order_softirq_begin(): void {
  if (on()) interrupt_begins(SOFTIRQ_OFFSET);
}
export function order_interrupt_end(): void {
  if (on()) interrupt_ends();
}

export function memory_allocated(a: number, size: number): void {
  if (!on()) return;
  if (at[At.WATCHED] !== 0) host.allocated(a, size);
  forget_memory(0, a, size);
  forget_keys(a, size);
}
export function memory_freed(a: number, size: number): void {
  if (!on()) return;
  forget_memory(here(), a, size);
  forget_keys(a, size);
}

// ---- accesses that are meant ----------------------------------------------------------------------------------------
export function races_off(): void {
  if (on()) off[here()]!++;
}
export function races_on(): void {
  if (on() && off[here()]! > 0) off[here()]!--;
}
export function marked_next(n: number): void {
  if (on()) marked_left[here()] = n;
}
export function marked_section(by: number): void {
  if (on()) sections[here()]! += by;
}
