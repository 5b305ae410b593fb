// Where the fields of the structs of deferred work lie, and what the kernel keeps of it at fixed places. The structs that
// modules see are defined over the same offsets in linux/interrupt.ts, linux/irq_work.ts, linux/workqueue.ts and
// linux/hrtimer.ts (a test compares).
import { WORK, WORK_END } from '../machine/memory-map.js';
import { Completion, COMPLETION_FRAME } from './task-layout.js';

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

/** struct work_struct: see sched/workqueue.ts. */
export const enum Work {
  DATA = 0,
  ENTRY = 4,
  FUNC = 12,
  /** Module that what the function allocates is charged to. */
  OWNER = 16,
  /** How often it is disabled. Written by who has claimed PENDING. */
  DISABLE = 20,
  /** Which flush waits for it: see sched/workqueue-flush.ts. */
  COLOR = 24,
  SIZE = 28,
}
/** Work.DATA: flags, and the address of a pwq (with PWQ, while it is queued) or of the last pool, or 0. */
export const WORK_PENDING = 1;
/** In the pwq's list of those that max_active holds back. */
export const WORK_INACTIVE = 2;
export const WORK_PWQ = 4;
/** The next in the list is run by the same worker, after this one: a barrier. */
export const WORK_LINKED = 8;
export const WORK_ADDRESS = ~63;
/** Work.COLOR of a barrier, which no flush_workqueue waits for. */
export const NO_COLOR = -1;

/** struct delayed_work. */
export const enum Delayed {
  WORK = 0,
  TIMER = 32,
  WQ = 72,
  CPU = 76,
  SIZE = 80,
}

/** A worker pool, under its lock. 128 bytes. Two in each CPU's area, two unbound ones. */
export const enum Pool {
  LOCK = 0,
  WORKLIST = 8,
  IDLE = 16,
  BUSY = 24,
  /** Workers that run work and do not sleep; those of unbound pools are not counted. */
  NR_RUNNING = 32,
  NR_WORKERS = 36,
  /** CPU, or -1 for an unbound pool. */
  CPU = 44,
  HIGHPRI = 48,
  NEXT_ID = 52,
  /** struct timer: a look again when there was no memory for a worker. */
  RETRY = 56,
  SIZE = 128,
}
export const UNBOUND_POOLS = WORK + 0x80;

/** Of one workqueue on one CPU (one for all CPUs if it is unbound); under its pool's lock. 64 bytes, 64-aligned. */
export const enum Pwq {
  POOL = 0,
  WQ = 4,
  /** Work items in the pool's list or running, at most MAX_ACTIVE. */
  NR_ACTIVE = 8,
  MAX_ACTIVE = 12,
  INACTIVE = 16,
  /** All that is queued or running. */
  IN_FLIGHT = 24,
  SIZE = 64,
}

/** struct workqueue_struct; the pwqs follow, or lie where PWQS says. */
export const enum Wq {
  /** In the list of all. */
  LIST = 0,
  NAME = 8,
  FLAGS = 40,
  MAX_ACTIVE = 44,
  OWNER = 48,
  PWQS = 52,
  MEMORY = 56,
  /** Color of what is queued now, and the first that is not flushed yet; under WAIT's lock. */
  WORK_COLOR = 60,
  DONE_COLOR = 64,
  DRAINERS = 68,
  /** wait_queue_head: flushers. */
  WAIT = 72,
  MAGIC = 88,
  /** Queued or running items by color. Atomic. */
  COUNTS = 96,
  SIZE = 192,
}
export const WQ_COLORS = 16;
export const WQ_MAGIC = 0x570c0de5;
export const WQ_NAME_SIZE = 32;

