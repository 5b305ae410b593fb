// <linux/workqueue.h>: work items, functions that worker threads run: they may sleep. The algorithms are sched/workqueue*.ts.
//
// A workqueue is an address (struct workqueue_struct *), as system_wq; a work item is a struct of the module's. Its function
// is exported, is called with the address of the work_struct (container_of gives what it lies in), and may be a generator
// function. An item is queued once: queueing it again before it has begun does nothing; while it runs, it runs once more
// after that. It never runs twice at once.
//
// Not as in Linux: WQ_BH is refused; no rescuer stands by for WQ_MEM_RECLAIM (a pool that has no memory for a worker tries
// again every 100 ms); WQ_FREEZABLE, WQ_SYSFS and WQ_POWER_EFFICIENT are accepted and change nothing; a function that runs
// for long is not taken for CPU-intensive by itself.
import { WARN } from '../kernel/panic.js';
import { text_handle } from '../kernel/text.js';
import { format } from '../kernel/vsprintf.js';
import type { Sleeping } from '../sched/sleep.js';
import { TIMER_IRQSAFE } from '../sched/timer.js';
import {
  cancel_work_raw,
  cancel_work_sync_raw,
  delayed_work_timer_fn,
  enable_work_raw,
  flush_delayed_work_raw,
  init_delayed_work_raw,
  init_work_raw,
  mod_delayed_work_raw,
  queue_delayed_work_raw,
  schedule_on_each_cpu_raw,
  work_busy_raw,
} from '../sched/workqueue-cancel.js';
import {
  alloc_workqueue_raw,
  destroy_workqueue_raw,
  drain_workqueue_raw,
  flush_work_raw,
  flush_workqueue_raw,
} from '../sched/workqueue-flush.js';
import { current_worker, queue_work_raw } from '../sched/workqueue.js';
import {
  __WQ_ORDERED,
  SystemWq,
  system_wq_at,
  Worker,
  WORK_PENDING,
  WQ_BH,
  WQ_CPU_INTENSIVE,
  WQ_DFL_ACTIVE,
  WQ_FREEZABLE,
  WQ_HIGHPRI,
  WQ_MAX_ACTIVE,
  WQ_MEM_RECLAIM,
  WQ_POWER_EFFICIENT,
  WQ_SYSFS,
  WQ_UNBOUND,
} from '../sched/work-layout.js';
import { a_ld, ld } from '../cpu/raw.js';
import { container_of } from './container_of.js';
import { list_head } from './list-types.js';
import { timer_list } from './timer.js';
import { DEFINE_STATIC, fn, int, ptr, Struct, type StructView, u32 } from './types.js';

export {
  WQ_BH,
  WQ_CPU_INTENSIVE,
  WQ_DFL_ACTIVE,
  WQ_FREEZABLE,
  WQ_HIGHPRI,
  WQ_MAX_ACTIVE,
  WQ_MEM_RECLAIM,
  WQ_POWER_EFFICIENT,
  WQ_SYSFS,
  WQ_UNBOUND,
};
/** "Any CPU", and what work_busy returns. */
export const WORK_CPU_UNBOUND = -1;
export const WORK_BUSY_PENDING = 1;
export const WORK_BUSY_RUNNING = 2;

export class work_struct extends Struct('work_struct', {
  data: u32,
  entry: list_head,
  func: fn,
  owner: u32,
  disable: u32,
  color: int,
}) {}
export class delayed_work extends Struct('delayed_work', {
  work: work_struct,
  timer: timer_list,
  wq: ptr('struct workqueue_struct'),
  cpu: int,
}) {}
export type work_func_t = (work: number) => unknown;

export const system_wq = system_wq_at(SystemWq.NORMAL);
export const system_highpri_wq = system_wq_at(SystemWq.HIGHPRI);
export const system_long_wq = system_wq_at(SystemWq.LONG);
export const system_unbound_wq = system_wq_at(SystemWq.UNBOUND);
export const system_freezable_wq = system_wq_at(SystemWq.FREEZABLE);
export const system_power_efficient_wq = system_wq_at(SystemWq.POWER_EFFICIENT);
export const system_freezable_power_efficient_wq = system_wq_at(SystemWq.FREEZABLE_POWER_EFFICIENT);

// ---- items -------------------------------------------------------------------------------------------------------------
/** Static data, with its (exported) function. */
export const DECLARE_WORK = (func: work_func_t): work_struct => DEFINE_STATIC(work_struct, { func });
export const DECLARE_DELAYED_WORK = (func: work_func_t): delayed_work =>
  DEFINE_STATIC(delayed_work, {
    work: { func },
    timer: { function: delayed_work_timer_fn, flags: TIMER_IRQSAFE },
    cpu: -1,
  });
