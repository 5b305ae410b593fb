// Signals to kernel threads; linux/sched/signal.ts has the public names.
//
// A kernel thread ignores all signals, SIGKILL too, until it allows some; it is never ended by one: it looks
// (signal_pending), takes it (kernel_dequeue_signal) and decides. The words, three masks of 64 bits in the task:
//   SIG_PENDING  sent and not taken yet
//   SIG_BLOCKED  by the task itself: what is blocked stays pending and wakes nobody
//   SIG_ALLOWED  by the task itself
// All change under LOCK_SIGNALS, taken with interrupts off (signals are rare: one lock serves all tasks); who only asks
// whether something is pending takes no lock. There is no queue: kernel threads get no siginfo in Linux either, and a
// signal that is pending is not sent twice.
import { current_task } from '../cpu/context.js';
import { a_ld, a_st, ld } from '../cpu/raw.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { Mach } from '../machine/memory-map.js';
import { WARN } from '../kernel/panic.js';
import { wake_up_state } from './core.js';
import { SIGKILL, signal_pending_raw } from './pending.js';
import { PF_EXITING, Task, TASK_INTERRUPTIBLE, TASK_WAKEKILL } from './task-layout.js';

export const NSIG = 64;
const EINVAL = 22;
const ESRCH = 3;
/** Linux takes the signals that a fault causes first: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS. */
const SYNCHRONOUS = [4, 5, 7, 8, 11, 31].reduce((mask, sig) => mask | (1 << (sig - 1)), 0);

export const valid_signal = (sig: number): boolean => sig >= 0 && sig <= NSIG;
const word = (sig: number): number => ((sig - 1) >>> 5) << 2;
const bit = (sig: number): number => 1 << ((sig - 1) & 31);
const set_bit = (mask: number, sig: number): void => a_st(mask + word(sig), ld(mask + word(sig)) | bit(sig));
const clear_bit = (mask: number, sig: number): void => a_st(mask + word(sig), ld(mask + word(sig)) & ~bit(sig));
const has = (mask: number, sig: number): boolean => (a_ld(mask + word(sig)) & bit(sig)) !== 0;

/**
 * Sends a signal. It is dropped if the task ignores it, which is no error; it wakes the task from an interruptible
 * sleep, SIGKILL also from a killable one. `sig` 0 only asks whether there is such a task.
 * Context: any. Return: 0, -EINVAL for a number that is no signal, -ESRCH if the task has ended.
 */
export function send_sig_raw(sig: number, task: number): number {
  if (!Number.isInteger(sig) || !valid_signal(sig)) return -EINVAL;
  if ((a_ld(task + Task.FLAGS) & PF_EXITING) !== 0) return -ESRCH;
  if (sig === 0) return 0;
  const flags = lock_irqsave(Mach.LOCK_SIGNALS);
  const blocked = has(task + Task.SIG_BLOCKED, sig);
  // As in Linux a blocked signal is kept even if it is ignored now: it may be allowed when it is unblocked.
  const kept = blocked || has(task + Task.SIG_ALLOWED, sig);
  if (kept) set_bit(task + Task.SIG_PENDING, sig);
  unlock_irqrestore(Mach.LOCK_SIGNALS, flags);
  if (kept && !blocked) wake_up_state(task, TASK_INTERRUPTIBLE | (sig === SIGKILL ? TASK_WAKEKILL : 0));
  return 0;
}

/** Context: a kernel thread, for itself. */
export function allow_signal_raw(sig: number, allow: boolean): void {
  if (!Number.isInteger(sig) || sig < 1 || sig > NSIG) {
    WARN(true, '%s: %d is no signal', allow ? 'allow_signal' : 'disallow_signal', sig);
    return;
  }
  const task = current_task();
  const flags = lock_irqsave(Mach.LOCK_SIGNALS);
  if (allow) set_bit(task + Task.SIG_ALLOWED, sig);
  else {
    clear_bit(task + Task.SIG_ALLOWED, sig);
    clear_bit(task + Task.SIG_PENDING, sig);
  }
  unlock_irqrestore(Mach.LOCK_SIGNALS, flags);
}

/** Forgets all signals of the task. Context: any. */
export function flush_signals_raw(task: number): void {
  const flags = lock_irqsave(Mach.LOCK_SIGNALS);
  a_st(task + Task.SIG_PENDING, 0);
  a_st(task + Task.SIG_PENDING + 4, 0);
  unlock_irqrestore(Mach.LOCK_SIGNALS, flags);
}

/** Takes the first pending signal that is not blocked. Context: a kernel thread. Return: its number, 0 if there is none. */
export function kernel_dequeue_signal_raw(): number {
  const task = current_task();
  if (!signal_pending_raw(task)) return 0;
  const flags = lock_irqsave(Mach.LOCK_SIGNALS);
  const sig = first_signal(task);
  if (sig !== 0) clear_bit(task + Task.SIG_PENDING, sig);
  unlock_irqrestore(Mach.LOCK_SIGNALS, flags);
  return sig;
}
function first_signal(task: number): number {
  const low = ld(task + Task.SIG_PENDING) & ~ld(task + Task.SIG_BLOCKED);
  const high = ld(task + Task.SIG_PENDING + 4) & ~ld(task + Task.SIG_BLOCKED + 4);
  const lowest = (mask: number): number => 32 - Math.clz32(mask & -mask);
  if ((low & SYNCHRONOUS) !== 0) return lowest(low & SYNCHRONOUS);
  if (low !== 0) return lowest(low);
  return high === 0 ? 0 : 32 + lowest(high);
}

export const enum How {
  BLOCK = 0,
  UNBLOCK = 1,
  SETMASK = 2,
}
/** Changes the running thread's blocked mask; `old`, if not 0, gets what it was. Return: 0, -EINVAL. Context: task. */
export function sigprocmask_raw(how: number, set: number, old: number): number {
  const blocked = current_task() + Task.SIG_BLOCKED;
  if (how !== How.BLOCK && how !== How.UNBLOCK && how !== How.SETMASK) return -EINVAL;
  const flags = lock_irqsave(Mach.LOCK_SIGNALS);
  for (let half = 0; half < 8; half += 4) {
    const before = ld(blocked + half);
    const given = ld(set + half);
    if (old !== 0) a_st(old + half, before);
    a_st(blocked + half, how === How.BLOCK ? before | given : how === How.UNBLOCK ? before & ~given : given);
  }
  unlock_irqrestore(Mach.LOCK_SIGNALS, flags);
  return 0;
}
