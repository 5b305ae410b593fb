// <linux/seqlock.h>: sequence counters. Readers take nothing: they read, and do it again if a writer was there meanwhile.
// The core is cpu/seqcount.ts.
//
//   seqcount_t           writers must exclude each other and must not be preempted in their section
//   seqcount_LOCKNAME_t  the same, and knows the lock that the writers hold: that they do is checked
//   seqlock_t            a seqcount with the spin lock of its writers
//
// Context: any. Where a reader may interrupt a writer on the writer's CPU, the writer keeps it off (_irq, _irqsave, _bh):
// it would wait for itself. What is read in a section may be torn until the retry says that it is not.
import { cpu, current_task } from '../cpu/context.js';
import { preempt_disable, preempt_enable, preemptible } from '../cpu/preempt.js';
import { marked_next, order_acquire, order_release } from '../cpu/order.js';
import { a_add, a_ld, st } from '../cpu/raw.js';
import { RACE_SEQCOUNT_READS } from '../machine/params.js';
import {
  seqcount_begin,
  seqcount_changed,
  seqcount_enter,
  seqcount_enter_checked,
  seqcount_leave,
  seqcount_leave_checked,
} from '../cpu/seqcount.js';
import { lock_text, spin_holder } from '../cpu/spinlock.js';
import { WARN } from '../kernel/panic.js';
import { Event, trace_begin, trace_end } from '../kernel/trace.js';
import { mutex_owner } from '../sched/mutex.js';
import type { mutex } from './mutex.js';
import type { raw_spinlock_t, rwlock_t } from './spinlock.js';
import {
  spin_lock,
  spin_lock_bh,
  spin_lock_init,
  spin_lock_irq,
  spin_lock_irqsave,
  spin_unlock,
  spin_unlock_bh,
  spin_unlock_irq,
  spin_unlock_irqrestore,
  spinlock_t,
} from './spinlock.js';
import { DEFINE_STATIC, ptr, Struct, u32 } from './types.js';

const typedef = { typedef: true };
export class seqcount_t extends Struct('seqcount_t', { sequence: u32, writer: u32 }, typedef) {}
/** `lock` is the address of the lock that writers hold. */
const with_lock = { sequence: u32, writer: u32, lock: ptr() };
export class seqcount_spinlock_t extends Struct('seqcount_spinlock_t', with_lock, typedef) {}
export class seqcount_raw_spinlock_t extends Struct('seqcount_raw_spinlock_t', with_lock, typedef) {}
export class seqcount_rwlock_t extends Struct('seqcount_rwlock_t', with_lock, typedef) {}
export class seqcount_mutex_t extends Struct('seqcount_mutex_t', with_lock, typedef) {}
export type AnySeqcount =
  seqcount_t | seqcount_spinlock_t | seqcount_raw_spinlock_t | seqcount_rwlock_t | seqcount_mutex_t;

/** `DEFINE_STATIC(seqcount_t, SEQCNT_ZERO())`. */
export const SEQCNT_ZERO = (): { sequence: number } => ({ sequence: 0 });
/** `DEFINE_STATIC(seqcount_spinlock_t, SEQCNT_SPINLOCK_ZERO(lock))`. */
export const SEQCNT_SPINLOCK_ZERO = (lock: spinlock_t): { lock: number } => ({ lock: lock['@addr'] });
export const SEQCNT_RAW_SPINLOCK_ZERO = (lock: raw_spinlock_t): { lock: number } => ({ lock: lock['@addr'] });
export const SEQCNT_RWLOCK_ZERO = (lock: rwlock_t): { lock: number } => ({ lock: lock['@addr'] });
export const SEQCNT_MUTEX_ZERO = (lock: mutex): { lock: number } => ({ lock: lock['@addr'] });

function init_with(s: number, lock: number): void {
  st(s, 0);
  st(s + 4, 0);
  st(s + 8, lock);
}
export function seqcount_init(s: seqcount_t): void {
  st(s['@addr'], 0);
  st(s['@addr'] + 4, 0);
}
export const seqcount_spinlock_init = (s: seqcount_spinlock_t, lock: spinlock_t): void =>
  init_with(s['@addr'], lock['@addr']);
export const seqcount_raw_spinlock_init = (s: seqcount_raw_spinlock_t, lock: raw_spinlock_t): void =>
  init_with(s['@addr'], lock['@addr']);
export const seqcount_rwlock_init = (s: seqcount_rwlock_t, lock: rwlock_t): void =>
  init_with(s['@addr'], lock['@addr']);
export const seqcount_mutex_init = (s: seqcount_mutex_t, lock: mutex): void => init_with(s['@addr'], lock['@addr']);

