// Where the fields of the structs of deferred work lie, and what the kernel keeps of it at fixed places. The structs that
// modules see are defined over the same offsets in linux/interrupt.ts, linux/irq_work.ts, linux/workqueue.ts and
// linux/hrtimer.ts (a test compares).
import { WORK } from '../machine/memory-map.js';

/** Those who wait for a tasklet, any: a wait_queue_head. */
export const TASKLET_WAIT = WORK;

/** struct tasklet_struct: see sched/tasklet.ts. */
export const enum Tasklet {
  NEXT = 0,
  STATE = 4,
  COUNT = 8,
  FUNC = 12,
  DATA = 16,
  USE_CALLBACK = 20,
  CPU = 24,
  SIZE = 28,
}
export const TASKLET_SCHED = 1;
export const TASKLET_RUN = 2;

/** struct irq_work: see sched/irq-work.ts. */
export const enum IrqWork {
  NEXT = 0,
  FLAGS = 4,
  FUNC = 8,
  SIZE = 12,
}
export const IRQ_WORK_PENDING = 1;
export const IRQ_WORK_BUSY = 2;
export const IRQ_WORK_LAZY = 4;
export const IRQ_WORK_HARD_IRQ = 8;
