// Every number that can be tuned, on one page. Sizes are bytes and times are as their names say.

/** Most CPUs of one machine: handles, masks and lock words are laid out for it. */
export const MAX_CPUS = 64;
/** Ticks a second; a jiffy is 4 ms, as on most distribution kernels. */
export const HZ = 250;
/** The machine's memory when `--memory` says nothing, and its bounds. */
export const DEFAULT_MEMORY = 64 << 20;
/** JavaScript heap of a CPU's thread in MiB. */
export const MIN_HEAP_MIB = 16;
export const MAX_HEAP_MIB = 65536;
export const MIN_MEMORY = 8 << 20;
export const MAX_MEMORY = 1 << 30;
/** How long a CPU stays in one spin before it parks: iterations, each a step. */
export const WAIT_SPIN = 100;
/** A parked CPU looks again after this long, so that a lost wake-up shows as a report and not as a hang. */
export const PARK_LIMIT_MS = 1000;
/** At power-off a CPU that has not stopped after this, and this for each CPU per core, is killed with the pool. */
export const STOP_MS = 1000;
export const STOP_MS_PER_CPU = 150;
/** As PARK_LIMIT_MS, for a CPU in the host's own thread: how late it may see that its time is over. */
export const UNTIL_PARK_MS = 10;
/** A bell that rings this late after its reason is no lost wake-up: the waker had no core of the host. */
export const RING_GRACE_MS = 300;
/** Attempts to take a lock outside its queue, then at its head, before the CPU parks. */
export const LOCK_STEAL_TRIES = 200;
export const LOCK_NODE_SPIN = 60;
export const LOCK_HEAD_SPIN = 100;
/** The first waiter of a lock is passed over for at most this long; then the lock is handed to it. */
export const LOCK_PATIENCE_MS = 4;
/** Looks at a mutex or rwsem whose owner runs on another CPU before the task sleeps: some 20 us. */
export const MUTEX_SPIN = 500;
/** A reader of a seqcount looks this often while a writer is in its section, then sleeps for so long between two looks. */
export const SEQCOUNT_SPIN = 200;
export const SEQCOUNT_NAP_MS = 0.05;
/** A lock waited for longer than this is reported with its holder. Times CPUs per core. */
export const LOCK_STARVED_MS = 10_000;
/** Spin locks of one CPU that reports name. */
export const MAX_HELD = 24;
/** A CPU that takes interrupts and switches no task for this long is a soft lock-up. Times CPUs per core. */
export const SOFT_LOCKUP_MS = 10_000;
/** A CPU that does not take its tick for this long is a hard lock-up. Times CPUs per core. */
export const HARD_LOCKUP_MS = 10_000;
/** A task in uninterruptible sleep for this long is reported with what it waits for. */
export const HUNG_TASK_MS = 30_000;
/** Rounds of softirq processing on the way out of an interrupt, and their time, before ksoftirqd takes over. */
export const SOFTIRQ_RESTARTS = 10;
export const SOFTIRQ_JIFFIES = 1;
/** A task of the fair class runs this long before the tick asks it to give way. */
export const SCHED_SLICE_NS = 3_000_000;
/** Ticks that a SCHED_RR task runs before another of its priority is next: 100 ms. */
export const RR_TIMESLICE = 25;
/** Bytes of a task for the frames of its sleeping primitives. */
export const FRAME_AREA = 768;
/** The kernel stack of a task that runs C. */
export const KERNEL_STACK = 16 << 10;
/** C may not access this much at the start of the memory: a null pointer, with an offset. */
export const NULL_PAGE = 64 << 10;
/** A CPU's buffer for the C frames of a task that goes to sleep, before it is known whether they fit on its stack. */
export const C_SCRATCH = 64 << 10;
/** One page in this many is kept for allocations that can't wait, but at most MM_RESERVE_MAX pages. */
export const MM_RESERVE_PART = 64;
export const MM_RESERVE_MAX = 1024;
/** Free single pages that a CPU keeps for itself at most; how many come and go at a time. */
export const PCP_HIGH = 32;
export const PCP_BATCH = 16;
/** With fewer free pages above the reserve than this, CPUs keep none. */
export const PCP_LOW = 256;
/** Seconds between two warnings about a failed page allocation. */
export const MM_WARN_INTERVAL_S = 10;
/** A slab has at least this many objects. */
export const SLAB_OBJECTS = 7;
/** Bytes of free objects of one size that a CPU keeps for itself, but at least two and at most 14 objects. */
export const SLAB_CPU_BYTES = 8 << 10;
/** Slabs of one size without an object in use that are kept; more go back to the page allocator. */
export const SLAB_EMPTY_KEPT = 1;
/** A grace period of RCU that takes longer than this is reported with who holds it up. Times CPUs per core. */
export const RCU_STALL_MS = 21_000;
/** RCU callbacks that one run of the softirq invokes; of very many a part, so that it keeps up. */
export const RCU_BATCH = 10;
export const RCU_BATCH_SHIFT = 7;
/** How often khungtaskd looks. */
export const HUNG_TASK_CHECK_MS = 1000;
/** How long an idle CPU spins before it parks: looks at its own queue. */
export const IDLE_SPIN = 20;
/** Chaos: a usual delay is up to so many loads (a power of two; the long ones are 16 times that), a nap up to so many ms. */
export const CHAOS_TURNS = 1024;
export const CHAOS_SLEEP_MS = 1;
/** Bytes of text of one log record; what is longer is cut. */
export const LOG_RECORD_MAX = 4096;
/** Records of each CPU's flight recorder, and of one whose events are written to a file (less if the memory is small). */
export const TRACE_EVENTS = 512;
export const TRACE_FILE_EVENTS = 32_768;
export const TRACE_MIN_EVENTS = 64;
export const TRACE_MAX_EVENTS = 131_072;
/** The recorders together take at most one byte in this many of the memory. */
export const TRACE_MEMORY_PART = 4;
/** Of so many frequent events one or two read the clock; a power of two. */
export const TRACE_CLOCK_EVERY = 128;
/** Bytes of the text of one trace_printk. */
export const TRACE_TEXT_MAX = 1024;
/** Stepped build: virtual time of one step, in ns. */
export const STEP_NS = 50;
/** Stepped build: jumps of an idle machine to a timer that changed nothing, after which it waits for good. */
export const QUIET_EXPIRIES = 64;
/** Stepped build: a schedule longer than this has not ended: a livelock. */
export const MAX_STEPS = 20_000;
/** The last steps of a schedule that a report keeps; it may keep twice as many. */
export const REPORT_STEPS = 4000;
/** Stepped build: memory of the machine. */
export const STEPPED_MEMORY = 8 << 20;
/** Looks at a full serial port before a byte is given up: the host may be gone. */
export const UART_TRIES = 10_000;
/** Records of the log that the host keeps for dmesg. */
export const LOG_KEPT = 65_536;
/** Stepped build: jumps of an idle machine in one phase, whatever they changed, after which module_exit is next. */
export const QUIET_JUMPS = 256;
/** Stepped build: a strategy lets time jump this many jiffies ahead, to a timer, while tasks run: the longest that CPUs are slow. */
export const TIMER_AHEAD = 25;

