// The reader-writer lock's core, on the byte address of its word. The public rwlock_t is in linux/rwlock.ts.
// Context: any; a lock that an interrupt handler takes for writing is taken with interrupts off everywhere, one that
// handlers only read is taken with interrupts off by writers.
//
// The word (all 0: free, nobody waits):
//
//    31            11  10   9   8   7 6          0
//   | readers        | P  | H | W  | 0| holder + 1 |
//
//   holder  the CPU that holds it for writing: reports and the check of the owner cost nothing more
//   W       a writer is first of those that wait: readers in task context go behind it
//   H       hand-off: the first has been passed over for LOCK_PATIENCE_MS; nobody takes the lock before it
//   P       some CPU may sleep until the lock is released: whoever frees it clears P, then rings those that wait for it
//
// Next to it the magic number, then a spin lock, the queue: who holds that is the first of those that wait, and alone
// sets and clears W and H. It is fair as that lock is, and a free rwlock is taken by whoever runs (no waiter that the
// host has descheduled keeps the others waiting), which H bounds in time.
//
// A reader in interrupt context does not queue: it may be on top of a task that holds the lock for reading, and would
// wait behind a writer that waits for this task. It adds itself and waits for the holder only.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { LOCK_HEAD_SPIN, LOCK_PATIENCE_MS, LOCK_STEAL_TRIES } from '../machine/params.js';
import { clock_ns } from './clock.js';
import { cpu, my } from './context.js';
import { LockKind } from './lock-stat.js';
import { note_contended, note_waited } from './lock-wait.js';
import { ring, wait_on } from './park.js';
import { in_interrupt } from './preempt.js';
import { a_add, a_and, a_cas, a_ld, a_or, a_sub, ld, st, STEPPED } from './raw.js';
import { spin_lock_slow } from './spin-slow.js';
import { arch_spin_init, arch_spin_unlock, HOLDER, lock_text, QUEUE_MAGIC, spin_holder } from './spinlock.js';
import { step } from './step.js';
import { Wait } from './vectors.js';
import { BUG, task_comm, task_pid } from '../kernel/panic.js';
import { Event, trace_event_at } from '../kernel/trace.js';

export const RWLOCK_MAGIC = 0x5eaf1eed;
export const WAITS = 0x100;
const HANDOFF = 0x200;
const PARKED = 0x400;
export const READER = 0x800;
export const READERS = ~(READER - 1);
/** What keeps a reader in task context out: HOLDER (which may not be there yet while this file is loaded) and WAITS. */
export const NO_READERS = 0x7f | WAITS;
/** Event.LOCK_WAIT */
const HELD_BY_READERS = -2;
/** Offset of the queue's spin lock. */
const QUEUE = 8;

export function arch_rwlock_init(a: number): void {
  st(a, 0);
  st(a + 4, RWLOCK_MAGIC);
  arch_spin_init(a + QUEUE);
  st(a + QUEUE + 4, QUEUE_MAGIC);
}

/** One atomic while no writer has it or waits for it. */
export function arch_read_lock(a: number): void {
  if ((a_add(a, READER) & NO_READERS) !== 0) read_lock_slow(a);
}
export function arch_read_trylock(a: number): boolean {
  if ((a_ld(a) & NO_READERS) !== 0) return false;
  if ((a_add(a, READER) & NO_READERS) === 0) return true;
  drop_reader(a);
  return false;
}
export function arch_read_unlock(a: number): void {
  const old = a_sub(a, READER);
  if (old >>> 11 <= 1) last_reader_left(a, old);
}
/** The count was 1, or 0: then nobody had it. */
function last_reader_left(a: number, old: number): void {
  if (old >>> 11 === 0) not_read_locked(a);
  if ((old & (PARKED | HOLDER)) === PARKED) wake_waiters(a);
}
function not_read_locked(a: number): never {
  a_add(a, READER);
  if (ld(a + 4) !== RWLOCK_MAGIC) bad_rwlock(a, 'read_unlock');
  BUG(`read_unlock of ${rwlock_text(a)} by CPU ${cpu}: nobody holds it for reading`);
}
/** A reader that had added itself and did not get the lock goes away again. */
function drop_reader(a: number): void {
  const old = a_sub(a, READER);
  if (old >>> 11 === 1 && (old & (PARKED | HOLDER)) === PARKED) wake_waiters(a);
}

