// <linux/sched.h>: the task, its states, giving up the CPU.
import { current_task } from '../cpu/context.js';
import { set_cpus_allowed, task_cpu_raw } from '../sched/affinity.js';
import { is_rt } from '../sched/core.js';
import {
  MAX_RT_PRIO,
  must_setscheduler,
  set_normal_raw,
  set_user_nice_raw,
  setscheduler_raw,
  task_nice_raw,
} from '../sched/policy.js';
import { cond_resched, delegate, need_resched, ready, schedule, type Sleeping } from '../sched/sleep.js';
import { SCHED_FIFO } from '../sched/task-layout.js';
import { schedule_timeout } from '../sched/timer.js';
import type { cpumask } from './cpumask.js';
import { addr_of } from './field.js';
import { spin_is_contended, spin_lock, spin_unlock, type spinlock_t } from './spinlock.js';
import { Task, TASK_SIZE } from '../sched/task-layout.js';
import { array, char_array, f64, fn, int, ptr, Struct, u32, u8 } from './types.js';
import { list_head } from './list-types.js';
import { completion } from './completion.js';

export class task_struct extends Struct('task_struct', {
  __state: u32,
  flags: u32,
  pid: int,
  weight: u32,
  on_rq: int,
  on_cpu: int,
  cpu: int,
  exit_code: int,
  run_node: array(u32, 4),
  vruntime: f64,
  sum_exec_runtime: f64,
  threadfn: fn,
  data: ptr(),
  kthread_flags: u32,
  slot: u32,
  tasks: list_head,
  comm: char_array(16),
  frame_top: ptr(),
  exited: completion,
  usage: int,
  block_kind: u32,
  block_addr: ptr(),
  stack: ptr(),
  owner: u32,
  nvcsw: u32,
  nivcsw: u32,
  migrations: u32,
  cpus_mask: array(u32, 2),
  mutexes: ptr(),
  slept_at: f64,
  reported: u32,
  language: u32,
  pending: array(u32, 2),
  blocked: array(u32, 2),
  sig_allowed: array(u32, 2),
  policy: u8,
  static_nice: u8,
  rt_priority: u8,
  migration_disabled: u8,
  time_slice: u8,
  must_move: u8,
  told_fixed: u8,
  spare: u8,
  rcu_data: array(u32, 4),
  reserved: array(u32, 4),
  frames: array(u8, TASK_SIZE - Task.FRAMES),
}) {}

/** The running task; in an interrupt the interrupted one. Context: any. */
export const get_current = (): task_struct => task_struct.at(current_task());
/** Linux's `current` is a macro without parentheses. */
export const current = get_current;
export {
  __set_current_state,
  get_current_state,
  set_current_state,
  set_special_state,
  wake_up_process,
  wake_up_state,
} from '../sched/core.js';
export {
  allow_signal,
  disallow_signal,
  fatal_signal_pending,
  flush_signals,
  kernel_dequeue_signal,
  send_sig,
  signal_pending,
  signal_pending_state,
} from './sched/signal.js';
export { cond_resched, need_resched, schedule, type Sleeping } from '../sched/sleep.js';
export {
  schedule_timeout,
  schedule_timeout_idle,
  schedule_timeout_interruptible,
  schedule_timeout_killable,
  schedule_timeout_uninterruptible,
  MAX_SCHEDULE_TIMEOUT,
} from '../sched/timer.js';
export { sched_yield } from '../sched/policy.js';
export { migrate_disable, migrate_enable } from '../sched/affinity.js';
export { get_task_struct, put_task_struct } from '../sched/kthread.js';
export { might_sleep } from '../sched/debug.js';
export {
  TASK_DEAD,
  TASK_FREEZABLE,
  TASK_IDLE,
  TASK_INTERRUPTIBLE,
  TASK_KILLABLE,
  TASK_NEW,
  TASK_NOLOAD,
  TASK_NORMAL,
  TASK_PARKED,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  TASK_WAKEKILL,
} from '../sched/task-layout.js';
export { SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_NORMAL, SCHED_RR } from '../sched/task-layout.js';

/** A task_struct or its address. */
type TaskPointer = task_struct | number;

/** Nice -20 (much) to 19 (little); any other value changes nothing. Context: any. */
export const set_user_nice = (p: TaskPointer, nice: number): void => set_user_nice_raw(addr_of(p), nice);
export const task_nice = (p: TaskPointer): number => task_nice_raw(addr_of(p));
/** True for SCHED_FIFO and SCHED_RR. */
export const rt_task = (p: TaskPointer): boolean => is_rt(addr_of(p));
/**
 * Policy and priority: 1 to 99 for SCHED_FIFO and SCHED_RR, of which the larger comes first and before all other tasks,
 * 0 for the others. In the free-running build a running TypeScript task gives way at its next suspend point only.
 * Real-time tasks are not throttled. Context: any. Return: 0, -EINVAL. (Linux takes a struct sched_param.)
 */
export const sched_setscheduler_nocheck = (p: TaskPointer, policy: number, priority: number): number =>
  setscheduler_raw(addr_of(p), policy, priority);
export const sched_setscheduler = sched_setscheduler_nocheck;
/** SCHED_FIFO in the middle, at the lowest priority; SCHED_NORMAL with a nice value. Context: any. */
export const sched_set_fifo = (p: TaskPointer): void => must_setscheduler(addr_of(p), SCHED_FIFO, MAX_RT_PRIO / 2);
export const sched_set_fifo_low = (p: TaskPointer): void => must_setscheduler(addr_of(p), SCHED_FIFO, 1);
export const sched_set_normal = (p: TaskPointer, nice: number): void => set_normal_raw(addr_of(p), nice);

/**
 * Gives a task the CPUs of `mask`. The caller is on one of its own when this returns; another task goes at its next step
 * (stepped) or suspend point. In the free-running build a task in TypeScript that has started can't leave its CPU: if
 * that is not in the mask the result is -EBUSY, the mask stays, and the log says what to do. Linux's function is called
 * without `yield*`. Context: task. Return: 0, -EINVAL if none of the CPUs is online, -EBUSY.
 */
export const set_cpus_allowed_ptr = (p: TaskPointer, mask: cpumask): Sleeping<number> =>
  set_cpus_allowed(addr_of(p), addr_of(mask));
/** The CPU that a task is on, or was on last. Context: any; changes at any time. */
export const task_cpu = (p: TaskPointer): number => task_cpu_raw(addr_of(p));
/** Return: 1 if the lock was given up for others who want it or the CPU. `lock` is held, and held again at the end. */
export function cond_resched_lock(lock: spinlock_t): Sleeping<number> {
  if (!need_resched() && !spin_is_contended(lock)) return ready(0);
  return delegate(break_lock(lock));
}
function* break_lock(lock: spinlock_t): Sleeping<number> {
  spin_unlock(lock);
  yield* cond_resched();
  spin_lock(lock);
  return 1;
}
/** Linux counts these as waiting for a device. */
export const io_schedule = schedule;
export const io_schedule_timeout = (timeout: number): Sleeping<number> => schedule_timeout(timeout);
export { clock_ns as local_clock, clock_ns as sched_clock } from '../cpu/clock.js';
