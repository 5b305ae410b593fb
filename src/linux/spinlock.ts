// <linux/spinlock.h>: spinlock_t and raw_spinlock_t, which are the same here (there is no PREEMPT_RT); rwlock_t comes
// along. The core, with the word drawn, is cpu/spinlock.ts.
// Context: any. A lock that an interrupt handler takes too is taken with spin_lock_irqsave (or _irq) elsewhere, one that
// a softirq takes with spin_lock_bh; a task must not sleep while it holds one.
import { cpu } from '../cpu/context.js';
import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { preempt_count_add, preempt_count_sub, preempt_disable, preempt_enable } from '../cpu/preempt.js';
import { a_cas, a_ld, ld } from '../cpu/raw.js';
import { spin_lock_slow } from '../cpu/spin-slow.js';
import { local_bh_disable, local_bh_enable } from '../cpu/softirq.js';
import {
  arch_spin_init,
  arch_spin_trylock,
  arch_spin_unlock,
  bad_magic,
  HOLDER,
  LOCK_MAGIC,
  lock_text,
} from '../cpu/spinlock.js';
import { BUG } from '../kernel/panic.js';
import { Event, trace_begin, trace_end } from '../kernel/trace.js';
import { DEFINE_STATIC, Struct, u32 } from './types.js';

export * from './rwlock.js';

export class spinlock_t extends Struct('spinlock_t', { rlock: u32, magic: u32 }, { init: arch_spin_init }) {}

/** Static data: an unlocked lock. */
export const DEFINE_SPINLOCK = (): spinlock_t => DEFINE_STATIC(spinlock_t);
/** Makes the lock in memory from kmalloc usable: kzalloc alone does not. */
export const spin_lock_init = (lock: spinlock_t): void => arch_spin_init(lock['@addr']);

/** Takes a free lock: one compare-exchange. */
function acquire_free(a: number): boolean {
  if (ld(a + 4) !== LOCK_MAGIC) bad_magic(a, 'spin_lock');
  return a_cas(a, 0, cpu + 1) === 0;
}

/** Takes the lock, waiting for it; preemption is off until spin_unlock. */
export function spin_lock(lock: spinlock_t): void {
  preempt_disable();
  if (!acquire_free(lock['@addr'])) spin_lock_slow(lock['@addr']);
  trace_begin(Event.SPIN_LOCK, lock['@addr']);
}
export function spin_unlock(lock: spinlock_t): void {
  trace_end(Event.SPIN_UNLOCK, lock['@addr']);
  arch_spin_unlock(lock['@addr']);
  preempt_enable();
}
/** Return: true if it was taken. */
export function spin_trylock(lock: spinlock_t): boolean {
  const a = lock['@addr'];
  if (ld(a + 4) !== LOCK_MAGIC) bad_magic(a, 'spin_trylock');
  preempt_disable();
  if (arch_spin_trylock(a)) {
    trace_begin(Event.SPIN_LOCK, a);
    return true;
  }
  preempt_enable();
  return false;
}

/** With interrupts off until spin_unlock_irq, which turns them on whatever they were. */
export function spin_lock_irq(lock: spinlock_t): void {
  local_irq_disable();
  preempt_disable();
  if (!acquire_free(lock['@addr'])) spin_lock_slow(lock['@addr']);
  trace_begin(Event.SPIN_LOCK, lock['@addr']);
}
export function spin_unlock_irq(lock: spinlock_t): void {
  trace_end(Event.SPIN_UNLOCK, lock['@addr']);
  arch_spin_unlock(lock['@addr']);
  preempt_enable();
  local_irq_enable();
}
export function spin_trylock_irq(lock: spinlock_t): boolean {
  local_irq_disable();
  if (spin_trylock(lock)) return true;
  local_irq_enable();
  return false;
}

/**
 * With interrupts off until spin_unlock_irqrestore. Return: the flags to give to it (Linux's macro assigns them to its
 * second argument instead).
 */
export function spin_lock_irqsave(lock: spinlock_t): number {
  const flags = local_irq_save();
  preempt_disable();
  if (!acquire_free(lock['@addr'])) spin_lock_slow(lock['@addr']);
  trace_begin(Event.SPIN_LOCK, lock['@addr']);
  return flags;
}
export function spin_unlock_irqrestore(lock: spinlock_t, flags: number): void {
  trace_end(Event.SPIN_UNLOCK, lock['@addr']);
  arch_spin_unlock(lock['@addr']);
  preempt_enable();
  local_irq_restore(flags);
}
/** Return: the flags if it was taken, else -1. */
export function spin_trylock_irqsave(lock: spinlock_t): number {
  const flags = local_irq_save();
  if (spin_trylock(lock)) return flags;
  local_irq_restore(flags);
  return -1;
}

