// Workqueues: queueing, pools, workers. linux/workqueue.ts has the public names; flushing, draining and making queues is
// workqueue-flush.ts, cancelling and delays are workqueue-cancel.ts.
//
// A work item is claimed by setting PENDING in its DATA, by anybody. Who did that owns the item until it is in a list;
// from there the lock of the pool does, and DATA names the pwq. The worker that takes it off writes the pool into DATA,
// which clears PENDING: from there on the item may be queued again while its function runs. It then goes to that same
// worker, wherever it was queued, so a function never runs twice at once.
//
//   idle --claimed--> pending --insert--> worklist --worker takes it--> running (and idle, or pending again)
//                        |                   ^
//                        +---> pwq.INACTIVE--+ when fewer than max_active are active
//
// A pool of a CPU runs as many workers as do not sleep: one. A worker that goes to sleep in its work tells the pool, which
// lets the next one run (wq_worker_sleeping). Workers are made where they are needed and kept. An unbound pool has one for
// each item that runs; they prefer idle CPUs (a worker that has run stays on its CPU: its generator is there).
import { HZ } from '../machine/params.js';
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { irqs_disabled, local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { in_interrupt, preempt_count } from '../cpu/preempt.js';
import { order_acquire, order_new_context, order_release } from '../cpu/order.js';
import { a_add, a_and, a_ld, a_or, a_st, ld, st } from '../cpu/raw.js';
import { lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { SCHEDULE } from '../cpu/vectors.js';
import { GFP_ATOMIC } from '../linux/gfp_types.js';
import { kfree, kzalloc } from '../mm/slab.js';
import { set_alloc_owner } from '../mm/owner.js';
import { call_sleepable } from '../kernel/call.js';
import { BUG, report, task_comm, task_pid, WARN } from '../kernel/panic.js';
import { symbol_text, text_handle } from '../kernel/text.js';
import { Event, trace_event } from '../kernel/trace.js';
import { wake_up_process, set_current_state, __set_current_state } from './core.js';
import { create_daemon } from './kthread.js';
import { list_init, list_is_empty, list_push_back, list_push_front, list_remove } from './rawlist.js';
import { cond_resched, schedule_debug, type Sleeping } from './sleep.js';
import { PF_WQ_WORKER, Task, TASK_IDLE, TASK_RUNNING } from './task-layout.js';
import { fresh_jiffies, init_timer_raw, mod_timer_raw } from './timer.js';
import { color_finished, take_color, wq_name } from './workqueue-flush.js';
import {
  __WQ_DESTROYING,
  __WQ_DRAINING,
  NO_COLOR,
  Pool,
  Pwq,
  UNBOUND_POOLS,
  Work,
  WORK_ADDRESS,
  WORK_INACTIVE,
  WORK_LINKED,
  WORK_PENDING,
  WORK_PWQ,
  Worker,
  WORKER_CPU_INTENSIVE,
  WORKER_IDLE,
  WORKER_UNBOUND,
  WORKERS_MADE,
  Wq,
  WQ_CPU_INTENSIVE,
  WQ_MAGIC,
  WQ_UNBOUND,
} from './work-layout.js';

/** Weight of nice -20, of the workers of high-priority pools. */
const HIGHPRI_WEIGHT = 88761;
const NOT_RUNNING = WORKER_IDLE | WORKER_CPU_INTENSIVE | WORKER_UNBOUND;

// ---- pools -------------------------------------------------------------------------------------------------------------
export const pool_of_cpu = (n: number, highpri: boolean): number =>
  percpu_base(n) + Pcpu.POOLS + (highpri ? Pool.SIZE : 0);
export const unbound_pool = (highpri: boolean): number => UNBOUND_POOLS + (highpri ? Pool.SIZE : 0);
/** What a stale word may name must be a pool before it is locked. */
function is_pool(a: number): boolean {
  if (a === unbound_pool(false) || a === unbound_pool(true)) return true;
  for (let c = 0; c < ld(Mach.CPUS); c++) if (a === pool_of_cpu(c, false) || a === pool_of_cpu(c, true)) return true;
  return false;
}
export function for_each_pool(f: (pool: number) => void): void {
  for (let c = 0; c < ld(Mach.CPUS); c++) {
    f(pool_of_cpu(c, false));
    f(pool_of_cpu(c, true));
  }
  f(unbound_pool(false));
  f(unbound_pool(true));
}

const is_unbound = (pool: number): boolean => ld(pool + Pool.CPU) < 0;
/** Items wait and nobody works on them: of an unbound pool each item wants a worker. Under its lock. */
const need_more_worker = (pool: number): boolean =>
  !list_is_empty(pool + Pool.WORKLIST) && ld(pool + Pool.NR_RUNNING) === 0;

const cpu_is_idle = (n: number): boolean =>
  a_ld(percpu_base(n) + Pcpu.RQ_CURR) === 0 && ld(percpu_base(n) + Pcpu.RQ_NR) === 0;

/** An idle worker, 0 if there is none (or, of an unbound pool, none on an idle CPU, and one more is allowed). */
function idle_worker(pool: number): number {
  const first = ld(pool + Pool.IDLE);
  if (first === pool + Pool.IDLE) return 0;
  if (!is_unbound(pool)) return first - Worker.ENTRY;
  for (let at = first; at !== pool + Pool.IDLE; at = ld(at))
    if (cpu_is_idle(ld(ld(at - Worker.ENTRY + Worker.TASK) + Task.CPU))) return at - Worker.ENTRY;
  return ld(pool + Pool.NR_WORKERS) < ld(Mach.CPUS) ? 0 : first - Worker.ENTRY;
}

/** Has a worker run if one is needed. Under the pool's lock. */
export function kick_pool(pool: number): void {
  if (!need_more_worker(pool)) return;
  const idle = idle_worker(pool);
  const worker = idle !== 0 ? idle : create_worker(pool);
  if (worker !== 0) wake_up_process(ld(worker + Worker.TASK));
  else if (ld(pool + Pool.IDLE) !== pool + Pool.IDLE)
    wake_up_process(ld(ld(pool + Pool.IDLE) - Worker.ENTRY + Worker.TASK));
  else mod_timer_raw(pool + Pool.RETRY, fresh_jiffies() + HZ / 10);
}
/** There was no memory for a worker. Context: timer. */
export function pool_retry(timer: number): void {
  const pool = timer - Pool.RETRY;
  const flags = lock_irqsave(pool);
  kick_pool(pool);
  unlock_irqrestore(pool, flags);
}

/** An idle worker more. Under the pool's lock. Return: 0 when memory is short. */
function create_worker(pool: number): number {
  const owner = set_alloc_owner(0);
  const worker = kzalloc(Worker.SIZE, GFP_ATOMIC);
  set_alloc_owner(owner);
  if (worker === 0) return 0;
  const on = ld(pool + Pool.CPU);
  const id = ld(pool + Pool.NEXT_ID);
  const highpri = ld(pool + Pool.HIGHPRI) !== 0;
  const name = `kworker/${on < 0 ? `u${highpri ? 1 : 0}` : on}:${id}${highpri ? 'H' : ''}`;
  const task = create_daemon(text_handle(worker_thread), worker, name, PF_WQ_WORKER, on);
  if (task === 0) {
    kfree(worker);
    return 0;
  }
  if (highpri) st(task + Task.WEIGHT, HIGHPRI_WEIGHT);
  st(pool + Pool.NEXT_ID, id + 1);
  st(pool + Pool.NR_WORKERS, ld(pool + Pool.NR_WORKERS) + 1);
  a_add(WORKERS_MADE, 1);
  st(worker + Worker.TASK, task);
  st(worker + Worker.POOL, pool);
  st(worker + Worker.FLAGS, WORKER_IDLE | (on < 0 ? WORKER_UNBOUND : 0));
  list_init(worker + Worker.SCHEDULED);
  list_push_front(worker + Worker.ENTRY, pool + Pool.IDLE);
  return worker;
}

export function init_pool(pool: number, n: number, highpri: boolean, retry: number): void {
  st(pool + Pool.CPU, n);
  st(pool + Pool.HIGHPRI, highpri ? 1 : 0);
  for (const list of [Pool.WORKLIST, Pool.IDLE, Pool.BUSY]) list_init(pool + list);
  init_timer_raw(pool + Pool.RETRY, retry, 0);
}

// ---- queueing ----------------------------------------------------------------------------------------------------------
/** The pool that the item is queued at, or ran in last; 0 if there is none. Context: any. */
export function pool_of_work(work: number): number {
  const data = a_ld(work + Work.DATA);
  const address = data & WORK_ADDRESS;
  if ((data & WORK_PWQ) === 0) return address;
  const pool = ld(address + Pwq.POOL);
  return is_pool(pool) ? pool : 0; // the workqueue was destroyed since: then the item is not queued there
}
/** The worker that runs the item now, 0 if none. Under the pool's lock. */
export function find_executing(pool: number, work: number): number {
  for (let at = ld(pool + Pool.BUSY); at !== pool + Pool.BUSY; at = ld(at)) {
    const worker = at - Worker.ENTRY;
    if (ld(worker + Worker.WORK) === work && ld(worker + Worker.FUNC) === ld(work + Work.FUNC)) return worker;
  }
  return 0;
}

export function check_work(work: number, what: string): void {
  if (ld(work + Work.FUNC) === 0)
    BUG(`${what}: the work item ${lock_text(work)} has no function: set it up with INIT_WORK or DECLARE_WORK`);
}
export function check_wq(wq: number, what: string): void {
  if (wq <= 0 || ld(wq + Wq.MAGIC) !== WQ_MAGIC)
    BUG(`${what}: 0x${(wq >>> 0).toString(16)} is no workqueue${wq > 0 ? ' (any more: was it destroyed?)' : ''}`);
}
/** The worker that the running task is, 0 if it is none. Context: any. */
export function current_worker(): number {
  if (in_interrupt()) return 0;
  const task = current_task();
  return (ld(task + Task.FLAGS) & PF_WQ_WORKER) !== 0 ? ld(task + Task.DATA) : 0;
}

/** Claims the item. Context: interrupts off. Return: false if it is pending or disabled. */
export function claim_work(work: number): boolean {
  return (a_or(work + Work.DATA, WORK_PENDING) & WORK_PENDING) === 0 && !clear_pending_if_disabled(work);
}
export function clear_pending_if_disabled(work: number): boolean {
  if (ld(work + Work.DISABLE) === 0) return false;
  a_and(work + Work.DATA, ~WORK_PENDING);
  return true;
}

/** CPU -1: any. Context: any. Return: false if it is pending already, or disabled. */
export function queue_work_raw(on: number, wq: number, work: number): boolean {
  check_work(work, 'queue_work');
  check_wq(wq, 'queue_work');
  if (WARN(on >= ld(Mach.CPUS), 'queue_work_on: there is no CPU %d', on)) return false;
  order_release(work);
  const flags = local_irq_save();
  const claimed = claim_work(work);
  if (claimed) insert_claimed(on, wq, work);
  local_irq_restore(flags);
  return claimed;
}

/** Queues an item whose PENDING the caller has claimed. Context: interrupts off. */
export function insert_claimed(on: number, wq: number, work: number): void {
  check_wq(wq, 'queue_work'); // a delayed one may come late
  const wq_flags = ld(wq + Wq.FLAGS);
  if ((wq_flags & (__WQ_DESTROYING | __WQ_DRAINING)) !== 0 && !is_chained(wq)) {
    WARN(
      true,
      'workqueue: cannot queue %s on wq %s, which is being drained',
      symbol_text(ld(work + Work.FUNC)),
      wq_name(wq),
    );
    a_and(work + Work.DATA, ~WORK_PENDING);
    return;
  }
  if (ld(work + Work.OWNER) === 0) st(work + Work.OWNER, ld(my + Pcpu.ALLOC_OWNER));
  const unbound = (wq_flags & WQ_UNBOUND) !== 0;
  let pwq = ld(wq + Wq.PWQS) + (unbound ? 0 : (on < 0 ? cpu : on) * Pwq.SIZE);
  let pool = ld(pwq + Pwq.POOL);
  let flags = 0;
  // If it runs in another pool it is queued there.
  const last = pool_of_work(work);
  let locked = false;
  if (last !== 0 && last !== pool) {
    flags = lock_irqsave(last);
    const worker = find_executing(last, work);
    if (worker !== 0 && ld(ld(worker + Worker.PWQ) + Pwq.WQ) === wq) {
      pwq = ld(worker + Worker.PWQ);
      pool = last;
      locked = true;
    } else unlock_irqrestore(last, flags);
  }
  if (!locked) flags = lock_irqsave(pool);
  const entry = work + Work.ENTRY;
  if (
    WARN(
      !(ld(entry) === 0 || ld(entry) === entry),
      'workqueue: the work item %s is in a list already: was it set up again while it was queued?',
      lock_text(work),
    )
  ) {
    unlock_irqrestore(pool, flags);
    return;
  }
  trace_event(Event.WORK_QUEUE, work, ld(work + Work.FUNC), ld(pool + Pool.CPU));
  st(work + Work.COLOR, take_color(wq));
  st(pwq + Pwq.IN_FLIGHT, ld(pwq + Pwq.IN_FLIGHT) + 1);
  if (list_is_empty(pwq + Pwq.INACTIVE) && ld(pwq + Pwq.NR_ACTIVE) < ld(pwq + Pwq.MAX_ACTIVE)) {
    st(pwq + Pwq.NR_ACTIVE, ld(pwq + Pwq.NR_ACTIVE) + 1);
    list_push_back(entry, pool + Pool.WORKLIST);
    a_st(work + Work.DATA, pwq | WORK_PENDING | WORK_PWQ);
    kick_pool(pool);
  } else {
    list_push_back(entry, pwq + Pwq.INACTIVE);
    a_st(work + Work.DATA, pwq | WORK_PENDING | WORK_PWQ | WORK_INACTIVE);
  }
  unlock_irqrestore(pool, flags);
}
/** Queued by a function that the same workqueue runs: allowed while it is drained. */
function is_chained(wq: number): boolean {
  const worker = current_worker();
  return worker !== 0 && ld(worker + Worker.WORK) !== 0 && ld(ld(worker + Worker.PWQ) + Pwq.WQ) === wq;
}

// ---- under the pool's lock ---------------------------------------------------------------------------------------------
/** Moves the item and what is linked to it to the end of a list. */
function move_linked(work: number, list: number): void {
  for (let w = work; ;) {
    const next = ld(w + Work.ENTRY) - Work.ENTRY;
    list_remove(w + Work.ENTRY);
    list_push_back(w + Work.ENTRY, list);
    if ((ld(w + Work.DATA) & WORK_LINKED) === 0) return;
    w = next;
  }
}
/** What max_active held back may run. */
export function activate(pwq: number, work: number): void {
  a_and(work + Work.DATA, ~WORK_INACTIVE);
  move_linked(work, ld(pwq + Pwq.POOL) + Pool.WORKLIST);
  st(pwq + Pwq.NR_ACTIVE, ld(pwq + Pwq.NR_ACTIVE) + 1);
}
/** An item has run or was taken off. After this the workqueue may be gone as soon as the pool's lock is released. */
export function leave_pwq(pwq: number, color: number): void {
  if (color === NO_COLOR) return;
  st(pwq + Pwq.NR_ACTIVE, ld(pwq + Pwq.NR_ACTIVE) - 1);
  const first = ld(pwq + Pwq.INACTIVE);
  if (first !== pwq + Pwq.INACTIVE && ld(pwq + Pwq.NR_ACTIVE) < ld(pwq + Pwq.MAX_ACTIVE)) {
    activate(pwq, first - Work.ENTRY);
    kick_pool(ld(pwq + Pwq.POOL));
  }
  st(pwq + Pwq.IN_FLIGHT, ld(pwq + Pwq.IN_FLIGHT) - 1);
  color_finished(ld(pwq + Pwq.WQ), color);
}

// ---- workers -----------------------------------------------------------------------------------------------------------
/** A kworker; keeps nothing across the sleep at the head of its loop. */
export function* worker_thread(worker: number): Sleeping<number> {
  for (;;) {
    const fn = next_work(worker);
    if (fn === 0) {
      schedule_debug();
      yield SCHEDULE;
      continue;
    }
    yield* call_sleepable(fn, ld(worker + Worker.WORK));
    work_done(worker);
    yield* cond_resched();
  }
}

/** Takes the next item and becomes the one that runs it, or goes idle. Return: its function, 0 when idle. */
function next_work(worker: number): number {
  const pool = ld(worker + Worker.POOL);
  const flags = lock_irqsave(pool);
  leave_idle(worker, pool);
  if (list_is_empty(worker + Worker.SCHEDULED) && !assign(worker, pool)) {
    enter_idle(worker, pool);
    set_current_state(TASK_IDLE);
    unlock_irqrestore(pool, flags);
    return 0;
  }
  const work = ld(worker + Worker.SCHEDULED) - Work.ENTRY;
  const pwq = ld(work + Work.DATA) & WORK_ADDRESS;
  const fn = ld(work + Work.FUNC);
  st(worker + Worker.WORK, work);
  st(worker + Worker.FUNC, fn);
  st(worker + Worker.PWQ, pwq);
  st(worker + Worker.COLOR, ld(work + Work.COLOR));
  list_push_back(worker + Worker.ENTRY, pool + Pool.BUSY);
  list_remove(work + Work.ENTRY);
  const owner = ld(work + Work.OWNER);
  if (ld(work + Work.COLOR) !== NO_COLOR && (ld(ld(pwq + Pwq.WQ) + Wq.FLAGS) & WQ_CPU_INTENSIVE) !== 0)
    set_worker_flag(worker, pool, WORKER_CPU_INTENSIVE);
  // From here on it may be queued again.
  a_st(work + Work.DATA, pool);
  kick_pool(pool);
  unlock_irqrestore(pool, flags);
  st(current_task() + Task.OWNER, owner);
  set_alloc_owner(owner);
  __set_current_state(TASK_RUNNING);
  trace_event(Event.WORK_START, work, fn);
  order_new_context();
  order_acquire(work);
  order_acquire(work + 4);
  if (ld(pwq + Pwq.MAX_ACTIVE) === 1 && ld(pool + Pool.CPU) < 0) order_acquire(ld(pwq + Pwq.WQ)); // ordered
  return fn;
}

function leave_idle(worker: number, pool: number): void {
  if ((ld(worker + Worker.FLAGS) & WORKER_IDLE) === 0) return;
  list_remove(worker + Worker.ENTRY);
  st(worker + Worker.FLAGS, ld(worker + Worker.FLAGS) & ~WORKER_IDLE);
  count_running(worker, pool, 1);
}
function enter_idle(worker: number, pool: number): void {
  count_running(worker, pool, -1);
  st(worker + Worker.FLAGS, ld(worker + Worker.FLAGS) | WORKER_IDLE);
  // Last in, first out: its memory is warm.
  list_push_front(worker + Worker.ENTRY, pool + Pool.IDLE);
}
function count_running(worker: number, pool: number, n: number): void {
  if ((ld(worker + Worker.FLAGS) & NOT_RUNNING) === 0) st(pool + Pool.NR_RUNNING, ld(pool + Pool.NR_RUNNING) + n);
}
function set_worker_flag(worker: number, pool: number, flag: number): void {
  count_running(worker, pool, -1);
  st(worker + Worker.FLAGS, ld(worker + Worker.FLAGS) | flag);
}
function clear_worker_flag(worker: number, pool: number, flag: number): void {
  st(worker + Worker.FLAGS, ld(worker + Worker.FLAGS) & ~flag);
  count_running(worker, pool, 1);
}

/** Moves an item of the pool to the worker. Return: false if it shall not go on: nothing to do, or others do it. */
function assign(worker: number, pool: number): boolean {
  for (;;) {
    const first = ld(pool + Pool.WORKLIST);
    if (first === pool + Pool.WORKLIST || ld(pool + Pool.NR_RUNNING) > 1) return false;
    const work = first - Work.ENTRY;
    // It runs already: the same worker goes on with it.
    const busy = find_executing(pool, work);
    move_linked(work, (busy === 0 ? worker : busy) + Worker.SCHEDULED);
    if (busy === 0) return true;
  }
}

/** The function has returned. */
function work_done(worker: number): void {
  const pool = ld(worker + Worker.POOL);
  trace_event(Event.WORK_END, ld(worker + Worker.WORK), ld(worker + Worker.FUNC));
  order_release(ld(worker + Worker.WORK) + 4);
  order_release(ld(ld(worker + Worker.PWQ) + Pwq.WQ));
  if (preempt_count() !== 0 || irqs_disabled()) leaked_atomic(worker);
  st(current_task() + Task.OWNER, 0);
  set_alloc_owner(0);
  const flags = lock_irqsave(pool);
  forget_work(worker, pool);
  unlock_irqrestore(pool, flags);
}
function forget_work(worker: number, pool: number): void {
  if ((ld(worker + Worker.FLAGS) & WORKER_CPU_INTENSIVE) !== 0) clear_worker_flag(worker, pool, WORKER_CPU_INTENSIVE);
  list_remove(worker + Worker.ENTRY);
  const pwq = ld(worker + Worker.PWQ);
  st(worker + Worker.WORK, 0);
  st(worker + Worker.FUNC, 0);
  st(worker + Worker.PWQ, 0);
  leave_pwq(pwq, ld(worker + Worker.COLOR));
}
function leaked_atomic(worker: number): void {
  const task = current_task();
  report(
    `workqueue leaked atomic: ${task_comm(task)}/0x${preempt_count().toString(16)}/${task_pid(task)}, interrupts ${irqs_disabled() ? 'off' : 'on'}, last function: ${symbol_text(ld(worker + Worker.FUNC))}: a lock is still held`,
    '',
  );
  st(my + Pcpu.PREEMPT, 0);
  st(my + Pcpu.IRQ_OFF, 0);
}

// ---- hooks of the scheduler -------------------------------------------------------------------------------------------
/** A worker goes to sleep in its work: another one may run. Context: the CPU loop, before its run queue is locked. */
export function wq_worker_sleeping(task: number): void {
  const worker = ld(task + Task.DATA);
  if ((ld(worker + Worker.FLAGS) & NOT_RUNNING) !== 0 || ld(worker + Worker.SLEEPING) !== 0) return;
  const pool = ld(worker + Worker.POOL);
  const flags = lock_irqsave(pool);
  st(worker + Worker.SLEEPING, 1);
  st(pool + Pool.NR_RUNNING, ld(pool + Pool.NR_RUNNING) - 1);
  kick_pool(pool);
  unlock_irqrestore(pool, flags);
}
/** It is on its CPU again. Context: the CPU loop. */
export function wq_worker_running(task: number): void {
  const worker = ld(task + Task.DATA);
  if (ld(worker + Worker.SLEEPING) === 0) return;
  const pool = ld(worker + Worker.POOL);
  const flags = lock_irqsave(pool);
  st(worker + Worker.SLEEPING, 0);
  count_running(worker, pool, 1);
  unlock_irqrestore(pool, flags);
}
/**
 * A function has oopsed, and its worker dies. Linux leaves the item running for ever; here it counts as done, so that
 * whoever waits for it gets on. Context: the dying task.
 */
export function wq_worker_died(task: number): void {
  const worker = ld(task + Task.DATA);
  const pool = ld(worker + Worker.POOL);
  const flags = lock_irqsave(pool);
  count_running(worker, pool, -1);
  st(pool + Pool.NR_WORKERS, ld(pool + Pool.NR_WORKERS) - 1);
  for (let at = ld(worker + Worker.SCHEDULED + 4); at !== worker + Worker.SCHEDULED;) {
    const before = ld(at + 4);
    list_remove(at);
    list_push_front(at, pool + Pool.WORKLIST);
    at = before;
  }
  if (ld(worker + Worker.WORK) !== 0) forget_work(worker, pool);
  st(worker + Worker.FLAGS, WORKER_IDLE); // no hook counts it again
  kick_pool(pool);
  unlock_irqrestore(pool, flags);
}
