// <linux/interrupt.h>: softirqs and tasklets: the parts of an interrupt's work that it leaves for later.
import { raise_softirq as raise, Softirq } from '../cpu/softirq.js';
import { set_softirq_action } from '../kernel/traps.js';
import { atomic_text_handle } from '../kernel/text.js';
import type { Sleeping } from '../sched/sleep.js';
import {
  tasklet_disable_nosync_raw,
  tasklet_disable_raw,
  tasklet_enable_raw,
  tasklet_init_raw,
  tasklet_kill_raw,
  tasklet_schedule_raw,
  tasklet_unlock_spin_wait,
  tasklet_wait,
} from '../sched/tasklet.js';
import { atomic_t } from './atomic.js';
import { container_of } from './container_of.js';
import { DEFINE_STATIC, fn, int, ptr, Struct, u32, ulong } from './types.js';

export {
  do_softirq,
  local_bh_disable,
  local_bh_enable,
  local_softirq_pending,
  raise_softirq_irqoff,
} from '../cpu/softirq.js';
export const HI_SOFTIRQ = 0;
export const TIMER_SOFTIRQ = 1;
export const NET_TX_SOFTIRQ = 2;
export const NET_RX_SOFTIRQ = 3;
export const BLOCK_SOFTIRQ = 4;
export const IRQ_POLL_SOFTIRQ = 5;
export const TASKLET_SOFTIRQ = 6;
export const SCHED_SOFTIRQ = 7;
export const HRTIMER_SOFTIRQ = 8;
export const RCU_SOFTIRQ = 9;
export const NR_SOFTIRQS = 10;
/** Gives a softirq its action, an exported function called with the number. Context: module init. */
export const open_softirq = (nr: number, action: (nr: number) => void): void =>
  set_softirq_action(nr, atomic_text_handle(action, "a softirq's action"));
/** Makes it pending on this CPU. Context: any. */
export const raise_softirq = raise;

// ---- tasklets ----------------------------------------------------------------------------------------------------------
/** A function that runs in softirq context, on one CPU at a time. */
export class tasklet_struct extends Struct('tasklet_struct', {
  next: ptr('struct tasklet_struct'),
  state: u32,
  count: atomic_t,
  func: fn,
  data: ulong,
  use_callback: u32,
  cpu: int,
}) {}
/** Called with the tasklet's address: use from_tasklet to reach what it lies in. Context: softirq. */
export type tasklet_callback = (tasklet: number) => void;
const handle = (func: (n: number) => void): number => atomic_text_handle(func, 'the function of a tasklet');

/** Static data: a tasklet with its (exported) function; _DISABLED: until tasklet_enable; _OLD: called with 0. */
export const DECLARE_TASKLET = (callback: tasklet_callback): tasklet_struct =>
  DEFINE_STATIC(tasklet_struct, { func: callback, use_callback: 1 });
export const DECLARE_TASKLET_DISABLED = (callback: tasklet_callback): tasklet_struct =>
  DEFINE_STATIC(tasklet_struct, { func: callback, use_callback: 1, count: { counter: 1 } });
export const DECLARE_TASKLET_OLD = (func: (data: number) => void): tasklet_struct =>
  DEFINE_STATIC(tasklet_struct, { func });
export const DECLARE_TASKLET_DISABLED_OLD = (func: (data: number) => void): tasklet_struct =>
  DEFINE_STATIC(tasklet_struct, { func, count: { counter: 1 } });
/** Sets one up that is not scheduled. `callback` is exported. Context: any. */
export const tasklet_setup = (t: tasklet_struct, callback: tasklet_callback): void =>
  tasklet_init_raw(t['@addr'], handle(callback), 0, true);
/** The old way: `func(data)`. */
export const tasklet_init = (t: tasklet_struct, func: (data: number) => void, data: number): void =>
  tasklet_init_raw(t['@addr'], handle(func), data, false);
/** The struct in which the tasklet lies as `field`. */
export const from_tasklet = container_of;

/**
 * Has it run on this CPU, once, unless it is scheduled already; scheduled from its own function it runs again.
 * Context: any.
 */
export const tasklet_schedule = (t: tasklet_struct): void => tasklet_schedule_raw(t['@addr'], Softirq.TASKLET);
/** Before all other tasklets and most softirqs. Context: any. */
export const tasklet_hi_schedule = (t: tasklet_struct): void => tasklet_schedule_raw(t['@addr'], Softirq.HI);
/** From here on it does not begin to run; it may be running. Context: any. Nests with tasklet_enable. */
export const tasklet_disable_nosync = (t: tasklet_struct): void => tasklet_disable_nosync_raw(t['@addr']);
/** The same, and sleeps until it does not run. Context: task. */
export const tasklet_disable = (t: tasklet_struct): Sleeping<number> => tasklet_disable_raw(t['@addr']);
/** The same, and waits busily. Context: any but its own function. */
export function tasklet_disable_in_atomic(t: tasklet_struct): void {
  tasklet_disable_nosync_raw(t['@addr']);
  tasklet_unlock_spin_wait(t['@addr']);
}
/** What was scheduled meanwhile runs. Context: any. */
export const tasklet_enable = (t: tasklet_struct): void => tasklet_enable_raw(t['@addr']);
/** Sleeps until it does not run. Context: task. */
export const tasklet_unlock_wait = (t: tasklet_struct): Sleeping<number> => tasklet_wait(t['@addr']);
/**
 * Sleeps until it is neither scheduled nor running. The caller has seen to it that nobody schedules it any more, and that
 * it is not disabled: a disabled one that is scheduled is waited for for ever. Context: task.
 */
export const tasklet_kill = (t: tasklet_struct): Sleeping<number> => tasklet_kill_raw(t['@addr']);
