// Where the fields of a task_struct lie. linux/sched.ts declares the struct over the same offsets (a test compares).
//
//   0            scheduling state           owner's run-queue lock, but STATE: see sched/core.ts
//   32..56       node of the run-queue heap run-queue lock
//   64..         kthread, identity          the creator until the first wake-up, then the task
//   256..        FRAMES: frames of sleeping primitives, a stack that grows up; only the task
import { FRAME_AREA } from '../machine/params.js';

export const enum Task {
  STATE = 0,
  FLAGS = 4,
  PID = 8,
  WEIGHT = 12,
  ON_RQ = 16,
  ON_CPU = 20,
  CPU = 24,
  EXIT_CODE = 28,
  /** Heap node: child, next, previous; f64 key = virtual runtime. */
  NODE = 32,
  VRUNTIME = 48,
  /** f64 ns */
  SUM_EXEC = 56,
  /** Text handle of the thread function, and its argument. */
  THREADFN = 64,
  DATA = 68,
  KTHREAD = 72,
  /** Index + 1 of the generator in the CPU's own table; 0 while the task has not started. */
  SLOT = 76,
  /** list_head: all tasks. Under LOCK_TASKLIST. */
  TASKS = 80,
  COMM = 88,
  /** End of the frames in use. */
  FRAME_TOP = 104,
  /** struct completion: the task has ended. */
  EXITED = 108,
  USAGE = 132,
  /** What the task sleeps on: text in sched/debug.ts. */
  BLOCK_KIND = 136,
  BLOCK_ADDR = 140,
  /** Kernel stack of a task that runs C, 0 for others. */
  STACK = 144,
  /** Module that allocations are charged to, 0 is the kernel. */
  OWNER = 148,
  NVCSW = 152,
  NIVCSW = 156,
  MIGRATIONS = 160,
  /** CPUs it may run on: 64 bits. */
  ALLOWED = 164,
  /** Mutexes held: a chain through struct mutex. */
  MUTEXES = 172,
  /** f64: when it went to sleep, ns. */
  SLEPT_AT = 176,
  REPORTED = 184,
  /** SIZE of what runs: 0 TypeScript, 1 C. */
  LANGUAGE = 188,
  /** Signals sent and not taken yet, blocked, allowed (all others are ignored): 64 bits each. See sched/signal.ts. */
  SIG_PENDING = 192,
  SIG_BLOCKED = 200,
  SIG_ALLOWED = 208,
  /** Bytes, see sched/policy.ts: SCHED_*, nice (signed), real-time priority, depth of migrate_disable, ticks of the RR slice. */
  POLICY = 216,
  NICE = 217,
  RT_PRIORITY = 218,
  MIGRATION_DISABLED = 219,
  TIME_SLICE = 220,
  /** Byte: it has to leave its CPU at the next switch. Under the queue's lock. */
  MUST_MOVE = 221,
  /** Byte: that it can't be moved has been said. */
  TOLD_FIXED = 222,
  // 223, 248 to 255: free.
  /** RCU: depth of rcu_read_lock, what the outermost unlock has to do, list_head of readers that were switched out. */
  RCU_NESTING = 224,
  RCU_SPECIAL = 228,
  RCU_LINK = 232,
  /** Stepped build: its context in the race detector, 0 if it has none yet. */
  RACE = 240,
  /** Depth of srcu_read_lock, of all srcu_structs. */
  SRCU_NESTING = 244,
  FRAMES = 256,
}
export const TASK_SIZE = Task.FRAMES + FRAME_AREA;

export const TASK_RUNNING = 0;
export const TASK_INTERRUPTIBLE = 1;
export const TASK_UNINTERRUPTIBLE = 2;
export const TASK_PARKED = 0x40;
export const TASK_DEAD = 0x80;
/** A wake-up by SIGKILL reaches it; with TASK_UNINTERRUPTIBLE, as TASK_KILLABLE. */
export const TASK_WAKEKILL = 0x100;
export const TASK_NOLOAD = 0x400;
export const TASK_NEW = 0x800;
/** Nothing freezes tasks here: the flag changes nothing, as in a kernel that is never suspended. */
export const TASK_FREEZABLE = 0x2000;
export const TASK_KILLABLE = TASK_WAKEKILL | TASK_UNINTERRUPTIBLE;
export const TASK_IDLE = TASK_UNINTERRUPTIBLE | TASK_NOLOAD;
export const TASK_NORMAL = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;

