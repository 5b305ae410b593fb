// The machine's memory, all of it. Byte addresses; the memory is one WebAssembly.Memory of fixed size.
//
//   0x00000000  the null page: never mapped, an access is an oops
//   0x00001000  MACHINE     words of the whole machine, those written by many CPUs in a line of their own
//   0x00003000  LOCK_STAT   locks that were waited for
//   0x00004000  MAILBOX     the host's requests, their text and the replies
//   0x00010000  CALLS       call-function slots, [target][source], 16 bytes each
//   0x00020000  LOG         the log ring
//   0x00060000  MM          the page allocator's free lists and lock; the slab caches
//   0x00070000  TASKS       the task list and its lock; pid counter
//   0x00080000  UART        the serial port: registers, then the bytes on their way to the host
//   0x000a0000  WORK        deferred work: unbound worker pools, the system's workqueues, what tasklets are waited on by
//   0x00100000  PERCPU      one area of 16 KiB for each CPU, see `Pcpu`
//   0x00200000  STATIC      DEFINE_STATIC and its kin, handed out in order at load
//   0x00300000  MEM_MAP     one `struct page` (16 bytes) for each page of the memory
//   ....        pages       what the page allocator gives out, to the end
import { MAX_CPUS } from './params.js';

/** log2 of MAX_CPUS, for tables indexed by two CPUs. */
export const MAX_CPUS_SHIFT = 6;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
/** Words that different CPUs write lie this far apart. */
export const LINE = 128;

/** Locks that were waited for: cpu/lock-stat.ts. 128 entries of 32 bytes. */
export const LOCK_STAT = 0x3000;
export const LOCK_STAT_ENTRIES = 128;

export const MAILBOX = 0x4000;
export const MAILBOX_TEXT = 0x4100;
export const MAILBOX_TEXT_SIZE = 0x10000 - MAILBOX_TEXT;
export const CALLS = 0x10000;
export const CALL_SLOT = 16;
export const LOG_RING = 0x20000;
export const LOG_RING_SIZE = 0x40000;
export const MM = 0x60000;
export const TASKS = 0x70000;
/** Wait queues that words are hashed to: bit waits, variable waits. See sched/wait-bit.ts. */
export const WAIT_TABLE = 0x72000;
export const WAIT_TABLE_BITS = 8;
export const UART = 0x80000;
/** Bytes on the line, 16 bits each. */
export const UART_RING = 0x81000;
export const UART_RING_ENTRIES = 0x2000;
/** See sched/work-layout.ts. */
export const WORK = 0xa0000;
export const WORK_END = 0xb0000;
export const PERCPU = 0x100000;
export const PERCPU_SIZE = 0x4000;
export const STATIC = 0x200000;
export const STATIC_END = 0x300000;
export const MEM_MAP = 0x300000;
export const PAGE_STRUCT = 16;

