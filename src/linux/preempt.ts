// <linux/preempt.h>: the preemption count and what it says of the context. See cpu/preempt.ts.
import { HARDIRQ_MASK, preempt_count as count, SOFTIRQ_MASK } from '../cpu/preempt.js';

export {
  HARDIRQ_MASK,
  NMI_MASK,
  PREEMPT_MASK,
  SOFTIRQ_MASK,
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
/** The fields of the count, in place. */
export const hardirq_count = (): number => count() & HARDIRQ_MASK;
export const softirq_count = (): number => count() & SOFTIRQ_MASK;