/** With softirqs off until spin_unlock_bh, which runs those that became pending. */
export function spin_lock_bh(lock: spinlock_t): void {
  local_bh_disable();
  preempt_count_add(1);
  if (!acquire_free(lock['@addr'])) spin_lock_slow(lock['@addr']);
  trace_begin(Event.SPIN_LOCK, lock['@addr']);
}
export function spin_unlock_bh(lock: spinlock_t): void {
  trace_end(Event.SPIN_UNLOCK, lock['@addr']);
  arch_spin_unlock(lock['@addr']);
  preempt_count_sub(1);
  local_bh_enable();
}
export function spin_trylock_bh(lock: spinlock_t): boolean {
  local_bh_disable();
  if (spin_trylock(lock)) return true;
  local_bh_enable();
  return false;
}

/** Context: any. */
export const spin_is_locked = (lock: spinlock_t): boolean => (a_ld(lock['@addr']) & HOLDER) !== 0;
export const spin_is_contended = (lock: spinlock_t): boolean => (a_ld(lock['@addr']) & ~HOLDER) !== 0;
/** BUG unless this CPU holds the lock. */
export function assert_spin_locked(lock: spinlock_t): void {
  if (!spin_is_locked(lock)) BUG(`assert_spin_locked: ${lock_text(lock['@addr'])} is not locked`);
}
export { atomic_dec_and_lock, atomic_dec_and_lock_irqsave } from './refcount-lock.js';

// `subclass` and `nest` are for lock dependencies, which nobody checks yet.
export const spin_lock_nested = spin_lock as (lock: spinlock_t, subclass: number) => void;
export const spin_lock_bh_nested = spin_lock_bh as (lock: spinlock_t, subclass: number) => void;
export const spin_lock_irqsave_nested = spin_lock_irqsave as (lock: spinlock_t, subclass: number) => number;
export const spin_lock_nest_lock = spin_lock as (lock: spinlock_t, nest: unknown) => void;

/** What spinlock_t is on a kernel whose spin locks may sleep, and must not: the same as spinlock_t here. */
export class raw_spinlock_t extends Struct(
  'raw_spinlock_t',
  { raw_lock: u32, magic: u32 },
  { init: arch_spin_init, typedef: true },
) {}
export const DEFINE_RAW_SPINLOCK = (): raw_spinlock_t => DEFINE_STATIC(raw_spinlock_t);
export const raw_spin_lock_init = (lock: raw_spinlock_t): void => arch_spin_init(lock['@addr']);

type Takes<R = void> = (lock: raw_spinlock_t) => R;
type Nested<R = void> = (lock: raw_spinlock_t, subclass: number) => R;
export const raw_spin_lock = spin_lock as unknown as Takes;
export const raw_spin_unlock = spin_unlock as unknown as Takes;
export const raw_spin_lock_irq = spin_lock_irq as unknown as Takes;
export const raw_spin_unlock_irq = spin_unlock_irq as unknown as Takes;
export const raw_spin_lock_bh = spin_lock_bh as unknown as Takes;
export const raw_spin_unlock_bh = spin_unlock_bh as unknown as Takes;
export const raw_spin_lock_irqsave = spin_lock_irqsave as unknown as Takes<number>;
export const raw_spin_unlock_irqrestore = spin_unlock_irqrestore as unknown as (
  lock: raw_spinlock_t,
  flags: number,
) => void;
export const raw_spin_trylock = spin_trylock as unknown as Takes<boolean>;
export const raw_spin_trylock_irq = spin_trylock_irq as unknown as Takes<boolean>;
export const raw_spin_trylock_bh = spin_trylock_bh as unknown as Takes<boolean>;
export const raw_spin_trylock_irqsave = spin_trylock_irqsave as unknown as Takes<number>;
export const raw_spin_lock_nested = spin_lock as unknown as Nested;
export const raw_spin_lock_irqsave_nested = spin_lock_irqsave as unknown as Nested<number>;
export const raw_spin_lock_nest_lock = spin_lock as unknown as (lock: raw_spinlock_t, nest: unknown) => void;
export const raw_spin_is_locked = spin_is_locked as unknown as Takes<boolean>;
export const raw_spin_is_contended = spin_is_contended as unknown as Takes<boolean>;
export const assert_raw_spin_locked = assert_spin_locked as unknown as Takes;