/** Words of the whole machine. */
export const enum Mach {
  /** How many CPUs the machine has. */
  CPUS = 0x1000,
  /** Bytes of memory. */
  MEMORY = 0x1004,
  /** Host cores, for time-outs. */
  CORES = 0x1008,
  /** Flags of the boot, see `BootFlag`. */
  FLAGS = 0x100c,
  /** f64: nanoseconds of the host's monotonic clock when this machine booted. */
  BOOT_TIME = 0x1010,
  /** Next free byte of STATIC; moved by the first CPU that evaluates a module. */
  STATIC_NEXT = 0x1018,
  /** Next free offset of the dynamic part of the per-CPU areas. */
  PERCPU_NEXT = 0x101c,
  /** Taint flags, as in /proc/sys/kernel/tainted. */
  TAINTED = 0x1020,
  /** Counts of oopses, warnings and other verdicts seen since boot. */
  OOPSES = 0x1024,
  WARNINGS = 0x1028,
  REPORTS = 0x102c,
  /** CPUs that run their loop. */
  ONLINE = 0x1080,
  /** See `State`. */
  STATE = 0x1100,
  /** CPU + 1 of the one that panicked first. */
  PANIC_CPU = 0x1104,
  /** Ticks since boot, written by the timekeeper. */
  JIFFIES = 0x1180,
  /** The log ring: bytes reserved, bytes consumed, the reader's bell, records lost, sequence. */
  LOG_HEAD = 0x1200,
  LOG_TAIL = 0x1280,
  LOG_SEQ = 0x1284,
  LOG_BELL = 0x1300,
  LOG_LOST = 0x1304,
  /** Tasks that exist, without the idle tasks and daemons. */
  NR_TASKS = 0x1380,
  /** Tasks that run or want to: with NR_TIMERS, what `idle` waits for. */
  NR_RUNNING = 0x1400,
  /** Armed timers of all CPUs. */
  NR_TIMERS = 0x1480,
  /** Tasks the machine needs by name. */
  KHOSTD = 0x1500,
  /** Sequence of task ids; 0 is the idle tasks. */
  NEXT_PID = 0x1504,
  /** Where the search for the least loaded CPU starts. */
  PLACE_ROTOR = 0x1508,
  /** Id that the next loaded module gets: the owner of what it allocates. */
  NEXT_MODULE = 0x150c,
  /** list_head of all tasks but the idle ones. Under LOCK_TASKLIST. */
  TASK_LIST = 0x1528,
  /** Stepped build: virtual time in ns (f64). */
  VIRTUAL_TIME = 0x1510,
  /** list_head of the loaded modules. Under LOCK_MODULES. */
  MODULES = 0x1530,
  /** Limits of the lock-up and hung-task detectors in ms; 0 takes those of params.ts. */
  SOFT_LOCKUP_MS = 0x1518,
  HARD_LOCKUP_MS = 0x151c,
  HUNG_TASK_MS = 0x1520,
  /** Seed of the random delays; valid with BootFlag.CHAOS. */
  CHAOS_SEED = 0x1524,
  /** Parts of the kernel that a test has broken: bits of `Break` in cpu/break.ts. */
  BREAK = 0x1538,
  /** Records of each CPU's flight recorder, 0 for none; 1 after tracing_off. See kernel/trace.ts. */
  TRACE_EVENTS = 0x153c,
  TRACE_OFF = 0x1548,
  /** struct cpumask: the CPUs of the machine. */
  ONLINE_MASK = 0x1540,
  /** CPUs that spin for a sleeping lock: sched/spin-owner.ts. */
  SPINNERS = 0x1580,
  /** Words for tests that need some. */
  SCRATCH = 0x1800,
  /** Text handles of the handlers of vectors 0..31 and of softirqs 0..15. */
  VECTOR_HANDLERS = 0x1900,
  SOFTIRQ_ACTIONS = 0x1980,
  /** Hashes of the call sites whose WARN_ONCE has been seen: 64 words. */
  WARNED = 0x1a00,
  /** Call sites of pr_*_ratelimited, see kernel/ratelimit.ts: 64 entries of 16 bytes. */
  RATELIMITED = 0x1b00,
  /** The kernel's own locks, a line each. */
  LOCK_TASKLIST = 0x2000,
  LOCK_MODULES = 0x2080,
  LOCK_CONSOLE = 0x2100,
  LOCK_MM = 0x2180,
  /** RCU, see sched/rcu.ts: its lock; grace periods; who waits for one, and which readers were switched out. */
  RCU_LOCK = 0x2800,
  RCU_GP_SEQ = 0x2880,
  RCU_GP_REQUESTED = 0x2884,
  RCU_QS_LEFT = 0x2888,
  RCU_BLOCKERS = 0x288c,
  /** f64: when the grace period in progress began, ns. */
  RCU_GP_START = 0x2890,
  RCU_STALLS = 0x2898,
  /** Limit in ms; 0 takes that of params.ts. */
  RCU_STALL_MS = 0x289c,
  RCU_WAITERS = 0x28a0,
  RCU_READERS = 0x28a8,
  /** Tasks in rcu_barrier, and how many. */
  RCU_BARRIERS = 0x28b0,
  RCU_NR_BARRIERS = 0x28b8,
  /** The signal masks of all tasks. */
  LOCK_SIGNALS = 0x2200,
}

