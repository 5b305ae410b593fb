// noinstr: never transformed, never interrupted.
// The spin lock's core, on the byte address of its word. The public spinlock_t is in linux/spinlock.ts; kernel-internal
// locks use these directly. Context: any; a lock that an interrupt handler takes is taken with interrupts off.
//
// The word (all 0: free, nobody waits):
//
//    31          23 22        16 15   10  9   8  7 6          0
//   | tail          | head + 1   |   0    | H | P | 0| holder + 1 |
//
//   holder  the CPU that holds it: the lock-up report and the check of the owner cost nothing more
//   tail    (CPU + 1) << 2 | nesting level of the last waiter (task, softirq, hardirq, NMI: four nodes a CPU)
//   head    the first waiter's CPU, valid while P is set
//   P       the first waiter sleeps: unlock rings its bell
//   H       hand-off: the first has been passed over for LOCK_PATIENCE_MS, only the queue may take the lock now
//
// holder is written by lock and unlock; tail by an arriving waiter, or by the first when it leaves an empty queue;
// head, P, H only by the first waiter. Every change is one atomic read-modify-write of the whole word.
// The word after it is the magic number of an initialised lock.
import { cpu } from './context.js';
import { local_irq_save, local_irq_restore } from './irqflags.js';
import { preempt_count_add, preempt_count_sub } from './preempt.js';
import { a_cas, a_ld, a_sub, ld, st, STEPPED } from './raw.js';
import { spin_lock_slow, wake_waiter } from './spin-slow.js';
import { BUG } from '../kernel/panic.js';

export const LOCK_SIZE = 8;
export const LOCK_MAGIC = 0x0dead4ea;
/** In place of LOCK_MAGIC: the lock is the queue of an rwlock (cpu/rwlock.ts), and reports name that. */
export const QUEUE_MAGIC = 0x0dead4eb;
export const HOLDER = 0x7f;
export const SLEEPS = 0x100;
export const HANDOFF = 0x200;
export const HEAD = 0x7f0000;
export const TAIL = 0xff800000 | 0;

export function arch_spin_init(a: number): void {
  st(a, 0);
  st(a + 4, LOCK_MAGIC);
}

/** The holder's CPU, -1 when free. */
export const spin_holder = (a: number): number => (a_ld(a) & HOLDER) - 1;

export function arch_spin_lock(a: number): void {
  if (a_cas(a, 0, cpu + 1) !== 0) spin_lock_slow(a);
}

export function arch_spin_trylock(a: number): boolean {
  return ld(a) === 0 && a_cas(a, 0, cpu + 1) === 0;
}

/** One compare-exchange while nobody waits: it checks the owner, too. */
export function arch_spin_unlock(a: number): void {
  const me = cpu + 1;
  if (a_cas(a, me, 0) !== me) unlock_slow(a, me);
}
function unlock_slow(a: number, me: number): void {
  // Checked before the word is touched: subtracting from another's holder field would borrow from its neighbours.
  // A plain read will do: while this CPU holds the lock nobody else writes the field.
  if ((ld(a) & HOLDER) !== me) not_owner(a);
  const word = a_sub(a, me);
  if ((word & SLEEPS) !== 0) wake_waiter(a, word);
}

function not_owner(a: number): never {
  if (ld(a + 4) !== LOCK_MAGIC) bad_magic(a, 'spin_unlock');
  const holder = spin_holder(a);
  BUG(
    `spin_unlock of ${lock_text(a)} by CPU ${cpu}, which does not hold it: ${holder < 0 ? 'it is not locked' : `held by CPU ${holder}`}`,
  );
}
export function bad_magic(a: number, what: string): never {
  BUG(`${what}: the spin lock ${lock_text(a)} is not initialised (spin_lock_init or DEFINE_SPINLOCK)`);
}

/** How reports name a lock; kallsyms replaces it with one that knows symbols. */
export let lock_text = (a: number): string => `the lock at 0x${a.toString(16)}`;
export function set_lock_text(f: (a: number) => string): void {
  lock_text = f;
}

function kernel_lock_taken(a: number): never {
  BUG(`a kernel primitive that is one step would wait for ${lock_text(a)}, which CPU ${spin_holder(a)} holds`);
}

/** Kernel-internal: takes the lock with interrupts off; returns the flags for `unlock_irqrestore`. */
export function lock_irqsave(a: number): number {
  // All CPUs in one thread, and the whole section inside one step: only a module that holds a kernel lock is in the way.
  if (STEPPED) {
    if ((ld(a) & HOLDER) !== 0) kernel_lock_taken(a);
    return 0;
  }
  const flags = local_irq_save();
  preempt_count_add(1);
  arch_spin_lock(a);
  return flags;
}
export function unlock_irqrestore(a: number, flags: number): void {
  if (STEPPED) return;
  arch_spin_unlock(a);
  preempt_count_sub(1);
  local_irq_restore(flags);
}
