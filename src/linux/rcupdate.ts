// <linux/rcupdate.h>: RCU. Readers are never held up and hold nobody up but who waits for them; see sched/rcu.ts.
//
// A pointer that RCU protects is an lvalue as everywhere: a view and the name of a `ptr` field. Updaters exclude each
// other by a lock of their own, publish with rcu_assign_pointer, and free what readers may still see with
// synchronize_rcu, call_rcu or kfree_rcu. A reader must not sleep; with a suspicious use (rcu_dereference outside of
// rcu_read_lock) a warning says where, as with CONFIG_PROVE_RCU.
import { raise_vector } from '../cpu/step.js';
import { my } from '../cpu/context.js';
import { heap, poll } from '../cpu/heap.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { marked_lvalue, Order, order_rcu_passed } from '../cpu/order.js';
import { in_softirq, preempt_count, preempt_disable, preempt_enable } from '../cpu/preempt.js';
import { a_ld } from '../cpu/raw.js';
import { local_bh_disable, local_bh_enable } from '../cpu/softirq.js';
import { Vector } from '../cpu/vectors.js';
import { WARN_ONCE } from '../kernel/panic.js';
import { atomic_text_handle } from '../kernel/text.js';
import { Mach } from '../machine/memory-map.js';
import { kfree, type Pointer } from '../mm/slab.js';
import { might_sleep } from '../sched/debug.js';
import {
  rcu_depth,
  rcu_is_watching_raw,
  rcu_passed,
  rcu_read_lock_raw,
  rcu_read_unlock_raw,
  rcu_request,
  rcu_snapshot,
  rcu_wait,
  synchronize_rcu_raw,
} from '../sched/rcu.js';
import { call_rcu_raw, kfree_rcu_raw, rcu_barrier_raw } from '../sched/rcu-callbacks.js';
import { delegate, ready, type Sleeping } from '../sched/sleep.js';
import { addr_of, type AnyStruct, type StructView } from './field.js';
import { lea, load_once, store_once, type Key, type Val } from './lvalue.js';
import { fn_proto, ptr, Struct } from './types.js';

/** `struct rcu_head`: what call_rcu links; it lies in the object that is to be freed. */
export class rcu_head extends Struct('callback_head', {
  next: ptr('struct callback_head'),
  func: fn_proto('void', 'struct callback_head *'),
}) {}
export const callback_head = rcu_head;
/** Called with the address of the rcu_head: container_of gives the object. Context: softirq. */
export type rcu_callback_t = (head: number) => void;

// ---- read side ------------------------------------------------------------------------------------------------------
/** Begins a read-side section; sections nest. Context: any. */
export const rcu_read_lock = rcu_read_lock_raw;
/** Ends it. Context: as rcu_read_lock, and the same task. */
export const rcu_read_unlock = rcu_read_unlock_raw;
/** As rcu_read_lock, with softirqs off. Context: task or softirq. */
export function rcu_read_lock_bh(): void {
  local_bh_disable();
}
export function rcu_read_unlock_bh(): void {
  local_bh_enable();
}
/** As rcu_read_lock, with preemption off. Context: any. */
export function rcu_read_lock_sched(): void {
  preempt_disable();
}
export function rcu_read_unlock_sched(): void {
  preempt_enable();
}

/** Return: 1 inside rcu_read_lock. Context: any. */
export const rcu_read_lock_held = (): number => (rcu_depth() > 0 ? 1 : 0);
export const rcu_read_lock_bh_held = (): number => (in_softirq() || irqs_disabled() ? 1 : 0);
export const rcu_read_lock_sched_held = (): number => (preempt_count() !== 0 || irqs_disabled() ? 1 : 0);
export const rcu_read_lock_any_held = (): number =>
  rcu_depth() > 0 || preempt_count() !== 0 || irqs_disabled() ? 1 : 0;
/** How deep the task is in rcu_read_lock. */
export const rcu_preempt_depth = rcu_depth;
/** False where this CPU idles and no grace period waits for its readers. */
export const rcu_is_watching = rcu_is_watching_raw;