/** Mach.FLAGS */
export const enum BootFlag {
  PANIC_ON_OOPS = 1,
  PANIC_ON_LOCKUP = 2,
  /** The log goes to the serial console too. */
  SERIAL_CONSOLE = 4,
  /** Random delays at steps: cpu/chaos.ts. */
  CHAOS = 8,
  /** The host reorders loads (Arm): who reads under a seqcount needs a barrier. */
  WEAK_MEMORY = 16,
}

export const enum State {
  OFF = 0,
  RUNNING = 1,
  STOP = 2,
  PANIC = 3,
}

/** A CPU's own area, from its base. Words that others write have a line of their own. */
export const enum Pcpu {
  /** Pending vectors, one bit each. Written by anybody. */
  PENDING = 0,
  /** 1 while this CPU is parked: the one park word. */
  BELL = LINE,
  /** Run queue: see sched/rq.ts. Under RQ_LOCK. */
  RQ_LOCK = 2 * LINE,
  RQ_NR = 2 * LINE + 8,
  RQ_HEAP = 2 * LINE + 12,
  RQ_CURR = 2 * LINE + 16,
  RQ_MOVABLE = 2 * LINE + 20,
  /** f64 */
  RQ_MIN_VRUNTIME = 2 * LINE + 24,
  /** The fields below are written only by the owner. */
  CURRENT = 4 * LINE,
  PREEMPT = 4 * LINE + 4,
  IRQ_OFF = 4 * LINE + 8,
  NEED_RESCHED = 4 * LINE + 12,
  SOFTIRQ_PENDING = 4 * LINE + 16,
  IDLE_TASK = 4 * LINE + 20,
  /** What this CPU waits for, for reports: a `Wait` reason and the address. */
  WAIT_REASON = 4 * LINE + 24,
  WAIT_ADDR = 4 * LINE + 28,
  /** Depth of spin-lock queue nodes in use. */
  NODE_DEPTH = 4 * LINE + 32,
  /** f64: when the current task was put on this CPU. */
  CURR_SINCE = 4 * LINE + 40,
  /** f64: next timer expiry of this CPU in jiffies; Infinity if none. Read by the timekeeper. */
  DEADLINE = 4 * LINE + 48,
  /** The text handle (or 0) and the vector of the interrupt handler being run. */
  IN_VECTOR = 4 * LINE + 56,
  /** Module number that allocations are charged to, 0 for the kernel: see mm/owner.ts. */
  ALLOC_OWNER = 4 * LINE + 60,
  /** Statistics. */
  STAT_IRQS = 5 * LINE,
  STAT_SWITCHES = 5 * LINE + 4,
  STAT_PARKS = 5 * LINE + 8,
  STAT_LOST_WAKEUPS = 5 * LINE + 12,
  STAT_CONTENDED = 5 * LINE + 16,
  STAT_MIGRATIONS = 5 * LINE + 20,
  STAT_IPIS = 5 * LINE + 24,
  STAT_TICKS = 5 * LINE + 28,
  STAT_SOFTIRQS = 5 * LINE + 32,
  STAT_OPS = 5 * LINE + 36,
  /** f64, ms: longest wait for a spin lock. */
  STAT_WORST_WAIT = 5 * LINE + 40,
  /** State of this CPU's random delays, 0 without them: cpu/chaos.ts. */
  CHAOS = 5 * LINE + 48,
  /** Watchdog: ticks sent by the timekeeper, ticks taken, task switches seen at the last tick. Line of its own. */
  WD_SENT = 6 * LINE,
  WD_TAKEN = 6 * LINE + 4,
  /** f64 clock ns of the last switch or idle entry. */
  WD_TOUCH = 6 * LINE + 8,
  WD_REPORTED = 6 * LINE + 16,
  /** Stack and scratch buffer for C on this CPU, 0 until it is needed: cc/run.ts. */
  C_STACK = 7 * LINE + 104,
  C_SCRATCH = 7 * LINE + 108,
  /** Spin-lock queue nodes, four of 32 bytes; written by other CPUs. */
  NODES = 8 * LINE,
  /** Softirqs of each number that were run: 16 words. */
  SOFTIRQ_COUNTS = 9 * LINE,
  /** Timer base: lock, heap root, running timer. */
  TIMER_LOCK = 10 * LINE,
  TIMER_HEAP = 10 * LINE + 8,
  TIMER_RUNNING = 10 * LINE + 12,
  /** Interrupts of each vector that were taken: 32 words. */
  IRQ_COUNTS = 11 * LINE,
  /** Slab free lists of this CPU: see mm/slab_class.ts. 16 slots of 64 bytes. */
  SLAB = 12 * LINE,
  /** Free single pages of this CPU: see mm/page_pcp.ts. */
  PCP = 20 * LINE,
  /** The slab of each size class that this CPU takes objects from, a word each: see mm/slab_cache.ts. */
  SLAB_CURRENT = 22 * LINE,
  /** RCU: callbacks in order, under the lock (see sched/rcu-callbacks.ts). */
  RCU_CB_LOCK = 27 * LINE,
  RCU_CB_HEAD = 27 * LINE + 8,
  RCU_CB_DONE = 27 * LINE + 12,
  RCU_CB_WAIT = 27 * LINE + 16,
  RCU_CB_NEXT = 27 * LINE + 20,
  RCU_CB_WAIT_SEQ = 27 * LINE + 24,
  RCU_CB_NEXT_SEQ = 27 * LINE + 28,
  RCU_CB_QUEUED = 27 * LINE + 32,
  RCU_CB_INVOKED = 27 * LINE + 36,
  /** The grace period in progress waits for this CPU; the CPU idles where nothing reads. See sched/rcu.ts. */
  RCU_QS_WANTED = 27 * LINE + 40,
  RCU_EQS = 27 * LINE + 44,
  /** Flight recorder: the ring to write to (0: none, or off), the ring to read, bytes written. See kernel/trace.ts. */
  TRACE_RING = 31 * LINE,
  TRACE_KEPT = 31 * LINE + 4,
  TRACE_HEAD = 31 * LINE + 8,
  /** Tasklets, normal and high: head and tail of each list, with interrupts off by the owner. See sched/tasklet.ts. */
  TASKLETS = 24 * LINE,
  TASKLETS_HI = 24 * LINE + 8,
  /** This CPU's ksoftirqd, 0 until it is needed. */
  KSOFTIRQD = 24 * LINE + 16,
  /** irq_work: pushed by anybody, taken by the owner. Those of the second list wait for the tick. */
  IRQ_WORK = 24 * LINE + 20,
  IRQ_WORK_LAZY = 24 * LINE + 24,
  /** hrtimers: lock, heaps of those that run in the interrupt and in the softirq, running ones. See sched/hrtimer.ts. */
  HR_LOCK = 24 * LINE + 32,
  HR_HEAP = 24 * LINE + 40,
  HR_SOFT_HEAP = 24 * LINE + 44,
  HR_RUNNING = 24 * LINE + 48,
  HR_SOFT_RUNNING = 24 * LINE + 52,
  /** f64, ns since boot: when this CPU wants the hrtimer interrupt; Infinity if never. Read by the timekeeper. */
  HR_DEADLINE = 24 * LINE + 56,
  /** 1 while the softirq is about to run what is due: the interrupt need not come again for that. */
  HR_SOFT_RAISED = 24 * LINE + 64,
  /** Newest call_single_data_t queued for this CPU, a chain that anybody pushes to. See cpu/smp.ts. */
  CSD_QUEUE = 29 * LINE,
  /** Worker pools, normal and high priority: see sched/work-layout.ts. */
  POOLS = 25 * LINE,
  /** f64: turns given to real-time tasks of this CPU. Under RQ_LOCK. */
  RQ_RT_TURNS = 28 * LINE,
  /** From here DEFINE_PER_CPU. */
  DYNAMIC = 32 * LINE,
}

export const percpu_base = (cpu: number): number => PERCPU + cpu * PERCPU_SIZE;
if (PERCPU + MAX_CPUS * PERCPU_SIZE > STATIC) throw new Error('memory map: per-CPU areas overlap the static area');
