// <linux/sched/signal.h>, with <linux/signal.h>: signals to kernel threads. A thread ignores every signal until it calls
// allow_signal; it is never ended by one, but its interruptible sleeps are (-ERESTARTSYS), and by SIGKILL the killable
// ones; then it takes the signal with kernel_dequeue_signal or forgets it with flush_signals. See sched/signal.ts.
//
// Not here: force_sig (it makes the default action happen on the way to user space, where a kernel thread never goes),
// siginfo, process groups, and signals that only the kernel may send (allow_kernel_signal).
import {
  allow_signal_raw,
  flush_signals_raw,
  How,
  kernel_dequeue_signal_raw,
  send_sig_raw,
  sigprocmask_raw,
  valid_signal,
} from '../../sched/signal.js';
import {
  fatal_signal_pending_raw,
  signal_pending_raw,
  signal_pending_state as pending_state,
} from '../../sched/pending.js';
import { addr_of, type StructView } from '../field.js';
import { array, Struct, ulong } from '../types.js';

/** A task_struct or its address. */
export type TaskPointer = StructView | number;

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGURG = 23;
export const SIGIO = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
export const SIGRTMIN = 32;
export const SIGRTMAX = 64;
export const SIG_BLOCK = How.BLOCK;
export const SIG_UNBLOCK = How.UNBLOCK;
export const SIG_SETMASK = How.SETMASK;

/** 64 signals; bit N - 1 is signal N. */
export class sigset_t extends Struct('sigset_t', { sig: array(ulong, 2) }) {}

/** From now on the running thread gets this signal. Context: a kernel thread, for itself. */
export const allow_signal = (sig: number): void => allow_signal_raw(sig, true);
/** From now on it ignores the signal; one that is pending is forgotten. Context: a kernel thread, for itself. */
export const disallow_signal = (sig: number): void => allow_signal_raw(sig, false);
/**
 * Sends a signal; a task that ignores it gets nothing, which is no error. The caller holds a reference to a task that
 * may end. `priv` (from the kernel or not) makes no difference: no thread here accepts only the kernel's.
 * Context: any. Return: 0, -EINVAL if there is no such signal, -ESRCH if the task has ended.
 */
export const send_sig = (sig: number, p: TaskPointer, _priv = 0): number => send_sig_raw(sig, addr_of(p));
export { valid_signal };

/** Context: any. Return: true if the task has a signal that it does not block. */
export const signal_pending = (p: TaskPointer): boolean => signal_pending_raw(addr_of(p));
/** Context: any. Return: true if one of them is SIGKILL. */
export const fatal_signal_pending = (p: TaskPointer): boolean => fatal_signal_pending_raw(addr_of(p));
/** Context: any. Return: true if a signal of the task ends a sleep in `state`. */
export const signal_pending_state = (state: number, p: TaskPointer): boolean => pending_state(state, addr_of(p));
/** Forgets all signals of the task, which in practice is the running one. Context: any. */
export const flush_signals = (p: TaskPointer): void => flush_signals_raw(addr_of(p));
/**
 * Takes the first signal that is not blocked: those that faults cause before the others, then by number.
 * Context: a kernel thread, for itself. Return: the signal, 0 if there is none.
 */
export const kernel_dequeue_signal = (): number => kernel_dequeue_signal_raw();

/**
 * Changes which signals the running thread blocks: they stay pending and wake nobody. SIGKILL can be blocked too, as in
 * Linux for callers in the kernel. `oldset`, if given, gets the mask that was. Context: task. Return: 0, -EINVAL.
 */
export const sigprocmask = (how: number, set: sigset_t, oldset: sigset_t | null = null): number =>
  sigprocmask_raw(how, set['@addr'], oldset === null ? 0 : oldset['@addr']);
export function sigemptyset(set: sigset_t): void {
  set.sig.set(0, 0);
  set.sig.set(1, 0);
}
export function sigfillset(set: sigset_t): void {
  set.sig.set(0, 0xffffffff);
  set.sig.set(1, 0xffffffff);
}
export function sigaddset(set: sigset_t, sig: number): void {
  const n = (sig - 1) >>> 5;
  set.sig.set(n, (set.sig.at(n) | (1 << ((sig - 1) & 31))) >>> 0);
}
export function sigdelset(set: sigset_t, sig: number): void {
  const n = (sig - 1) >>> 5;
  set.sig.set(n, (set.sig.at(n) & ~(1 << ((sig - 1) & 31))) >>> 0);
}
export const sigismember = (set: sigset_t, sig: number): boolean =>
  ((set.sig.at((sig - 1) >>> 5) >>> ((sig - 1) & 31)) & 1) !== 0;
/** The bit of a signal below 33, for siginitset. */
export const sigmask = (sig: number): number => (1 << (sig - 1)) >>> 0;
export function siginitset(set: sigset_t, mask: number): void {
  set.sig.set(0, mask >>> 0);
  set.sig.set(1, 0);
}
