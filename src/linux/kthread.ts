// <linux/kthread.h>. See sched/kthread.ts for contexts and results.
export {
  kthread_bind,
  kthread_create,
  kthread_create_on_cpu,
  kthread_run,
  kthread_run_on_cpu,
  kthread_should_stop,
  kthread_stop,
} from '../sched/kthread.js';