/** Warns, once for each place, of a use that the condition says is wrong. */
export function RCU_LOCKDEP_WARN(condition: unknown, what: string): void {
  if (condition) WARN_ONCE(true, 'suspicious RCU usage: %s!', what);
}
function suspicious(what: string): void {
  RCU_LOCKDEP_WARN(true, `suspicious ${what} usage`);
}
/** For functions that must not be called by a reader. */
export function rcu_sleep_check(): void {
  RCU_LOCKDEP_WARN(rcu_depth() > 0, 'Illegal context switch in RCU read-side critical section');
}

function load<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  poll();
  const a = lea(v, field, false);
  marked_lvalue(a, heap.code, false, Order.DEPENDENCY);
  return load_once(a) as Val<V, K>;
}

/** Reads a protected pointer: `const item = item_type.at(rcu_dereference(table, 'first'))`. Context: a reader. */
export function rcu_dereference<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  if (rcu_depth() <= 0) suspicious('rcu_dereference_check()');
  return load(v, field);
}
/** As rcu_dereference, by a reader or where `condition` holds (the updater's lock is held, say). */
export function rcu_dereference_check<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  condition: unknown,
): Val<V, K> {
  if (!condition && rcu_depth() <= 0) suspicious('rcu_dereference_check()');
  return load(v, field);
}
export function rcu_dereference_bh<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  return rcu_dereference_bh_check(v, field, false);
}
export function rcu_dereference_bh_check<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  condition: unknown,
): Val<V, K> {
  if (!condition && !rcu_read_lock_bh_held()) suspicious('rcu_dereference_bh_check()');
  return load(v, field);
}
export function rcu_dereference_sched<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  return rcu_dereference_sched_check(v, field, false);
}
export function rcu_dereference_sched_check<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  condition: unknown,
): Val<V, K> {
  if (!condition && !rcu_read_lock_sched_held()) suspicious('rcu_dereference_sched_check()');
  return load(v, field);
}
/** By an updater: nobody else writes the pointer, which `condition` says why. */
export function rcu_dereference_protected<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  condition: unknown,
): Val<V, K> {
  if (!condition) suspicious('rcu_dereference_protected()');
  return load(v, field);
}
/** Without any check. */
export function rcu_dereference_raw<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  return load(v, field);
}
/** The pointer's value, to be compared and not to be followed. Context: any. */
export function rcu_access_pointer<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  return load(v, field);
}
/** A pointer that is kept beyond the section by other means (a reference, a lock). */
export const rcu_pointer_handoff = <T>(p: T): T => p;
/** Takes off sparse's `__rcu`: nothing here. */
export const unrcu_pointer = <T>(p: T): T => p;

/** Publishes: whoever reads the pointer sees what was written to the object before. Context: any, updaters excluded. */
export function rcu_assign_pointer<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  const a = lea(v, field, true);
  marked_lvalue(a, heap.code, true, Order.RELEASE);
  store_once(a, value);
}
/** A store that publishes nothing new: NULL, or before any reader can see the struct. */
export function RCU_INIT_POINTER<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  const a = lea(v, field, true);
  marked_lvalue(a, heap.code, true, Order.RELAXED);
  store_once(a, value);
}
/** rcu_assign_pointer by an updater. Return: what was there. Two steps, as in Linux: the lock makes them one. */
export function rcu_replace_pointer<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  value: Val<V, K>,
  condition: unknown,
): Val<V, K> {
  const old = rcu_dereference_protected(v, field, condition);
  rcu_assign_pointer(v, field, value);
  return old;
}

// ---- update side ----------------------------------------------------------------------------------------------------
/** Sleeps until every reader that is in a section now has left it. Context: task, in no section. */
export const synchronize_rcu = (): Sleeping<number> => synchronize_rcu_raw(0, 'synchronize_rcu');
/** The same in less time: CPUs that run are interrupted. */
export const synchronize_rcu_expedited = (): Sleeping<number> => synchronize_rcu_raw(1, 'synchronize_rcu_expedited');

