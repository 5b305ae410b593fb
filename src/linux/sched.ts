// <linux/sched.h>: the task, its states, giving up the CPU.
import { current_task } from '../cpu/context.js';
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
  sched_data: array(u32, 2),
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
  schedule_timeout_interruptible,
  schedule_timeout_uninterruptible,
  MAX_SCHEDULE_TIMEOUT,
} from '../sched/timer.js';
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
export { clock_ns as local_clock, clock_ns as sched_clock } from '../cpu/clock.js';