// ---- readers --------------------------------------------------------------------------------------------------------
/** Begins a read; waits while a writer is in its section. Return: the count for read_seqcount_retry. */
export const read_seqcount_begin = (s: AnySeqcount): number => seqcount_begin(s['@addr']);
/** The same: the barrier that these leave to the caller in Linux is part of the load here. */
export const __read_seqcount_begin = (s: AnySeqcount): number => seqcount_begin(s['@addr']);
export const raw_read_seqcount_begin = (s: AnySeqcount): number => seqcount_begin(s['@addr']);
/** Does not wait: the count as it is, odd while a writer is in its section. */
export const raw_read_seqcount = (s: AnySeqcount): number => read_count(s['@addr']) >>> 0;
function read_count(a: number): number {
  order_acquire(a);
  marked_next(RACE_SEQCOUNT_READS);
  return a_ld(a);
}
/** Does not wait: the retry will fail if a writer is in its section. */
export const raw_seqcount_begin = (s: AnySeqcount): number => (read_count(s['@addr']) & ~1) >>> 0;
/** Return: true if the read has to be done again. */
export const read_seqcount_retry = (s: AnySeqcount, start: number): boolean => seqcount_changed(s['@addr'], start);
export const __read_seqcount_retry = (s: AnySeqcount, start: number): boolean => seqcount_changed(s['@addr'], start);

// ---- writers --------------------------------------------------------------------------------------------------------
/** The lock of a mutex does not keep its holder from being preempted, so the section does. */
const preempts = (s: AnySeqcount): boolean => s instanceof seqcount_mutex_t;

function check_writer(s: AnySeqcount): void {
  if (s instanceof seqcount_t) {
    if (preemptible())
      WARN(
        true,
        'write_seqcount_begin: %s: preemption is on: a reader that preempts the writer waits for ever',
        lock_text(s['@addr']),
      );
    return;
  }
  const lock = s.lock;
  const held = s instanceof seqcount_mutex_t ? mutex_owner(lock) === current_task() : spin_holder(lock) === cpu;
  if (!held)
    WARN(
      true,
      'write_seqcount_begin: %s: the writer does not hold its lock %s',
      lock_text(s['@addr']),
      lock_text(lock),
    );
}

/** Begins a write: readers wait, or read again. The caller has excluded other writers: that is checked. */
export function write_seqcount_begin(s: AnySeqcount): void {
  check_writer(s);
  if (preempts(s)) preempt_disable();
  seqcount_enter_checked(s['@addr']);
  trace_begin(Event.SEQ_WRITE_BEGIN, s['@addr']);
}
export function write_seqcount_end(s: AnySeqcount): void {
  trace_end(Event.SEQ_WRITE_END, s['@addr']);
  seqcount_leave_checked(s['@addr']);
  if (preempts(s)) preempt_enable();
}
/** `subclass` is for lock dependencies, which nobody checks yet. */
export const write_seqcount_begin_nested = write_seqcount_begin as (s: AnySeqcount, subclass: number) => void;
/** As write_seqcount_begin, without the checks. */
export function raw_write_seqcount_begin(s: AnySeqcount): void {
  if (preempts(s)) preempt_disable();
  seqcount_enter(s['@addr']);
  trace_begin(Event.SEQ_WRITE_BEGIN, s['@addr']);
}
export function raw_write_seqcount_end(s: AnySeqcount): void {
  trace_end(Event.SEQ_WRITE_END, s['@addr']);
  seqcount_leave(s['@addr']);
  if (preempts(s)) preempt_enable();
}
/** A write that readers need not wait for: those who read across it read again. */
export function raw_write_seqcount_barrier(s: AnySeqcount): void {
  order_release(s['@addr']);
  a_add(s['@addr'], 2);
}
/** Readers that are in their section read again. */
export function write_seqcount_invalidate(s: AnySeqcount): void {
  a_add(s['@addr'], 2);
}

// ---- latch: two copies of the data, so that a reader may interrupt the writer ---------------------------------------
export class seqcount_latch_t extends Struct('seqcount_latch_t', { sequence: u32, pad: u32 }, typedef) {}
export const SEQCNT_LATCH_ZERO = SEQCNT_ZERO;
export function seqcount_latch_init(s: seqcount_latch_t): void {
  st(s['@addr'], 0);
}
/** Return: the count; its lowest bit says which copy to read. Never waits. */
export const raw_read_seqcount_latch = (s: seqcount_latch_t): number => read_count(s['@addr']) >>> 0;
export const raw_read_seqcount_latch_retry = (s: seqcount_latch_t, start: number): boolean =>
  seqcount_changed(s['@addr'], start);
/** Sends readers to the other copy: call it, change copy 0, call it again, change copy 1. */
export function raw_write_seqcount_latch(s: seqcount_latch_t): void {
  order_release(s['@addr']);
  a_add(s['@addr'], 1);
}

// ---- seqlock_t ------------------------------------------------------------------------------------------------------
export class seqlock_t extends Struct(
  'seqlock_t',
  { seqcount: seqcount_spinlock_t, lock: spinlock_t },
  { init: (a) => init_with(a, a + 12), typedef: true },
) {}

/** Static data: an unlocked one. */
export const DEFINE_SEQLOCK = (): seqlock_t => DEFINE_STATIC(seqlock_t);
/** Makes one in memory from kmalloc usable. */
export function seqlock_init(sl: seqlock_t): void {
  init_with(sl['@addr'], sl['@addr'] + 12);
  spin_lock_init(sl.lock);
}