/** Workqueues that are always there: see sched/workqueue-flush.ts. */
export const enum SystemWq {
  NORMAL = 0,
  HIGHPRI = 1,
  LONG = 2,
  UNBOUND = 3,
  FREEZABLE = 4,
  POWER_EFFICIENT = 5,
  FREEZABLE_POWER_EFFICIENT = 6,
  NR = 7,
}
const SYSTEM_WQ_SIZE = Wq.SIZE + 64 * Pwq.SIZE;
export const system_wq_at = (n: SystemWq): number => WORK + 0x200 + n * SYSTEM_WQ_SIZE;
if (system_wq_at(SystemWq.NR) > WORK_END) throw new Error('memory map: the workqueues do not fit');
/** list_head of all workqueues that are not the system's, and its lock; workers ever made. */
export const WQ_LIST = WORK + 0x20;
export const WQ_LIST_LOCK = WORK + 0x28;
export const WORKERS_MADE = WORK + 0x30;

/** A worker, the DATA of its task; under its pool's lock but for what says otherwise. */
export const enum Worker {
  /** In the pool's list of idle or busy ones. */
  ENTRY = 0,
  TASK = 8,
  POOL = 12,
  /** What it runs, 0 if nothing. */
  WORK = 16,
  FUNC = 20,
  PWQ = 24,
  COLOR = 28,
  /** 1: idle; 2: not counted in NR_RUNNING because of the workqueue; 4: the pool does not count. */
  FLAGS = 32,
  /** Taken off NR_RUNNING while it sleeps. */
  SLEEPING = 36,
  /** What it runs next. */
  SCHEDULED = 40,
  SIZE = 48,
}
export const WORKER_IDLE = 1;
export const WORKER_CPU_INTENSIVE = 2;
export const WORKER_UNBOUND = 4;

/** Workqueue flags, Linux's values. */
export const WQ_BH = 1 << 0;
export const WQ_UNBOUND = 1 << 1;
export const WQ_FREEZABLE = 1 << 2;
export const WQ_MEM_RECLAIM = 1 << 3;
export const WQ_HIGHPRI = 1 << 4;
export const WQ_CPU_INTENSIVE = 1 << 5;
export const WQ_SYSFS = 1 << 6;
export const WQ_POWER_EFFICIENT = 1 << 7;
export const __WQ_DESTROYING = 1 << 15;
export const __WQ_DRAINING = 1 << 16;
export const __WQ_ORDERED = 1 << 17;
export const WQ_MAX_ACTIVE = 512;
export const WQ_DFL_ACTIVE = WQ_MAX_ACTIVE / 2;

/** Frame of flush_work: state, pad; the barrier's work item, its completion; then a completion frame. */
export const BARRIER = 8;
export const DONE = BARRIER + Work.SIZE;
export const WAITING = DONE + Completion.SIZE;
export const FLUSH_WORK_FRAME = WAITING + COMPLETION_FRAME;

/** struct hrtimer: heap node (child, next, previous, f64 key: when it must fire, ns since boot), then its own. */
export const enum Hr {
  KEY = 16,
  /** f64, ns since boot: from when on it may fire. */
  SOFT = 24,
  FUNCTION = 32,
  /** As Timer.BASE. */
  BASE = 36,
  /** Mode, clock << 8. */
  FLAGS = 40,
  SIZE = 48,
}
export const HRTIMER_MODE_REL = 1;
export const HRTIMER_MODE_PINNED = 2;
export const HRTIMER_MODE_SOFT = 4;
export const HRTIMER_MODE_HARD = 8;
/** Hr.FLAGS: of a daemon's sleep, the machine is idle in spite of it. */
export const HR_DAEMON = 0x10000;
/** Frame of a sleep by an hrtimer: state, pad, expired, task; then the timer. */
export const HR_TIMEOUT_FRAME = 16 + Hr.SIZE;
/** The timekeeper's bell, and until when it sleeps (f64, ns since boot); ns from the epoch to the boot (f64). */
export const TK_BELL = WORK + 0x40;
export const TK_UNTIL = WORK + 0x48;
export const REAL_OFFSET = WORK + 0x50;
/** Armed hrtimers of all CPUs. */
export const NR_HRTIMERS = WORK + 0x58;