/**
 * Has `func`, an exported function, called with the address of `head` after a grace period: on this CPU, in softirq
 * context, after all that were queued here before. `head` must not be queued already. Context: any.
 */
export function call_rcu(head: StructView, func: rcu_callback_t): void {
  call_rcu_raw(head['@addr'], atomic_text_handle(func, 'an RCU callback'));
}
/** Linux may let call_rcu wait for others to save power; here both begin at once. */
export const call_rcu_hurry = call_rcu;

/** Frees `object`, from kmalloc, after a grace period; `field` is its rcu_head. A null pointer is ignored. Context: any. */
export function kfree_rcu<V extends StructView>(object: V, field: keyof V & string): void {
  if (object['@addr'] === 0) return;
  const { fields, struct_name } = object.constructor as unknown as AnyStruct;
  const f = fields?.[field];
  if (f === undefined || (f.type as Partial<AnyStruct>).struct_name !== 'callback_head')
    throw new TypeError(`kfree_rcu: ${struct_name ?? 'the object'}.${field} is not a field of type rcu_head`);
  kfree_rcu_raw(object['@addr'], f.offset);
}
export const kvfree_rcu = kfree_rcu;
/** Frees an object without an rcu_head: sleeps for a grace period. Context: task. */
export function kfree_rcu_mightsleep(object: Pointer): Sleeping<number> {
  might_sleep('kfree_rcu_mightsleep');
  if (addr_of(object) === 0) return ready(0);
  return delegate(wait_and_free(addr_of(object)));
}
export const kvfree_rcu_mightsleep = kfree_rcu_mightsleep;
function* wait_and_free(object: number): Sleeping<number> {
  yield* rcu_wait(rcu_snapshot(), 0);
  kfree(object);
  return 0;
}

/** Sleeps until all callbacks that are queued now have been called: for module_exit. Context: task. */
export const rcu_barrier = (): Sleeping<number> => rcu_barrier_raw();
/** The same for objects that kfree_rcu is to free. */
export const kvfree_rcu_barrier = rcu_barrier;

/** What get_completed_synchronize_rcu returns: a grace period that is over. */
const COMPLETED = 1;
/** A cookie for the grace period that begins next. Context: any. */
export const get_state_synchronize_rcu = (): number => rcu_snapshot() >>> 0;
/** As get_state_synchronize_rcu, and asks for the grace period. Context: any. */
export function start_poll_synchronize_rcu(): number {
  const wanted = rcu_snapshot();
  rcu_request(wanted, true);
  return wanted >>> 0;
}
export function start_poll_synchronize_rcu_expedited(): number {
  const wanted = start_poll_synchronize_rcu();
  if (!rcu_passed(wanted)) raise_vector(my, Vector.RCU);
  return wanted;
}
export const get_completed_synchronize_rcu = (): number => COMPLETED;
export const same_state_synchronize_rcu = (a: number, b: number): boolean => a === b;
/** Return: whether a grace period has passed since the cookie was taken. Context: any. */
export function poll_state_synchronize_rcu(cookie: number): boolean {
  const passed = cookie === COMPLETED || rcu_passed(cookie | 0);
  if (passed) order_rcu_passed();
  return passed;
}
/** Sleeps until it has. Context: task. */
export function cond_synchronize_rcu(cookie: number): Sleeping<number> {
  might_sleep('cond_synchronize_rcu');
  return poll_state_synchronize_rcu(cookie) ? ready(0) : rcu_wait(cookie | 0, 0);
}
export function cond_synchronize_rcu_expedited(cookie: number): Sleeping<number> {
  might_sleep('cond_synchronize_rcu_expedited');
  return poll_state_synchronize_rcu(cookie) ? ready(0) : rcu_wait(cookie | 0, 1);
}
/** How many grace periods have passed: for statistics. */
export const rcu_get_gp_seq = (): number => a_ld(Mach.RCU_GP_SEQ) >>> 0;
