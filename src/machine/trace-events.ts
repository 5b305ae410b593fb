// What each event of the flight recorder says, and which of them begin and end something. The words a, b and c of an
// event are described in kernel/trace-layout.ts.
import { Event, Finding } from '../kernel/trace-layout.js';
import { Vector, VECTOR_NAMES } from '../cpu/vectors.js';
import { Block } from '../sched/task-layout.js';
import { Mach, Pcpu, PERCPU, PERCPU_SIZE } from './memory-map.js';
import { MAX_CPUS } from './params.js';
import type { SymbolTable } from './blocked.js';
import type { TraceEvent } from './trace-ring.js';

/** Names for what an event's words mean. */
export class TraceNames {
  constructor(
    private readonly symbols: SymbolTable,
    private readonly tasks: ReadonlyMap<number, string>,
  ) {}
  /** Of data: a lock, a timer. */
  at(address: number): string {
    return kernel_data(address) ?? this.symbols.past_text(address);
  }
  fn(handle: number): string {
    return this.symbols.function_text(handle);
  }
  /** `name/pid`. */
  task(pid: number): string {
    return `${this.tasks.get(pid) ?? '?'}/${pid}`;
  }
}

const KERNEL_LOCKS: Readonly<Record<number, string>> = {
  [Mach.LOCK_TASKLIST]: 'tasklist_lock',
  [Mach.LOCK_MODULES]: 'modules_lock',
  [Mach.LOCK_CONSOLE]: 'console_lock',
  [Mach.LOCK_MM]: 'zone->lock',
};
const PERCPU_LOCKS: Readonly<Record<number, string>> = {
  [Pcpu.RQ_LOCK]: 'rq->lock',
  [Pcpu.TIMER_LOCK]: 'timer_base->lock',
};
function kernel_data(address: number): string | null {
  if (address >= PERCPU && address < PERCPU + MAX_CPUS * PERCPU_SIZE) {
    const name = PERCPU_LOCKS[(address - PERCPU) % PERCPU_SIZE];
    return name === undefined ? null : `${name} of CPU ${Math.floor((address - PERCPU) / PERCPU_SIZE)}`;
  }
  return KERNEL_LOCKS[address] ?? null;
}

const SOFTIRQS = ['hi', 'timer', 'net_tx', 'net_rx', 'block', 'irq_poll', 'tasklet', 'sched', 'hrtimer', 'rcu'];
const FINDINGS: Readonly<Record<number, string>> = {
  [Finding.OOPS]: 'an oops',
  [Finding.WARNING]: 'a warning',
  [Finding.REPORT]: 'a report',
  [Finding.PANIC]: 'panic',
};
const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;
export const vector_name = (vector: number): string => VECTOR_NAMES[vector] ?? `vector ${vector}`;
export const softirq_name = (nr: number): string => SOFTIRQS[nr] ?? String(nr);

function blocks_on(kind: number, address: number, names: TraceNames): string {
  switch (kind) {
    case Block.MUTEX:
      return `the mutex ${names.at(address)}`;
    case Block.COMPLETION:
      return `the completion ${names.at(address)}`;
    case Block.WAIT_QUEUE:
      return `the wait queue ${names.at(address)}`;
    case Block.TIMEOUT:
      return `a time-out of ${address} jiffies`;
    case Block.KTHREAD_EXIT:
      return `the end of the task at ${hex(address)}`;
    case Block.RCU:
      return address === 0 ? 'RCU callbacks' : `the RCU grace period ${address >>> 0}`;
    case Block.TASKLET:
      return `the tasklet ${names.at(address)}`;
    case Block.WORK:
      return `the work item ${names.at(address)}`;
    case Block.RWSEM_READ:
      return `the rw_semaphore (to read) ${names.at(address)}`;
    case Block.RWSEM_WRITE:
      return `the rw_semaphore (to write) ${names.at(address)}`;
    case Block.SEMAPHORE:
      return `the semaphore ${names.at(address)}`;
    case Block.WORKQUEUE:
      return `the workqueue ${names.at(address)}`;
    default:
      return names.at(address);
  }
}
/** What a task in TASK state `state` does when it leaves its CPU. */
const leaves = (state: number): string =>
  state === 0 ? 'runnable' : (state & 0x80) !== 0 ? 'dead' : (state & 1) !== 0 ? 'sleeps, interruptible' : 'sleeps';

/** Who holds a lock that is waited for. */
export const holder_text = (cpu: number): string =>
  cpu === -2 ? 'held by readers' : cpu < 0 ? 'just released' : `held by CPU ${cpu}`;

/** How an event is told; and what it is the begin or the end of, for slices of a trace. */
export interface EventKind {
  name: string;
  text: (e: TraceEvent, names: TraceNames) => string;
  /** A lock is taken or released; `shared`: others may hold it too. */
  lock?: 'take' | 'release';
  /** The lock belongs to the task, not to the CPU. */
  of_task?: boolean;
}

const lock = (name: string, of_task: boolean, take: 'take' | 'release'): EventKind => ({
  name,
  text: (e, names) => `${name} ${names.at(e.a)}`,
  lock: take,
  of_task,
});
const plain = (name: string, text: (e: TraceEvent, names: TraceNames) => string): EventKind => ({
  name,
  text: (e, names) => `${name} ${text(e, names)}`.trimEnd(),
});