export function arch_write_lock(a: number): void {
  if (a_cas(a, 0, cpu + 1) !== 0) write_lock_slow(a);
}
export const arch_write_trylock = (a: number): boolean => ld(a) === 0 && a_cas(a, 0, cpu + 1) === 0;
export function arch_write_unlock(a: number): void {
  const me = cpu + 1;
  if (a_cas(a, me, 0) !== me) write_unlock_slow(a, me);
}
function write_unlock_slow(a: number, me: number): void {
  // A plain read will do: while this CPU holds the lock nobody else writes the field.
  if ((ld(a) & HOLDER) !== me) not_writer(a);
  if ((a_sub(a, me) & PARKED) !== 0) wake_waiters(a);
}
function not_writer(a: number): never {
  if (ld(a + 4) !== RWLOCK_MAGIC) bad_rwlock(a, 'write_unlock');
  BUG(`write_unlock of ${rwlock_text(a)} by CPU ${cpu}, which does not hold it for writing`);
}
export function bad_rwlock(a: number, what: string): never {
  BUG(`${what}: the rwlock ${lock_text(a)} is not initialised (rwlock_init or DEFINE_RWLOCK)`);
}

/** Who waits announces itself (WAIT_ADDR, then P), then looks at the word; here the word is written, then both are read. */
function wake_waiters(a: number): void {
  a_and(a, ~PARKED);
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (c !== cpu && a_ld(area + Pcpu.WAIT_ADDR) === a) ring(area);
  }
}

/** The count has been added, and a writer holds the lock or waits for it. Returns holding it. */
export function read_lock_slow(a: number): void {
  if ((ld(a) & HOLDER) === cpu + 1) {
    drop_reader(a);
    BUG(`read_lock of ${rwlock_text(a)} by that CPU: it would wait for itself`);
  }
  if (in_interrupt()) {
    if ((a_ld(a) & HOLDER) !== 0) wait_as(a, Wait.READ_LOCK, 0, true);
    return;
  }
  drop_reader(a);
  wait_as(a, Wait.READ_LOCK, READER, false);
}
/** The lock was not free. Returns holding it for writing. */
export function write_lock_slow(a: number): void {
  if ((ld(a) & HOLDER) === cpu + 1) BUG(`write_lock recursion: CPU ${cpu} already holds the rwlock ${lock_text(a)}`);
  if (spin_holder(a + QUEUE) === cpu)
    BUG(
      `write_lock of ${rwlock_text(a)} in an interrupt, on top of a task that waits for it: take it with interrupts off`,
    );
  wait_as(a, Wait.WRITE_LOCK, cpu + 1, false);
}

