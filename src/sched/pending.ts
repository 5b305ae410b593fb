// noinstr: never transformed, never interrupted.
// Whether a task has a signal: what the scheduler and every sleeping primitive ask. Sending is sched/signal.ts.
//
// A thread ignores every signal that it has not allowed, so nothing of that kind is ever pending. There is no flag beside
// the mask (Linux's TIF_SIGPENDING): a signal is pending if it has been sent, not been taken, and is not blocked.
// Context: any.
import { a_ld, ld } from '../cpu/raw.js';
import { Task, TASK_INTERRUPTIBLE, TASK_WAKEKILL } from './task-layout.js';

export const SIGKILL = 9;
const KILL = 1 << (SIGKILL - 1);

/** True if the task has a signal that is not blocked. */
export function signal_pending_raw(task: number): boolean {
  const low = a_ld(task + Task.SIG_PENDING);
  const high = a_ld(task + Task.SIG_PENDING + 4);
  if ((low | high) === 0) return false;
  return ((low & ~ld(task + Task.SIG_BLOCKED)) | (high & ~ld(task + Task.SIG_BLOCKED + 4))) !== 0;
}
/** True if one of its signals is SIGKILL, which has to be allowed like any other. */
export const fatal_signal_pending_raw = (task: number): boolean =>
  (a_ld(task + Task.SIG_PENDING) & KILL) !== 0 && signal_pending_raw(task);

/** True if a signal of the task ends a sleep in `state`, or does not let it begin. */
export function signal_pending_state(state: number, task: number): boolean {
  if ((state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) === 0 || !signal_pending_raw(task)) return false;
  return (state & TASK_INTERRUPTIBLE) !== 0 || (a_ld(task + Task.SIG_PENDING) & KILL) !== 0;
}
