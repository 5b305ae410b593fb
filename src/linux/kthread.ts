// <linux/kthread.h>. See sched/kthread.ts, sched/park.ts and sched/kthread-worker.ts for contexts and results.
import { kthread_bind_mask_raw, kthread_should_stop } from '../sched/kthread.js';
import {
  kthread_cancel_raw,
  kthread_create_worker_raw,
  kthread_destroy_worker_raw,
  kthread_flush_work_raw,
  kthread_flush_worker_raw,
  kthread_init_delayed_work_raw,
  kthread_init_work_raw,
  kthread_init_worker_raw,
  kthread_mod_delayed_work_raw,
  kthread_queue_delayed_work_raw,
  kthread_queue_work_raw,
} from '../sched/kthread-worker.js';
import { kthread_should_park } from '../sched/park.js';
import type { Sleeping } from '../sched/sleep.js';
import { text_handle } from '../kernel/text.js';
import { container_of } from './container_of.js';
import type { cpumask } from './cpumask.js';
import type { StructView } from './field.js';
import { timer_list } from './timer.js';
import { array, fn, ptr, Struct, u32 } from './types.js';

export { kthread_worker_fn } from '../sched/kthread-worker.js';
export {
  kthread_bind,
  kthread_create,
  kthread_create_on_cpu,
  kthread_run,
  kthread_run_on_cpu,
  kthread_should_stop,
  kthread_stop,
} from '../sched/kthread.js';
export { kthread_park, kthread_parkme, kthread_should_park, kthread_unpark } from '../sched/park.js';

/** Binds a thread that has not been woken yet to the CPUs of a mask. Context: any. */
export const kthread_bind_mask = (task: number, mask: cpumask): void => kthread_bind_mask_raw(task, mask['@addr']);
/** Context: a kernel thread. Return: true once it is to stop or to park. */
export const kthread_should_stop_or_park = (): boolean => kthread_should_stop() || kthread_should_park();

// ---- kthread workers: a thread of one's own that runs work items in their order --------------------------------------
/** A worker that a thread of the caller's serves by kthread_worker_fn; those of kthread_create_worker are addresses. */
export class kthread_worker extends Struct('kthread_worker', {
  lock: array(u32, 2),
  work_list: array(u32, 2),
  delayed_work_list: array(u32, 2),
  task: ptr(),
  current_work: ptr(),
  flags: u32,
}) {}
export class kthread_work extends Struct('kthread_work', {
  node: array(u32, 2),
  func: fn,
  worker: ptr(),
  canceling: u32,
}) {}
export class kthread_delayed_work extends Struct('kthread_delayed_work', { work: kthread_work, timer: timer_list }) {}
/** Called with the item's address: use container_of. It may be a generator function, then it may sleep. */
export type kthread_work_func_t = (work: number) => unknown;
type Worker = kthread_worker | number;
const address = (worker: Worker): number => (typeof worker === 'number' ? worker : worker['@addr']);

/** Nothing is frozen here: changes nothing. */
export const KTW_FREEZABLE = 1;

/** Context: any. */
export const kthread_init_worker = (worker: kthread_worker): void => kthread_init_worker_raw(worker['@addr']);
/** Sets an item up; it must not be queued. `func` is exported. Context: any. */
export const kthread_init_work = (work: kthread_work, func: kthread_work_func_t): void =>
  kthread_init_work_raw(work['@addr'], text_handle(func));
export const kthread_init_delayed_work = (dwork: kthread_delayed_work, func: kthread_work_func_t): void =>
  kthread_init_delayed_work_raw(dwork['@addr'], text_handle(func));
/** The kthread_delayed_work of a function's argument. */
export const to_kthread_delayed_work = (work: StructView | number): kthread_delayed_work =>
  container_of(work, kthread_delayed_work, 'work');

/** A worker with a thread of that name. Context: task. Return: its address, ERR_PTR(-ENOMEM). */
export const kthread_create_worker = (flags: number, namefmt: string, ...args: unknown[]): number =>
  kthread_create_worker_raw(-1, flags, namefmt, args);
/** The same, bound to a CPU. */
export const kthread_create_worker_on_cpu = (cpu: number, flags: number, namefmt: string, ...args: unknown[]): number =>
  kthread_create_worker_raw(cpu, flags, namefmt, args);
/** Runs what is queued, ends the thread, and frees the worker of kthread_create_worker. Context: task. */
export const kthread_destroy_worker = (worker: number): Sleeping<number> => kthread_destroy_worker_raw(worker);

/** Context: any. Return: false if the item is queued already, or is being cancelled. */
export const kthread_queue_work = (worker: Worker, work: kthread_work): boolean =>
  kthread_queue_work_raw(address(worker), work['@addr']);
/** To run in `delay` jiffies. Context: any. Return: as kthread_queue_work. */
export const kthread_queue_delayed_work = (worker: Worker, dwork: kthread_delayed_work, delay: number): boolean =>
  kthread_queue_delayed_work_raw(address(worker), dwork['@addr'], delay);
/** Queues it anew, also when it is queued already. Context: task or softirq. Return: true if it was queued. */
export const kthread_mod_delayed_work = (worker: Worker, dwork: kthread_delayed_work, delay: number): boolean =>
  kthread_mod_delayed_work_raw(address(worker), dwork['@addr'], delay);
/** Waits until the item, if it is queued or runs, has run. Not for delayed work whose time has not come. Context: task. */
export const kthread_flush_work = (work: kthread_work): Sleeping<number> => kthread_flush_work_raw(work['@addr']);
/** Waits until all that is queued has run. Context: task. */
export const kthread_flush_worker = (worker: Worker): Sleeping<number> => kthread_flush_worker_raw(address(worker));
/** Takes the item back, and waits until it does not run. Context: task. Return: true if it was queued. */
export const kthread_cancel_work_sync = (work: kthread_work): Sleeping<boolean> =>
  kthread_cancel_raw(work['@addr'], false, 'kthread_cancel_work_sync');
export const kthread_cancel_delayed_work_sync = (dwork: kthread_delayed_work): Sleeping<boolean> =>
  kthread_cancel_raw(dwork['@addr'], true, 'kthread_cancel_delayed_work_sync');
