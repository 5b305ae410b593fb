// Parking kernel threads: they keep their state and run again when they are unparked. linux/kthread.ts has the public
// names. KTHREAD_IS_PARKED in the thread's flags says that it has come to rest; who parks it waits for that on the flags
// word (sched/wait-bit.ts). Linux has a completion for it.
import { current_task } from '../cpu/context.js';
import { a_and, a_ld, a_or, ld, st } from '../cpu/raw.js';
import { task_comm, task_pid, WARN } from '../kernel/panic.js';
import { __set_current_state, set_special_state, wake_up_process, wake_up_state } from './core.js';
import { might_sleep } from './debug.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import {
  KTHREAD_IS_PARKED,
  KTHREAD_SHOULD_PARK,
  PF_EXITING,
  Task,
  TASK_PARKED,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
} from './task-layout.js';
import { BIT_ENTRY, finish_wait_raw, prepare_to_wait_raw, VARIABLE } from './wait.js';
import { bit_queue, init_bit_entry, wake_up_bit_raw } from './wait-bit.js';

const ENOSYS = 38;
const EBUSY = 16;

/** Context: a kernel thread. Return: true while it is to park: then it calls kthread_parkme. */
export const kthread_should_park = (): boolean => (a_ld(current_task() + Task.KTHREAD) & KTHREAD_SHOULD_PARK) !== 0;

/** The running thread is about to park: its state is set, and said. Return: false if it is not to park any more. */
export function park_here(task: number): boolean {
  set_special_state(TASK_PARKED);
  if ((a_ld(task + Task.KTHREAD) & KTHREAD_SHOULD_PARK) === 0) {
    a_and(task + Task.KTHREAD, ~KTHREAD_IS_PARKED);
    __set_current_state(TASK_RUNNING);
    return false;
  }
  a_or(task + Task.KTHREAD, KTHREAD_IS_PARKED);
  wake_up_bit_raw(task + Task.KTHREAD, VARIABLE);
  return true;
}
export const parkme_attempt = (_frame: number): number => (park_here(current_task()) ? SLEEP : 0);
/** Rests until kthread_unpark, if it is to park at all. Context: a kernel thread. */
export function kthread_parkme(): Sleeping<number> {
  might_sleep('kthread_parkme');
  return kthread_should_park() ? delegate(drive(parkme_attempt, 8)) : ready(0);
}

/** Frame: state, pad, entry. */
export const PARK_FRAME = 8 + BIT_ENTRY;
export function kthread_park_attempt(frame: number, task: number): number {
  const word = task + Task.KTHREAD;
  const head = bit_queue(word, VARIABLE);
  if (ld(frame) === 0) {
    st(frame, 1);
    init_bit_entry(frame + 8, word, VARIABLE, 0);
    a_or(word, KTHREAD_SHOULD_PARK);
    wake_up_process(task);
  }
  prepare_to_wait_raw(head, frame + 8, TASK_UNINTERRUPTIBLE);
  // Of a thread that ends instead nobody says that it is parked; in Linux this waits for ever.
  if ((a_ld(word) & KTHREAD_IS_PARKED) === 0) return SLEEP;
  finish_wait_raw(head, frame + 8);
  return 0;
}
/**
 * Makes the thread park at its next kthread_parkme, and waits until it has. One that has not started parks before it
 * does. A thread parks itself by the same call, without the wait. Context: task. Return: 0; -ENOSYS if it has ended, -EBUSY
 * if it is parked already or about to, both with a warning.
 */
export function kthread_park(task: number): Sleeping<number> {
  might_sleep('kthread_park');
  const name = (): string => `${task_comm(task)}/${task_pid(task)}`;
  if ((a_ld(task + Task.FLAGS) & PF_EXITING) !== 0) {
    WARN(true, 'kthread_park of %s, which has ended', name());
    return ready(-ENOSYS);
  }
  if ((a_ld(task + Task.KTHREAD) & KTHREAD_SHOULD_PARK) !== 0) {
    WARN(true, 'kthread_park of %s, which is parked already', name());
    return ready(-EBUSY);
  }
  if (task === current_task()) {
    a_or(task + Task.KTHREAD, KTHREAD_SHOULD_PARK);
    return ready(0);
  }
  return delegate(drive(kthread_park_attempt, PARK_FRAME, task));
}
/** Lets it go on; nothing if it is not to park. Context: any. */
export function kthread_unpark(task: number): void {
  if ((a_and(task + Task.KTHREAD, ~(KTHREAD_SHOULD_PARK | KTHREAD_IS_PARKED)) & KTHREAD_SHOULD_PARK) !== 0)
    wake_up_state(task, TASK_PARKED);
}