/** Sets an item up that is neither queued nor running. Context: any. */
export const INIT_WORK = (work: work_struct, func: work_func_t): void =>
  init_work_raw(work['@addr'], text_handle(func));
export const INIT_DELAYED_WORK = (dwork: delayed_work, func: work_func_t): void =>
  init_delayed_work_raw(dwork['@addr'], text_handle(func));
/** For an item in memory that is given up when the function returns: nothing to destroy here. */
export const INIT_WORK_ONSTACK = INIT_WORK;
export const INIT_DELAYED_WORK_ONSTACK = INIT_DELAYED_WORK;
export const destroy_work_on_stack = (_work: work_struct): void => {};
export const destroy_delayed_work_on_stack = (_dwork: delayed_work): void => {};
/** The delayed_work of a work function's argument. */
export const to_delayed_work = (work: StructView | number): delayed_work => container_of(work, delayed_work, 'work');
/** Queued, or its time has not come. It may be running when this is false. Context: any. */
export const work_pending = (work: work_struct): boolean => (a_ld(work['@addr']) & WORK_PENDING) !== 0;
export const delayed_work_pending = (dwork: delayed_work): boolean => (a_ld(dwork['@addr']) & WORK_PENDING) !== 0;
/** A mask of WORK_BUSY_*, old as soon as it is known. Context: any. */
export const work_busy = (work: work_struct): number => work_busy_raw(work['@addr']);
/** Address of the work_struct whose function calls this, 0 elsewhere. Context: any. */
export function current_work(): number {
  const worker = current_worker();
  return worker === 0 ? 0 : ld(worker + Worker.WORK);
}

// ---- queueing: Context: any. Return: false if the item is pending already (or disabled) ----------------------------------
/** Here, if the workqueue is one of CPUs. */
export const queue_work = (wq: number, work: work_struct): boolean => queue_work_raw(-1, wq, work['@addr']);
export const queue_work_on = (cpu: number, wq: number, work: work_struct): boolean =>
  queue_work_raw(cpu, wq, work['@addr']);
/** There is one node. `wq` is an unbound one. */
export function queue_work_node(_node: number, wq: number, work: work_struct): boolean {
  return queue_work_raw(-1, wq, work['@addr']);
}
/** `delay` in jiffies; counted from now, and not from the last tick, if that came late. */
export const queue_delayed_work = (wq: number, dwork: delayed_work, delay: number): boolean =>
  queue_delayed_work_raw(-1, wq, dwork['@addr'], delay);
export const queue_delayed_work_on = (cpu: number, wq: number, dwork: delayed_work, delay: number): boolean =>
  queue_delayed_work_raw(cpu, wq, dwork['@addr'], delay);
/** Queues it, or moves it if it is pending. Return: true if it was pending. */
export const mod_delayed_work = (wq: number, dwork: delayed_work, delay: number): boolean =>
  mod_delayed_work_raw(-1, wq, dwork['@addr'], delay);
export const mod_delayed_work_on = (cpu: number, wq: number, dwork: delayed_work, delay: number): boolean =>
  mod_delayed_work_raw(cpu, wq, dwork['@addr'], delay);
export const schedule_work = (work: work_struct): boolean => queue_work_raw(-1, system_wq, work['@addr']);
export const schedule_work_on = (cpu: number, work: work_struct): boolean =>
  queue_work_raw(cpu, system_wq, work['@addr']);
export const schedule_delayed_work = (dwork: delayed_work, delay: number): boolean =>
  queue_delayed_work_raw(-1, system_wq, dwork['@addr'], delay);
export const schedule_delayed_work_on = (cpu: number, dwork: delayed_work, delay: number): boolean =>
  queue_delayed_work_raw(cpu, system_wq, dwork['@addr'], delay);
/** Runs `func(work)` on every CPU and waits. Context: task. Return: 0 or -ENOMEM. */
export const schedule_on_each_cpu = (func: work_func_t): Sleeping<number> =>
  schedule_on_each_cpu_raw(text_handle(func));

