// noinstr: never transformed, never interrupted.
// What the race detector has to know of kernel primitives: which accesses they make of the caller's data, and what comes
// before what by them. In the free-running build nobody listens: every function here is empty. The stepped build replaces
// this file by stepped/order.ts. docs/races.md says which primitive orders what, and why kernel-internal locks are not
// said here: only what Linux promises its users may order their accesses. Context: any.
//
// A key stands for what releases and acquires meet at: the address of a word that belongs to the object concerned. The
// end of something that runs (a timer's function, a work item) has the word after that of its beginning: `key + 4`.

import { Order } from '../detect/order-types.js';

export { Order };

/** `size`: bytes. These come directly before the access. */
export function plain_read(_a: number, _size: number): void {}
export function plain_write(_a: number, _size: number): void {}
export function marked_read(_a: number, _size: number, _order: Order): void {}
export function marked_write(_a: number, _size: number, _order: Order): void {}
export function marked_update(_a: number, _size: number, _order: Order): void {}
/** A compare-and-exchange, directly after it. One that did not store orders nothing. */
export function marked_attempt(_a: number, _size: number, _stored: boolean): void {}
/** The same for lvalues; `code`: as linux/view.ts numbers what a field is. */
export function plain_lvalue(_a: number, _code: number, _write: boolean): void {}
export function marked_lvalue(_a: number, _code: number, _write: boolean, _order: Order): void {}
export function update_lvalue(_a: number, _code: number, _order: Order): void {}
export function attempt_lvalue(_a: number, _code: number, _stored: boolean): void {}
/** ASSERT_EXCLUSIVE_WRITER, ASSERT_EXCLUSIVE_ACCESS: from here on an access that nothing orders is reported. */
export function assert_exclusive(_a: number, _code: number, _writers_only: boolean): void {}
/** `f` under the name of a variant of it that orders less. */
export const with_order = <F>(f: F, _order: Order): F => f;

export function full_barrier(): void {}
export function read_barrier(): void {}
export function write_barrier(): void {}

/** All that this context has done comes before what follows an acquire of the key. */
export function order_release(_key: number): void {}
export function order_acquire(_key: number): void {}
export function lock_taken(_lock: number): void {}
export function lock_released(_lock: number, _key: number): void {}
/** A task is woken: as order_release, for what follows its sleep. */
export function order_wake(_task: number): void {}
/** Between these, wake-ups order nothing: they are the kernel's own, which Linux promises nothing of. They nest. */
export function order_off(): void {}
export function order_on(): void {}
/** A kworker begins an item: a context of its own, which only what is said here orders after others. */
export function order_new_context(): void {}

/** Read-side sections of RCU, and the end of a grace period as its waiter or a callback sees it. */
export function order_rcu_lock(): void {}
export function order_rcu_unlock(): void {}
export function order_rcu_passed(): void {}

/** Memory is given out or taken back: who is not ordered before that must not use it. */
export function memory_allocated(_a: number, _size: number): void {}
export function memory_freed(_a: number, _size: number): void {}
/** The context of an interrupt begins, its count added already, and ends. */
export function order_hardirq_begin(): void {}
export function order_softirq_begin(): void {}
export function order_interrupt_end(): void {}

/** Accesses of this context are not looked at until the other; they nest: data_race(). */
export function races_off(): void {}
export function races_on(): void {}
/** The next `n` accesses of this context count as marked, no more with 0: those of a reader of a sequence counter. */
export function marked_next(_n: number): void {}
/** So do all in a writer's section; `by` is +1 or -1. */
export function marked_section(_by: number): void {}
