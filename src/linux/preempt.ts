// <linux/preempt.h>: the preemption count and what it says of the context. See cpu/preempt.ts.
export {
  in_atomic,
  in_hardirq,
  in_hardirq as in_irq,
  in_interrupt,
  in_nmi,
  in_serving_softirq,
  in_softirq,
  in_task,
  preempt_count,
  preempt_disable,
  preempt_enable,
  preemptible,
} from '../cpu/preempt.js';
export { preempt_schedule } from '../sched/sleep.js';