// ---- taking back -------------------------------------------------------------------------------------------------------
/** Takes it off the queue; it may be running. Context: any. Return: true if it was pending. */
export const cancel_work = (work: work_struct): boolean => cancel_work_raw(work['@addr'], false, 0);
export const cancel_delayed_work = (dwork: delayed_work): boolean => cancel_work_raw(dwork['@addr'], true, 0);
/** The same, and waits until it does not run; it can't be queued meanwhile. Context: task. Return: 1 if it was pending. */
export const cancel_work_sync = (work: work_struct): Sleeping<number> =>
  cancel_work_sync_raw(work['@addr'], false, false);
export const cancel_delayed_work_sync = (dwork: delayed_work): Sleeping<number> =>
  cancel_work_sync_raw(dwork['@addr'], true, false);
/** Cancels it, and it can't be queued until it has been enabled as often as disabled. Context: any. Return: as cancel_work. */
export const disable_work = (work: work_struct): boolean => cancel_work_raw(work['@addr'], false, 1);
export const disable_delayed_work = (dwork: delayed_work): boolean => cancel_work_raw(dwork['@addr'], true, 1);
export const disable_work_sync = (work: work_struct): Sleeping<number> =>
  cancel_work_sync_raw(work['@addr'], false, true);
export const disable_delayed_work_sync = (dwork: delayed_work): Sleeping<number> =>
  cancel_work_sync_raw(dwork['@addr'], true, true);
/** Context: any. Return: true if it can be queued again. */
export const enable_work = (work: work_struct): boolean => enable_work_raw(work['@addr'], false);
export const enable_delayed_work = (dwork: delayed_work): boolean => enable_work_raw(dwork['@addr'], true);
/** enable_work, and if it can be queued again queues it. Return: true if it could. */
export function enable_and_queue_work(wq: number, work: work_struct): boolean {
  if (!enable_work_raw(work['@addr'], false)) return false;
  queue_work_raw(-1, wq, work['@addr']);
  return true;
}

// ---- waiting: Context: task --------------------------------------------------------------------------------------------
/** Until the last queued instance has run. An item that waits for itself is a BUG. Return: 1 if it had to wait, else 0. */
export const flush_work = (work: work_struct): Sleeping<number> => flush_work_raw(work['@addr']);
/** The same, without waiting for its time. */
export const flush_delayed_work = (dwork: delayed_work): Sleeping<number> => flush_delayed_work_raw(dwork['@addr']);
/** Until all that was queued before has run. */
export const flush_workqueue = (wq: number): Sleeping<number> => flush_workqueue_raw(wq);
export const flush_scheduled_work = (): Sleeping<number> => flush_workqueue_raw(system_wq);
/** Until it is empty; meanwhile only its own functions may queue more. */
export const drain_workqueue = (wq: number): Sleeping<number> => drain_workqueue_raw(wq);
/** Drains and frees it. Delayed work must have been cancelled before. */
export const destroy_workqueue = (wq: number): Sleeping<number> => destroy_workqueue_raw(wq);

// ---- making ------------------------------------------------------------------------------------------------------------
/**
 * A workqueue of CPUs, or with WQ_UNBOUND of the machine. `max_active` items of it run at a time, on each CPU or in all; 0
 * is WQ_DFL_ACTIVE. Context: task. Return: its address, 0 when memory is short.
 */
export function alloc_workqueue(fmt: string, flags: number, max_active: number, ...args: unknown[]): number {
  if (WARN((flags & WQ_BH) !== 0, 'alloc_workqueue: WQ_BH is not supported: use a tasklet')) return 0;
  let limit = max_active === 0 ? WQ_DFL_ACTIVE : max_active;
  if (WARN(limit < 1 || limit > WQ_MAX_ACTIVE, 'alloc_workqueue: max_active %d is not 1 to %d', limit, WQ_MAX_ACTIVE))
    limit = Math.min(WQ_MAX_ACTIVE, Math.max(1, limit));
  return alloc_workqueue_raw(format(fmt, args), flags, limit);
}
/** One item at a time, in the order of queueing. */
export const alloc_ordered_workqueue = (fmt: string, flags: number, ...args: unknown[]): number =>
  alloc_workqueue(fmt, WQ_UNBOUND | __WQ_ORDERED | flags, 1, ...args);
export const create_workqueue = (name: string): number => alloc_workqueue('%s', WQ_MEM_RECLAIM, 1, name);
export const create_singlethread_workqueue = (name: string): number =>
  alloc_ordered_workqueue('%s', WQ_MEM_RECLAIM, name);
export const create_freezable_workqueue = (name: string): number =>
  alloc_workqueue('%s', WQ_FREEZABLE | WQ_UNBOUND | WQ_MEM_RECLAIM, 1, name);