/** Begins a read; waits while a writer is in its section. Return: the count for read_seqretry. */
export const read_seqbegin = (sl: seqlock_t): number => seqcount_begin(sl['@addr']);
/** Return: true if the read has to be done again. */
export const read_seqretry = (sl: seqlock_t, start: number): boolean => seqcount_changed(sl['@addr'], start);

/** Takes the lock and begins a write. Preemption is off until write_sequnlock. */
export function write_seqlock(sl: seqlock_t): void {
  spin_lock(sl.lock);
  seqcount_enter_checked(sl['@addr']);
}
export function write_sequnlock(sl: seqlock_t): void {
  seqcount_leave_checked(sl['@addr']);
  spin_unlock(sl.lock);
}
/** With interrupts off until write_sequnlock_irq: where interrupt handlers read. */
export function write_seqlock_irq(sl: seqlock_t): void {
  spin_lock_irq(sl.lock);
  seqcount_enter_checked(sl['@addr']);
}
export function write_sequnlock_irq(sl: seqlock_t): void {
  seqcount_leave_checked(sl['@addr']);
  spin_unlock_irq(sl.lock);
}
/** Return: the flags for write_sequnlock_irqrestore. */
export function write_seqlock_irqsave(sl: seqlock_t): number {
  const flags = spin_lock_irqsave(sl.lock);
  seqcount_enter_checked(sl['@addr']);
  return flags;
}
export function write_sequnlock_irqrestore(sl: seqlock_t, flags: number): void {
  seqcount_leave_checked(sl['@addr']);
  spin_unlock_irqrestore(sl.lock, flags);
}
/** With softirqs off until write_sequnlock_bh: where softirqs read. */
export function write_seqlock_bh(sl: seqlock_t): void {
  spin_lock_bh(sl.lock);
  seqcount_enter_checked(sl['@addr']);
}
export function write_sequnlock_bh(sl: seqlock_t): void {
  seqcount_leave_checked(sl['@addr']);
  spin_unlock_bh(sl.lock);
}

// Readers that keep writers out, and each other; other readers go on.
export function read_seqlock_excl(sl: seqlock_t): void {
  spin_lock(sl.lock);
}
export function read_sequnlock_excl(sl: seqlock_t): void {
  spin_unlock(sl.lock);
}
export function read_seqlock_excl_irq(sl: seqlock_t): void {
  spin_lock_irq(sl.lock);
}
export function read_sequnlock_excl_irq(sl: seqlock_t): void {
  spin_unlock_irq(sl.lock);
}
/** Return: the flags for read_sequnlock_excl_irqrestore. */
export function read_seqlock_excl_irqsave(sl: seqlock_t): number {
  return spin_lock_irqsave(sl.lock);
}
export function read_sequnlock_excl_irqrestore(sl: seqlock_t, flags: number): void {
  spin_unlock_irqrestore(sl.lock, flags);
}
export function read_seqlock_excl_bh(sl: seqlock_t): void {
  spin_lock_bh(sl.lock);
}
export function read_sequnlock_excl_bh(sl: seqlock_t): void {
  spin_unlock_bh(sl.lock);
}

/**
 * A first try without the lock, a second with it: `seq` even begins a read, odd takes the lock. Linux's changes its second
 * argument instead of returning it:
 *
 *     let seq = 0;
 *     for (;;) {
 *       seq = read_seqbegin_or_lock(sl, seq);
 *       ...
 *       if (!need_seqretry(sl, seq)) break;
 *       seq = 1;
 *     }
 *     done_seqretry(sl, seq);
 *
 * Return: the new `seq`.
 */
export function read_seqbegin_or_lock(sl: seqlock_t, seq: number): number {
  if ((seq & 1) === 0) return seqcount_begin(sl['@addr']);
  spin_lock(sl.lock);
  return seq;
}
/** Return: true if the read has to be done again, with the lock. */
export const need_seqretry = (sl: seqlock_t, seq: number): boolean =>
  (seq & 1) === 0 && seqcount_changed(sl['@addr'], seq);
/** Ends it: gives the lock back if it was taken. */
export function done_seqretry(sl: seqlock_t, seq: number): void {
  if ((seq & 1) !== 0) spin_unlock(sl.lock);
}
/** As read_seqbegin_or_lock, the lock with interrupts off. Return: the new `seq`, and the flags for done_seqretry_irqrestore. */
export function read_seqbegin_or_lock_irqsave(sl: seqlock_t, seq: number): { seq: number; flags: number } {
  if ((seq & 1) === 0) return { seq: seqcount_begin(sl['@addr']), flags: 0 };
  return { seq, flags: spin_lock_irqsave(sl.lock) };
}
export function done_seqretry_irqrestore(sl: seqlock_t, seq: number, flags: number): void {
  if ((seq & 1) !== 0) spin_unlock_irqrestore(sl.lock, flags);
}
