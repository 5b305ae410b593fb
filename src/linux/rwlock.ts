// <linux/rwlock.h>: rwlock_t, many readers or one writer. The core, with the word drawn, is cpu/rwlock.ts.
// Context: any. What an interrupt handler takes for writing is taken with interrupts off everywhere; what handlers only
// read, they may read while a task reads: writers turn interrupts off, readers need not. A task must not sleep with it,
// nor take it for reading twice in task context (a writer may have come in between).
import { cpu } from '../cpu/context.js';
import { local_irq_disable, local_irq_enable, local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { preempt_count_add, preempt_count_sub, preempt_disable, preempt_enable } from '../cpu/preempt.js';
import { a_add, a_cas, a_ld, ld } from '../cpu/raw.js';
import {
  arch_read_trylock,
  arch_read_unlock,
  arch_rwlock_init,
  arch_write_trylock,
  arch_write_unlock,
  bad_rwlock,
  NO_READERS,
  read_lock_slow,
  READER,
  READERS,
  RWLOCK_MAGIC,
  rwlock_is_contended_raw,
  write_lock_slow,
} from '../cpu/rwlock.js';
import { HOLDER } from '../cpu/spinlock.js';
import { local_bh_disable, local_bh_enable } from '../cpu/softirq.js';
import { Event, trace_begin, trace_end } from '../kernel/trace.js';
import { DEFINE_STATIC, Struct, u32 } from './types.js';

export class rwlock_t extends Struct(
  'rwlock_t',
  { cnts: u32, magic: u32, wait_lock: u32, wait_magic: u32 },
  { init: arch_rwlock_init, typedef: true },
) {}

/** Static data: an unlocked lock. */
export const DEFINE_RWLOCK = (): rwlock_t => DEFINE_STATIC(rwlock_t);
/** Makes the lock in memory from kmalloc usable: kzalloc alone does not. */
export const rwlock_init = (lock: rwlock_t): void => arch_rwlock_init(lock['@addr']);

/** One atomic. Return: false if a writer has it or waits for it; the count has been added all the same. */
function read_free(a: number): boolean {
  if (ld(a + 4) !== RWLOCK_MAGIC) bad_rwlock(a, 'read_lock');
  return (a_add(a, READER) & NO_READERS) === 0;
}
/** One compare-exchange. */
function write_free(a: number): boolean {
  if (ld(a + 4) !== RWLOCK_MAGIC) bad_rwlock(a, 'write_lock');
  return a_cas(a, 0, cpu + 1) === 0;
}

/** Takes the lock together with other readers, waiting for a writer; preemption is off until read_unlock. */
export function read_lock(lock: rwlock_t): void {
  preempt_disable();
  if (!read_free(lock['@addr'])) read_lock_slow(lock['@addr']);
  trace_begin(Event.READ_LOCK, lock['@addr']);
}
export function read_unlock(lock: rwlock_t): void {
  trace_end(Event.READ_UNLOCK, lock['@addr']);
  arch_read_unlock(lock['@addr']);
  preempt_enable();
}
/** Return: true if it was taken. */
export function read_trylock(lock: rwlock_t): boolean {
  const a = lock['@addr'];
  if (ld(a + 4) !== RWLOCK_MAGIC) bad_rwlock(a, 'read_trylock');
  preempt_disable();
  if (arch_read_trylock(a)) {
    trace_begin(Event.READ_LOCK, a);
    return true;
  }
  preempt_enable();
  return false;
}
/** With interrupts off until read_unlock_irq, which turns them on whatever they were. */
export function read_lock_irq(lock: rwlock_t): void {
  local_irq_disable();
  preempt_disable();
  if (!read_free(lock['@addr'])) read_lock_slow(lock['@addr']);
  trace_begin(Event.READ_LOCK, lock['@addr']);
}
export function read_unlock_irq(lock: rwlock_t): void {
  trace_end(Event.READ_UNLOCK, lock['@addr']);
  arch_read_unlock(lock['@addr']);
  preempt_enable();
  local_irq_enable();
}
/** With interrupts off until read_unlock_irqrestore. Return: the flags to give to it. */
export function read_lock_irqsave(lock: rwlock_t): number {
  const flags = local_irq_save();
  preempt_disable();
  if (!read_free(lock['@addr'])) read_lock_slow(lock['@addr']);
  trace_begin(Event.READ_LOCK, lock['@addr']);
  return flags;
}
export function read_unlock_irqrestore(lock: rwlock_t, flags: number): void {
  trace_end(Event.READ_UNLOCK, lock['@addr']);
  arch_read_unlock(lock['@addr']);
  preempt_enable();
  local_irq_restore(flags);
}
/** With softirqs off until read_unlock_bh, which runs those that became pending. */
export function read_lock_bh(lock: rwlock_t): void {
  local_bh_disable();
  preempt_count_add(1);
  if (!read_free(lock['@addr'])) read_lock_slow(lock['@addr']);
  trace_begin(Event.READ_LOCK, lock['@addr']);
}
export function read_unlock_bh(lock: rwlock_t): void {
  trace_end(Event.READ_UNLOCK, lock['@addr']);
  arch_read_unlock(lock['@addr']);
  preempt_count_sub(1);
  local_bh_enable();
}

/** Takes the lock alone, waiting for all others; preemption is off until write_unlock. */
export function write_lock(lock: rwlock_t): void {
  preempt_disable();
  if (!write_free(lock['@addr'])) write_lock_slow(lock['@addr']);
  trace_begin(Event.WRITE_LOCK, lock['@addr']);
}
export function write_unlock(lock: rwlock_t): void {
  trace_end(Event.WRITE_UNLOCK, lock['@addr']);
  arch_write_unlock(lock['@addr']);
  preempt_enable();
}
/** Return: true if it was taken. */
export function write_trylock(lock: rwlock_t): boolean {
  const a = lock['@addr'];
  if (ld(a + 4) !== RWLOCK_MAGIC) bad_rwlock(a, 'write_trylock');
  preempt_disable();
  if (arch_write_trylock(a)) {
    trace_begin(Event.WRITE_LOCK, a);
    return true;
  }
  preempt_enable();
  return false;
}
/** With interrupts off until write_unlock_irq, which turns them on whatever they were. */
export function write_lock_irq(lock: rwlock_t): void {
  local_irq_disable();
  preempt_disable();
  if (!write_free(lock['@addr'])) write_lock_slow(lock['@addr']);
  trace_begin(Event.WRITE_LOCK, lock['@addr']);
}
export function write_unlock_irq(lock: rwlock_t): void {
  trace_end(Event.WRITE_UNLOCK, lock['@addr']);
  arch_write_unlock(lock['@addr']);
  preempt_enable();
  local_irq_enable();
}
/** With interrupts off until write_unlock_irqrestore. Return: the flags to give to it. */
export function write_lock_irqsave(lock: rwlock_t): number {
  const flags = local_irq_save();
  preempt_disable();
  if (!write_free(lock['@addr'])) write_lock_slow(lock['@addr']);
  trace_begin(Event.WRITE_LOCK, lock['@addr']);
  return flags;
}
export function write_unlock_irqrestore(lock: rwlock_t, flags: number): void {
  trace_end(Event.WRITE_UNLOCK, lock['@addr']);
  arch_write_unlock(lock['@addr']);
  preempt_enable();
  local_irq_restore(flags);
}
/** With softirqs off until write_unlock_bh, which runs those that became pending. */
export function write_lock_bh(lock: rwlock_t): void {
  local_bh_disable();
  preempt_count_add(1);
  if (!write_free(lock['@addr'])) write_lock_slow(lock['@addr']);
  trace_begin(Event.WRITE_LOCK, lock['@addr']);
}
export function write_unlock_bh(lock: rwlock_t): void {
  trace_end(Event.WRITE_UNLOCK, lock['@addr']);
  arch_write_unlock(lock['@addr']);
  preempt_count_sub(1);
  local_bh_enable();
}
/** Return: the flags if it was taken, else -1. */
export function write_trylock_irqsave(lock: rwlock_t): number {
  const flags = local_irq_save();
  if (write_trylock(lock)) return flags;
  local_irq_restore(flags);
  return -1;
}

/** `subclass` is for lock dependencies, which nobody checks yet. */
export const write_lock_nested = write_lock as (lock: rwlock_t, subclass: number) => void;

/** Somebody waits. Context: any. */
export const rwlock_is_contended = (lock: rwlock_t): boolean => rwlock_is_contended_raw(lock['@addr']);
/** True if it is held, in whatever way. Context: any. */
export const rwlock_is_locked = (lock: rwlock_t): boolean => (a_ld(lock['@addr']) & (HOLDER | READERS)) !== 0;
