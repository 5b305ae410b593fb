// noinstr: never transformed, never interrupted.
// The flight recorder's records, as kernel/trace.ts writes them and machine/trace-ring.ts reads them.
//
// A CPU's ring is a power of two of records of 32 bytes, in pages of its own. Pcpu.TRACE_RING holds its address (the
// pages are aligned) and, in the low bits, log2 of its bytes; 0 while nothing is recorded. Pcpu.TRACE_HEAD counts bytes
// written since boot, modulo 2^32; a record's place is its count modulo the ring's size.
//
//    0   f64, ns since boot          only if TIMED is set: what was there before is left otherwise
//    8   pid                         only if TIMED is set
//   12   | preempt_count :23 | irqs off :1 | TIMED :1 | event :7 |
//   16   three words that depend on the event
//   28   nothing
//
// The records after a PRINTK are TEXT: 28 bytes of text each, at 0..11 and 16..31.

export const enum Trace {
  TIME = 0,
  PID = 8,
  WORD = 12,
  A = 16,
  B = 20,
  C = 24,
  SIZE = 32,
  SIZE_LOG2 = 5,
  /** Of WORD. */
  EVENT = 0x7f,
  TIMED = 0x80,
  IRQS_OFF = 0x100,
  IRQS_OFF_SHIFT = 8,
  PREEMPT_SHIFT = 9,
  /** Of Pcpu.TRACE_RING. */
  RING_LOG2 = 0x1f,
  /** Bytes of text in a TEXT record. */
  TEXT_BYTES = 28,
}

/**
 * What can be recorded, with the words a, b, c. What each one prints and draws is in machine/trace-events.ts: a new
 * event needs a number here, a line there and a call of trace_event, or of one of the cheaper ones in kernel/trace.ts.
 */
export const enum Event {
  /** The CPU goes from the task of the record's pid (preempt_count: its state) to a: pid, b and c: 8 bytes of its name. */
  SWITCH = 1,
  /** a: vector */
  IRQ_ENTER = 2,
  IRQ_EXIT = 3,
  /** a: number, b: text handle of the action */
  SOFTIRQ_ENTER = 4,
  SOFTIRQ_EXIT = 5,
  /** a: pid, b: CPU that it is queued on */
  WAKEUP = 6,
  /** a: pid, b: to, c: from */
  MIGRATE = 7,
  /** a: target CPU, b: vector, c: text handle of the function */
  IPI = 8,
  /** A lock is waited for, busy; a: lock, b: CPU that holds it, -1 if it is free by now, -2 if readers do */
  LOCK_WAIT = 9,
  LOCK_WAITED = 10,
  /** The lock a was released and its first waiter, on CPU b, is woken. */
  LOCK_PASS = 11,
  /** The task is about to sleep; a: `Block` kind, b: on what */
  BLOCK = 12,
  UNBLOCK = 13,
  /** a: timer, b: text handle of its function */
  TIMER_EXPIRE = 14,
  TIMER_DONE = 15,
  /** trace_printk: a bytes of text in the records that follow. */
  PRINTK = 16,
  TEXT = 17,
  /** a: `Finding` */
  FINDING = 18,
  /** A work item (or, but for its queueing, a tasklet or irq_work); a: work, b: text handle, c: CPU of the pool, or -1 */
  WORK_QUEUE = 19,
  WORK_START = 20,
  WORK_END = 21,
  /** RCU; a: number of the grace period */
  RCU_GP_START = 22,
  RCU_GP_END = 23,
  /** a: callbacks that have been invoked */
  RCU_CALLBACKS = 24,
  /** A function that another CPU asked for; a: text handle, b: argument */
  CALL = 28,

  // Frequent ones, without a clock. a: lock
  SPIN_LOCK = 40,
  SPIN_UNLOCK = 41,
  MUTEX_LOCK = 42,
  MUTEX_UNLOCK = 43,
  READ_LOCK = 44,
  READ_UNLOCK = 45,
  WRITE_LOCK = 46,
  WRITE_UNLOCK = 47,
  DOWN_READ = 48,
  UP_READ = 49,
  DOWN_WRITE = 50,
  UP_WRITE = 51,
  SEQ_WRITE_BEGIN = 52,
  SEQ_WRITE_END = 53,
  DOWN = 54,
  UP = 55,
  /** a: address, b: bytes */
  KMALLOC = 70,
  KFREE = 71,
  /** a: address, b: order */
  PAGES_ALLOC = 72,
  PAGES_FREE = 73,
  /** a: timer, b: jiffies at which it expires */
  TIMER_START = 74,
  TIMER_STOP = 75,
  /** a: address, b: bytes */
  KMEM_CACHE_ALLOC = 76,
  KMEM_CACHE_FREE = 77,
}

/** Event.FINDING */
export const enum Finding {
  OOPS = 1,
  WARNING = 2,
  REPORT = 3,
  PANIC = 4,
}