export const KINDS: Readonly<Record<number, EventKind>> = {
  [Event.SWITCH]: plain('switch', (e, n) => {
    const next = e.a === 0 ? 'idle' : n.task(e.a);
    return e.pid === 0 ? `to ${next}` : `to ${next}, ${n.task(e.pid)} ${leaves(e.preempt_count)}`;
  }),
  [Event.IRQ_ENTER]: plain('irq_enter', (e) => vector_name(e.a)),
  [Event.IRQ_EXIT]: plain('irq_exit', (e) => vector_name(e.a)),
  [Event.SOFTIRQ_ENTER]: plain('softirq_enter', (e, n) => softirq_name(e.a) + (e.b === 0 ? '' : ` ${n.fn(e.b)}`)),
  [Event.SOFTIRQ_EXIT]: plain('softirq_exit', (e) => softirq_name(e.a)),
  [Event.WAKEUP]: plain('wake_up', (e, n) => `${n.task(e.a)} on CPU ${e.b}`),
  [Event.MIGRATE]: plain('migrate', (e, n) => `${n.task(e.a)} from CPU ${e.c} to CPU ${e.b}`),
  [Event.IPI]: plain(
    'ipi',
    (e, n) => `${vector_name(e.b)} to CPU ${e.a}${e.b === Vector.CALL_FUNCTION ? `: ${n.fn(e.c)}` : ''}`,
  ),
  [Event.LOCK_WAIT]: plain('lock_wait', (e, n) => `${n.at(e.a)}, ${holder_text(e.b)}`),
  [Event.LOCK_WAITED]: plain('lock_waited', (e, n) => n.at(e.a)),
  [Event.LOCK_PASS]: plain('lock_pass', (e, n) => `${n.at(e.a)}: wakes CPU ${e.b}`),
  [Event.BLOCK]: plain('block', (e, n) => `on ${blocks_on(e.a, e.b, n)}`),
  [Event.UNBLOCK]: plain('unblock', (e, n) => `from ${blocks_on(e.a, e.b, n)}`),
  [Event.TIMER_EXPIRE]: plain('timer_expire', (e, n) => `${n.at(e.a)} ${e.b < 16 ? 'wakes its sleeper' : n.fn(e.b)}`),
  [Event.TIMER_DONE]: plain('timer_done', (e, n) => n.at(e.a)),
  [Event.PRINTK]: { name: 'trace_printk', text: (e) => e.text },
  [Event.FINDING]: plain('***', (e) => FINDINGS[e.a] ?? String(e.a)),
  [Event.WORK_QUEUE]: plain('work_queue', (e, n) => `${n.at(e.a)} ${n.fn(e.b)}${e.c < 0 ? '' : ` on CPU ${e.c}`}`),
  [Event.WORK_START]: plain('work_start', (e, n) => `${n.at(e.a)} ${n.fn(e.b)}`),
  [Event.WORK_END]: plain('work_end', (e, n) => `${n.at(e.a)}${e.b === 0 ? '' : ` ${n.fn(e.b)}`}`),
  [Event.RCU_GP_START]: plain('rcu_gp_start', (e) => `${e.a >>> 0}`),
  [Event.RCU_GP_END]: plain('rcu_gp_end', (e) => `${e.a >>> 0}`),
  [Event.RCU_CALLBACKS]: plain('rcu_callbacks', (e) => `${e.a} invoked`),
  [Event.CALL]: plain('call', (e, n) => `${n.fn(e.a)}(${hex(e.b)})`),
  [Event.SPIN_LOCK]: lock('spin_lock', false, 'take'),
  [Event.SPIN_UNLOCK]: lock('spin_unlock', false, 'release'),
  [Event.MUTEX_LOCK]: lock('mutex_lock', true, 'take'),
  [Event.MUTEX_UNLOCK]: lock('mutex_unlock', true, 'release'),
  [Event.READ_LOCK]: lock('read_lock', false, 'take'),
  [Event.READ_UNLOCK]: lock('read_unlock', false, 'release'),
  [Event.WRITE_LOCK]: lock('write_lock', false, 'take'),
  [Event.WRITE_UNLOCK]: lock('write_unlock', false, 'release'),
  [Event.DOWN_READ]: lock('down_read', true, 'take'),
  [Event.UP_READ]: lock('up_read', true, 'release'),
  [Event.DOWN_WRITE]: lock('down_write', true, 'take'),
  [Event.UP_WRITE]: lock('up_write', true, 'release'),
  [Event.SEQ_WRITE_BEGIN]: lock('write_seqcount_begin', false, 'take'),
  [Event.SEQ_WRITE_END]: lock('write_seqcount_end', false, 'release'),
  [Event.DOWN]: plain('down', (e, n) => n.at(e.a)),
  [Event.UP]: plain('up', (e, n) => n.at(e.a)),
  [Event.KMALLOC]: plain('kmalloc', (e) => `${hex(e.a)} ${e.b} bytes`),
  [Event.KFREE]: plain('kfree', (e) => hex(e.a)),
  [Event.KMEM_CACHE_ALLOC]: plain('kmem_cache_alloc', (e) => `${hex(e.a)} ${e.b} bytes`),
  [Event.KMEM_CACHE_FREE]: plain('kmem_cache_free', (e) => hex(e.a)),
  [Event.PAGES_ALLOC]: plain('alloc_pages', (e) => `${hex(e.a)} order ${e.b}`),
  [Event.PAGES_FREE]: plain('free_pages', (e) => `${hex(e.a)} order ${e.b}`),
  [Event.TIMER_START]: plain('timer_start', (e, n) => `${n.at(e.a)} expires at jiffy ${e.b >>> 0}`),
  [Event.TIMER_STOP]: plain('timer_stop', (e, n) => n.at(e.a)),
};
/** The kind of any event, one that this version does not know too. */
export const kind_of = (event: Event): EventKind =>
  KINDS[event] ?? plain(`event ${event}`, (e) => [e.a, e.b, e.c].map(hex).join(' '));
