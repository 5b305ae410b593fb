// <linux/kthread.h>. See sched/kthread.ts and sched/park.ts for contexts and results.
import { kthread_should_stop } from '../sched/kthread.js';
import { kthread_should_park } from '../sched/park.js';
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
import { kthread_bind_mask_raw } from '../sched/kthread.js';
import type { cpumask } from './cpumask.js';

/** Binds a thread that has not been woken yet to the CPUs of a mask. Context: any. */
export const kthread_bind_mask = (task: number, mask: cpumask): void => kthread_bind_mask_raw(task, mask['@addr']);
/** Context: a kernel thread. Return: true once it is to stop or to park. */
export const kthread_should_stop_or_park = (): boolean => kthread_should_stop() || kthread_should_park();