/** Says for reports what this CPU waits for, and waits: until no writer has it (`barge`), or in the queue to add `add`. */
function wait_as(a: number, reason: Wait, add: number, barge: boolean): void {
  const began = clock_ns();
  trace_event_at(began, Event.LOCK_WAIT, a, (ld(a) & HOLDER) === 0 ? HELD_BY_READERS : (ld(a) & HOLDER) - 1);
  const outer_reason = ld(my + Pcpu.WAIT_REASON);
  const outer_address = ld(my + Pcpu.WAIT_ADDR);
  st(my + Pcpu.WAIT_ADDR, a);
  st(my + Pcpu.WAIT_REASON, reason);
  if (barge) {
    note_contended();
    wait_first(a, reason, 0, HOLDER, 0, began);
  } else if (!steal(a, add)) {
    // Its slow path counts the wait.
    if (a_cas(a + QUEUE, 0, cpu + 1) === 0) note_contended();
    else spin_lock_slow(a + QUEUE);
    if (add === READER) wait_first(a, reason, add, HOLDER, 0, began);
    else wait_first(a, reason, add, HOLDER | READERS, WAITS, began);
    arch_spin_unlock(a + QUEUE);
  } else note_contended();
  st(my + Pcpu.WAIT_REASON, outer_reason);
  st(my + Pcpu.WAIT_ADDR, outer_address);
  const now = clock_ns();
  trace_event_at(now, Event.LOCK_WAITED, a);
  note_waited(now - began, a, reason === Wait.READ_LOCK ? LockKind.READ : LockKind.WRITE);
}

/** Takes the lock outside the queue if it comes free soon. In the stepped build whoever waits is not run meanwhile. */
function steal(a: number, add: number): boolean {
  for (let n = 0; n < LOCK_STEAL_TRIES; n++) {
    const word = a_ld(a);
    if (may_steal(word, add) && a_cas(a, word, word + add) === word) return true;
    if (STEPPED) return false;
    step();
  }
  return false;
}
/** A reader may also join the others while no writer waits. */
const may_steal = (word: number, add: number): boolean =>
  (word & (HOLDER | HANDOFF)) === 0 && ((word & READERS) === 0 || (add === READER && (word & WAITS) === 0));

/**
 * The first of the queue, or a reader in interrupt context (`add` 0), which is there by itself: waits until the word has
 * none of `blockers`, then adds `add`. While it waits the first one shows `flags`.
 */
function wait_first(a: number, reason: Wait, add: number, blockers: number, flags: number, began: number): void {
  const changed = (): boolean => (a_ld(a) & blockers) === 0 || (a_ld(a) & PARKED) === 0;
  for (let n = 0; ; n++) {
    const word = a_ld(a);
    if ((word & blockers) === 0) {
      if (add === 0 || a_cas(a, word, (word & ~(WAITS | HANDOFF)) + add) === word) return;
      continue;
    }
    const parks = STEPPED || n >= LOCK_HEAD_SPIN;
    const late = parks && !STEPPED && add !== 0 && clock_ns() - began > LOCK_PATIENCE_MS * 1e6;
    const want = flags | (late ? HANDOFF : 0) | (parks ? PARKED : 0);
    // If the lock is released between the look and this, what follows looks again before it parks.
    if ((word & want) !== want) a_or(a, want);
    if (parks) wait_on(reason, a, changed);
    else step();
  }
}

/** How reports name the lock and who has it. */
export function rwlock_text(a: number): string {
  const word = a_ld(a);
  const holder = (word & HOLDER) - 1;
  const readers = word >>> 11;
  if (holder < 0)
    return `${lock_text(a)}, ${readers === 0 ? 'which is free' : `held by ${readers} reader${readers === 1 ? '' : 's'}`}`;
  const running = ld(percpu_base(holder) + Pcpu.CURRENT);
  return `${lock_text(a)}, held for writing by CPU ${holder}, which runs ${task_comm(running)}/${task_pid(running)}`;
}
/** What a CPU waits for when it waits for an rwlock or in the queue of one: `the rwlock X, held by ...`, else ''. */
export function rwlock_wait_text(reason: number, address: number): string {
  if (reason === Wait.READ_LOCK) return `the rwlock (to read) ${rwlock_text(address)}`;
  if (reason === Wait.WRITE_LOCK) return `the rwlock (to write) ${rwlock_text(address)}`;
  if (reason === Wait.SPIN_LOCK && ld(address + 4) === QUEUE_MAGIC) return `the rwlock ${rwlock_text(address - QUEUE)}`;
  return '';
}
export const rwlock_is_contended_raw = (a: number): boolean => a_ld(a + QUEUE) !== 0;