/** pr_*_ratelimited: so many messages of one place in so many seconds, as Linux. */
export const RATELIMIT_BURST = 10;
export const RATELIMIT_SECONDS = 5;

/** Minimising a failing schedule: at most so many schedules and steps, and if the host is slow so many ms. */
export const MINIMISE_SCHEDULES = 20_000;
export const MINIMISE_STEPS = 30_000_000;
export const MINIMISE_MS = 6_000;
/** Race detector: contexts (tasks, work items, interrupts of each CPU) in one schedule; from the first number on those that have ended are used again. */
export const RACE_REUSE_CONTEXTS = 96;
export const RACE_CONTEXTS = 256;
/** Race detector: objects that order accesses, places accessed, and accesses kept in one schedule. */
export const RACE_SYNCS = 8192;
export const RACE_PLACES = 65_536;
export const RACE_ACCESSES = 131_072;
/** Accesses of a sequence counter's reader that count as marked, if it does not ask whether to read again: as KCSAN. */
export const RACE_SEQCOUNT_READS = 1000;

/** Exploring: a CPU that made so many steps in a row, where others could go on, gives way: it may poll for what they do. */
export const STRATEGY_FAIR_STEPS = 500;
/** Exploring: schedules from which a strategy learns how long they are, and what they share. */
export const PCT_LEARNS = 16;
export const SURW_LEARNS = 16;
/** Exploring: the portfolio's bounded search goes up to this many preemptions. */
export const PORTFOLIO_BOUND = 3;
/** Exploring: schedules of more steps than this are long ones for the portfolio. */
export const PORTFOLIO_LONG = 600;
/** Exploring: signatures that the count of behaviours keeps; of more, it is an estimate. */
export const BEHAVIOURS_KEPT = 1 << 16;
/** Exploring: the largest --depth and --bound. */
export const MAX_DEPTH = 100;
export const MAX_BOUND = 200;
