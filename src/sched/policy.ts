// Nice values and scheduling policies; linux/sched.ts has the public names.
// A task's class is its key in the run queue (sched/core.ts). POLICY, NICE, RT_PRIORITY and WEIGHT change under the lock of
// the task's queue; the task itself and the tick read them there too.
// Context of all: any.
import { RR_TIMESLICE, SCHED_SLICE_NS } from '../machine/params.js';
import { Pcpu, percpu_base } from '../machine/memory-map.js';
import { current_task, my } from '../cpu/context.js';
import { ld, ld8, ldf64, st, st8, stf64 } from '../cpu/raw.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { WARN } from '../kernel/panic.js';
import {
  check_preempt,
  dequeue,
  is_rt,
  lock_task_rq,
  NICE_0_WEIGHT,
  requeue,
  rt_to_tail,
  set_current_state,
} from './core.js';
import { delegate, give_way, schedule_debug, type Sleeping } from './sleep.js';
import { SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_NORMAL, SCHED_RR, Task, TASK_RUNNING } from './task-layout.js';

export const MIN_NICE = -20;
export const MAX_NICE = 19;
export const MAX_RT_PRIO = 100;
const EINVAL = 22;
const IDLE_WEIGHT = 3;

/** By nice value from -20: a step is a share of the CPU larger or smaller by about a tenth. The numbers are Linux's. */
function nice_weight(nice: number): number {
  switch (nice) {
    case -20:
      return 88761;
    case -19:
      return 71755;
    case -18:
      return 56483;
    case -17:
      return 46273;
    case -16:
      return 36291;
    case -15:
      return 29154;
    case -14:
      return 23254;
    case -13:
      return 18705;
    case -12:
      return 14949;
    case -11:
      return 11916;
    case -10:
      return 9548;
    case -9:
      return 7620;
    case -8:
      return 6100;
    case -7:
      return 4904;
    case -6:
      return 3906;
    case -5:
      return 3121;
    case -4:
      return 2501;
    case -3:
      return 1991;
    case -2:
      return 1586;
    case -1:
      return 1277;
    case 1:
      return 820;
    case 2:
      return 655;
    case 3:
      return 526;
    case 4:
      return 423;
    case 5:
      return 335;
    case 6:
      return 272;
    case 7:
      return 215;
    case 8:
      return 172;
    case 9:
      return 137;
    case 10:
      return 110;
    case 11:
      return 87;
    case 12:
      return 70;
    case 13:
      return 56;
    case 14:
      return 45;
    case 15:
      return 36;
    case 16:
      return 29;
    case 17:
      return 23;
    case 18:
      return 18;
    case 19:
      return 15;
    default:
      return NICE_0_WEIGHT;
  }
}

/** Return: the nice value, also of a real-time task, where it has no effect. */
export const task_nice_raw = (task: number): number => (ld8(task + Task.NICE) << 24) >> 24;

function set_weight(task: number): void {
  st(task + Task.WEIGHT, ld8(task + Task.POLICY) === SCHED_IDLE ? IDLE_WEIGHT : nice_weight(task_nice_raw(task)));
}

/** A nice value outside -20 to 19 changes nothing, as in Linux. */
export function set_user_nice_raw(task: number, nice: number): void {
  if (!Number.isInteger(nice) || nice < MIN_NICE || nice > MAX_NICE) return;
  const flags = lock_task_rq(task);
  st8(task + Task.NICE, nice & 0xff);
  set_weight(task);
  unlock_irqrestore(percpu_base(ld(task + Task.CPU)) + Pcpu.RQ_LOCK, flags);
}

/**
 * Changes policy and priority. Takes effect at once for a queued task; one that runs gives way at its next suspend
 * point (free-running) or step (stepped). Return: 0, -EINVAL for a policy that is not there, or a priority that is not
 * 1 to 99 for SCHED_FIFO and SCHED_RR, 0 for the others.
 */
export function setscheduler_raw(task: number, policy: number, priority: number): number {
  const rt = policy === SCHED_FIFO || policy === SCHED_RR;
  const fair = policy === SCHED_NORMAL || policy === SCHED_BATCH || policy === SCHED_IDLE;
  if (!rt && !fair) return -EINVAL;
  if (!Number.isInteger(priority) || (rt ? priority < 1 || priority >= MAX_RT_PRIO : priority !== 0)) return -EINVAL;
  const flags = lock_task_rq(task);
  const n = ld(task + Task.CPU);
  const area = percpu_base(n);
  const queued = dequeue(area, task);
  const was_rt = is_rt(task);
  st8(task + Task.POLICY, policy);
  st8(task + Task.RT_PRIORITY, priority);
  st8(task + Task.TIME_SLICE, RR_TIMESLICE);
  if (rt) rt_to_tail(area, task);
  else if (was_rt) stf64(task + Task.VRUNTIME, ldf64(area + Pcpu.RQ_MIN_VRUNTIME));
  set_weight(task);
  if (queued) requeue(area, task);
  check_preempt(area, n);
  unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
  return 0;
}
export function must_setscheduler(task: number, policy: number, priority: number): void {
  WARN(setscheduler_raw(task, policy, priority) !== 0, 'sched_setscheduler: policy %d, priority %d', policy, priority);
}
export function set_normal_raw(task: number, nice: number): void {
  must_setscheduler(task, SCHED_NORMAL, 0);
  set_user_nice_raw(task, nice);
}

/**
 * Linux: yield(), which is a reserved word here. A fair task stands back by a slice, a real-time one behind its equals.
 * Context: task.
 */
export function sched_yield(): Sleeping<number> {
  schedule_debug();
  const task = current_task();
  set_current_state(TASK_RUNNING);
  const flags = lock_irqsave(my + Pcpu.RQ_LOCK);
  if (is_rt(task)) rt_to_tail(my, task);
  else stf64(task + Task.VRUNTIME, ldf64(task + Task.VRUNTIME) + SCHED_SLICE_NS);
  unlock_irqrestore(my + Pcpu.RQ_LOCK, flags);
  return delegate(give_way());
}