/** Task.FLAGS, Linux's PF_ values where there is one. */
export const PF_IDLE = 0x2;
export const PF_EXITING = 0x4;
export const PF_KTHREAD = 0x200000;
/** Bound by kthread_bind. */
export const PF_NO_SETAFFINITY = 0x04000000;
/** A daemon of the kernel: does not keep the machine from being idle. */
export const PF_DAEMON = 0x10000000;
/** Made where it was first needed (ksoftirqd, kworker): not counted in NR_TASKS. */
export const PF_ON_DEMAND = 0x08000000;
/** A worker of a workqueue; Task.DATA is its struct worker. */
export const PF_WQ_WORKER = 0x20;
/** Oopsed. */
export const PF_OOPSED = 0x20000000;

/** Task.POLICY */
export const SCHED_NORMAL = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;

/** Task.ON_RQ: in a queue or running; on its way from one queue to another. */
export const ON_RQ_QUEUED = 1;
export const ON_RQ_MIGRATING = 2;

/** Task.KTHREAD */
export const KTHREAD_SHOULD_STOP = 1;
export const KTHREAD_BOUND = 2;
export const KTHREAD_STARTED = 4;
export const KTHREAD_SHOULD_PARK = 8;
export const KTHREAD_IS_PARKED = 16;

/** Task.BLOCK_KIND */
export const enum Block {
  NONE = 0,
  MUTEX = 1,
  COMPLETION = 2,
  WAIT_QUEUE = 3,
  TIMEOUT = 4,
  KTHREAD_EXIT = 5,
  /** A grace period (BLOCK_ADDR is its number), or the callbacks that rcu_barrier waits for (0). */
  RCU = 16,
  /** Readers of an srcu_struct, or its callbacks. */
  SRCU = 17,
  TASKLET = 20,
  WORK = 21,
  WORKQUEUE = 22,
  RWSEM_READ = 24,
  RWSEM_WRITE = 25,
  SEMAPHORE = 26,
}
/** struct completion: done, then a wait_queue_head (lock, list). */
export const enum Completion {
  DONE = 0,
  WAIT = 4,
  SIZE = 20,
}
/** struct wait_queue_head: spinlock, list. */
export const enum WaitHead {
  LOCK = 0,
  LIST = 8,
  SIZE = 16,
}
/** struct wait_queue_entry. */
export const enum WaitEntry {
  FLAGS = 0,
  TASK = 4,
  FUNC = 8,
  LIST = 12,
  SIZE = 20,
}
/** struct mutex. */
export const enum Mutex {
  OWNER = 0,
  WAIT_LOCK = 4,
  WAIT_LIST = 12,
  MAGIC = 20,
  /** The next mutex that the owner holds: for reports. */
  HELD_NEXT = 24,
  SIZE = 28,
}
/** struct rw_semaphore. HELD_NEXT lies where a mutex has it: one chain serves both. */
export const enum Rwsem {
  COUNT = 0,
  OWNER = 4,
  WAIT_LOCK = 8,
  MAGIC = 16,
  HELD_NEXT = 24,
  WAIT_LIST = 28,
  SIZE = 36,
}
/** Rwsem.COUNT: see sched/rwsem.ts. */
export const enum RwsemCount {
  WRITER = 1,
  WAITERS = 2,
  HANDOFF = 4,
  READER = 8,
  READER_SHIFT = 3,
}
/** struct semaphore. */
export const enum Semaphore {
  LOCK = 0,
  COUNT = 8,
  WAIT_LIST = 12,
  MAGIC = 20,
  SIZE = 24,
}
/** struct timer_list: heap node (child, next, previous, f64 key), then Linux's fields. */
export const enum Timer {
  NODE = 0,
  KEY = 16,
  EXPIRES = 24,
  FUNCTION = 28,
  FLAGS = 32,
  /** CPU + 1 whose base it is on, 0 when not armed. */
  BASE = 36,
  SIZE = 40,
}

/** Sizes of frames, here so that no file needs another's constant while it is being loaded: time-out, completion. */
export const TIMEOUT_FRAME = 16 + Timer.SIZE;
export const COMPLETION_TIMEOUT = 40;
export const COMPLETION_FRAME = COMPLETION_TIMEOUT + TIMEOUT_FRAME;
export const MUTEX_FRAME = 24;
export const RWSEM_FRAME = 24;
export const SEMAPHORE_FRAME = 32 + TIMEOUT_FRAME;
