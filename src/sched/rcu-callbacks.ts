// RCU callbacks: call_rcu, kfree_rcu, the softirq that invokes what a grace period has released, rcu_barrier.
//
// Each CPU has one list of rcu_heads in the order in which they came, cut in three by where its parts end (DONE, WAIT,
// NEXT: the address of the last `next` pointer of the part, at first that of HEAD):
//
//   HEAD -> ready to be invoked ... | wait for grace period WAIT_SEQ ... | wait for NEXT_SEQ ...
//                              DONE ^                               WAIT ^             NEXT ^
//
// More than two grace periods are never waited for: the one in progress, and the one after it. The list is under
// RCU_CB_LOCK of its CPU; QUEUED and INVOKED only count up and are written by the CPU itself, so that rcu_barrier can
// wait for INVOKED to reach what QUEUED was. Callbacks run in the RCU softirq of the CPU that queued them, in order.
import { RCU_BATCH, RCU_BATCH_SHIFT } from '../machine/params.js';
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { current_task, my } from '../cpu/context.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { preempt_count } from '../cpu/preempt.js';
import { order_acquire, order_rcu_passed, order_release } from '../cpu/order.js';
import { a_add, a_ld, a_st, ld, st } from '../cpu/raw.js';
import { raise_softirq, raise_softirq_irqoff, Softirq } from '../cpu/softirq.js';
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { raise_vector } from '../cpu/step.js';
import { Vector } from '../cpu/vectors.js';
import { BUG, report } from '../kernel/panic.js';
import { call_text, is_text, module_of_text, symbol_text } from '../kernel/text.js';
import { Event, trace_event } from '../kernel/trace.js';
import { kfree } from '../mm/slab.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { rcu_request, rcu_sched_clock_irq, rcu_seq_done, rcu_seq_snap } from './rcu.js';
import { list_push_back, list_remove, list_unlinked } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './task-layout.js';

/** struct rcu_head: next, func. A func below 0 is no function: -1 - offset of the head in an object to be freed. */
const FUNC = 4;
const free_at = (offset: number): number => -1 - offset;

export function rcu_init_percpu(area: number): void {
  arch_spin_init(area + Pcpu.RCU_CB_LOCK);
  const head = area + Pcpu.RCU_CB_HEAD;
  st(area + Pcpu.RCU_CB_DONE, head);
  st(area + Pcpu.RCU_CB_WAIT, head);
  st(area + Pcpu.RCU_CB_NEXT, head);
}

/** Moves what the grace periods up to `seq` have released to the first part. Under the lock. */
function advance(area: number, seq: number): void {
  while (
    ld(area + Pcpu.RCU_CB_DONE) !== ld(area + Pcpu.RCU_CB_WAIT) &&
    rcu_seq_done(seq, ld(area + Pcpu.RCU_CB_WAIT_SEQ))
  ) {
    st(area + Pcpu.RCU_CB_DONE, ld(area + Pcpu.RCU_CB_WAIT));
    st(area + Pcpu.RCU_CB_WAIT, ld(area + Pcpu.RCU_CB_NEXT));
    st(area + Pcpu.RCU_CB_WAIT_SEQ, ld(area + Pcpu.RCU_CB_NEXT_SEQ));
  }
}

/** Queues the head at `head` behind a grace period. Context: any. `func` is a text handle. */
export function call_rcu_raw(head: number, func: number): void {
  order_release(head);
  const flags = lock_irqsave(my + Pcpu.RCU_CB_LOCK);
  const area = my;
  if (head === ld(area + Pcpu.RCU_CB_NEXT)) {
    unlock_irqrestore(area + Pcpu.RCU_CB_LOCK, flags);
    BUG(`call_rcu: the rcu_head ${symbol_text(head)} is queued already, and is not invoked yet`);
  }
  const seq = a_ld(Mach.RCU_GP_SEQ);
  advance(area, seq);
  const wanted = rcu_seq_snap(seq);
  st(head, 0);
  st(head + FUNC, func);
  const waits = ld(area + Pcpu.RCU_CB_WAIT);
  const last = ld(area + Pcpu.RCU_CB_NEXT);
  st(last, head);
  st(area + Pcpu.RCU_CB_NEXT, head);
  if (ld(area + Pcpu.RCU_CB_DONE) === waits) st(area + Pcpu.RCU_CB_WAIT_SEQ, wanted);
  if (waits === last && ld(area + Pcpu.RCU_CB_WAIT_SEQ) === wanted) st(area + Pcpu.RCU_CB_WAIT, head);
  else st(area + Pcpu.RCU_CB_NEXT_SEQ, wanted);
  // Before the number is looked at again: whoever ends a grace period changes the number, then looks here.
  a_st(area + Pcpu.RCU_CB_QUEUED, ld(area + Pcpu.RCU_CB_QUEUED) + 1);
  unlock_irqrestore(area + Pcpu.RCU_CB_LOCK, flags);
  if (rcu_request(wanted, false) && ld(area + Pcpu.RCU_CB_QUEUED) !== ld(area + Pcpu.RCU_CB_INVOKED))
    raise_vector(area, Vector.RCU);
}
/** Frees the object in which the head lies at `offset` after a grace period. Context: any. */
export const kfree_rcu_raw = (object: number, offset: number): void => call_rcu_raw(object + offset, free_at(offset));

/** The interrupt Vector.RCU. Context: hardirq. */
export function rcu_interrupt(): void {
  rcu_sched_clock_irq();
  if (ld(my + Pcpu.RCU_CB_QUEUED) !== ld(my + Pcpu.RCU_CB_INVOKED)) raise_softirq_irqoff(Softirq.RCU);
}

/** How many callbacks this run may invoke; what waits for a later grace period asks for it. */
function begin_batch(): number {
  const flags = lock_irqsave(my + Pcpu.RCU_CB_LOCK);
  advance(my, a_ld(Mach.RCU_GP_SEQ));
  const waits = ld(my + Pcpu.RCU_CB_DONE) !== ld(my + Pcpu.RCU_CB_WAIT);
  const wanted = ld(my + Pcpu.RCU_CB_WAIT_SEQ);
  unlock_irqrestore(my + Pcpu.RCU_CB_LOCK, flags);
  if (waits && rcu_request(wanted, false)) raise_vector(my, Vector.RCU);
  const queued = (ld(my + Pcpu.RCU_CB_QUEUED) - ld(my + Pcpu.RCU_CB_INVOKED)) >>> 0;
  return Math.max(RCU_BATCH, queued >>> RCU_BATCH_SHIFT);
}
/** Takes the first ready head off the list, 0 if there is none. */
function take_ready(): number {
  const flags = lock_irqsave(my + Pcpu.RCU_CB_LOCK);
  const list = my + Pcpu.RCU_CB_HEAD;
  const ready_to = ld(my + Pcpu.RCU_CB_DONE);
  let head = 0;
  if (ready_to !== list) {
    head = ld(list);
    st(list, ld(head));
    for (let end = Pcpu.RCU_CB_DONE as number; end <= Pcpu.RCU_CB_NEXT; end += 4)
      if (ld(my + end) === head) st(my + end, list);
  }
  unlock_irqrestore(my + Pcpu.RCU_CB_LOCK, flags);
  return head;
}
function invoked(): void {
  a_st(my + Pcpu.RCU_CB_INVOKED, ld(my + Pcpu.RCU_CB_INVOKED) + 1);
}

/** The RCU softirq: invokes what is ready. */
export function rcu_core(): void {
  let batch = 0;
  for (let left = begin_batch(); left > 0; left--) {
    const head = take_ready();
    if (head === 0) break;
    const func = ld(head + FUNC);
    order_acquire(head);
    order_rcu_passed();
    if (func < 0) kfree(head + func + 1);
    else if (is_text(func)) invoke(func, head);
    else
      report(
        `the RCU callback 0x${func.toString(16)} of the rcu_head 0x${head.toString(16)} is gone with its module: call rcu_barrier() in module_exit`,
        '',
      );
    invoked();
    batch++;
  }
  if (batch !== 0) {
    trace_event(Event.RCU_CALLBACKS, batch);
    order_release(Mach.RCU_BARRIERS);
  }
  batch_ended();
}
function invoke(func: number, head: number): void {
  const count = preempt_count();
  call_text(func, head);
  if (preempt_count() !== count)
    BUG(
      `the RCU callback ${symbol_text(func)} left the preemption count as 0x${preempt_count().toString(16)}, which was 0x${count.toString(16)}`,
    );
  if (irqs_disabled()) BUG(`the RCU callback ${symbol_text(func)} returned with interrupts off`);
}
function batch_ended(): void {
  if (ld(my + Pcpu.RCU_CB_DONE) !== my + Pcpu.RCU_CB_HEAD) raise_softirq(Softirq.RCU);
  if (a_ld(Mach.RCU_NR_BARRIERS) === 0) return;
  const flags = lock_irqsave(Mach.RCU_LOCK);
  for (let at = ld(Mach.RCU_BARRIERS); at !== Mach.RCU_BARRIERS; at = ld(at))
    if (barrier_passed(at - LINK)) try_to_wake_up(ld(at - LINK + TASK), TASK_UNINTERRUPTIBLE);
  unlock_irqrestore(Mach.RCU_LOCK, flags);
}

// ---- rcu_barrier ----------------------------------------------------------------------------------------------------
// Frame: state, task, link, then for each CPU the count of callbacks that have to be invoked.
const STATE = 0;
const TASK = 4;
const LINK = 8;
const COUNTS = 16;
export const barrier_frame = (): number => COUNTS + 4 * ld(Mach.CPUS);

function barrier_passed(frame: number): boolean {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++)
    if (!rcu_seq_done(a_ld(percpu_base(c) + Pcpu.RCU_CB_INVOKED), ld(frame + COUNTS + 4 * c))) return false;
  return true;
}
/** Sleeps until all callbacks that are queued now have been invoked. Result: 0. */
export function rcu_barrier_attempt(frame: number): number {
  const queued = ld(frame + STATE) !== 0;
  const flags = lock_irqsave(Mach.RCU_LOCK);
  if (!queued) {
    st(frame + STATE, 1);
    st(frame + TASK, current_task());
    const n = ld(Mach.CPUS);
    for (let c = 0; c < n; c++) st(frame + COUNTS + 4 * c, a_ld(percpu_base(c) + Pcpu.RCU_CB_QUEUED));
    list_push_back(frame + LINK, Mach.RCU_BARRIERS);
    // Before INVOKED is looked at: who invokes counts, then looks whether anybody waits.
    a_add(Mach.RCU_NR_BARRIERS, 1);
  }
  const passed = barrier_passed(frame);
  if (passed) {
    if (!list_unlinked(frame + LINK)) list_remove(frame + LINK);
    a_add(Mach.RCU_NR_BARRIERS, -1);
  } else set_current_state(TASK_UNINTERRUPTIBLE);
  unlock_irqrestore(Mach.RCU_LOCK, flags);
  if (!passed) {
    if (!queued) block_on(Block.RCU, 0);
    return SLEEP;
  }
  __set_current_state(TASK_RUNNING);
  if (queued) unblock();
  order_acquire(Mach.RCU_BARRIERS);
  return 0;
}
/** Context: task. */
export function rcu_barrier_raw(): Sleeping<number> {
  might_sleep('rcu_barrier');
  let pending = false;
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (a_ld(area + Pcpu.RCU_CB_INVOKED) !== a_ld(area + Pcpu.RCU_CB_QUEUED)) pending = true;
  }
  if (!pending) order_acquire(Mach.RCU_BARRIERS);
  return pending ? delegate(drive(rcu_barrier_attempt, barrier_frame())) : ready(0);
}

/** Counts the callbacks of a module that have not been invoked. Context: task. Return: how many, and the first. */
export function callbacks_of_module(name: string): { count: number; first: number } {
  let count = 0;
  let first = 0;
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (a_ld(area + Pcpu.RCU_CB_QUEUED) === a_ld(area + Pcpu.RCU_CB_INVOKED)) continue;
    const flags = lock_irqsave(area + Pcpu.RCU_CB_LOCK);
    for (let head = ld(area + Pcpu.RCU_CB_HEAD); head !== 0; head = ld(head)) {
      const func = ld(head + FUNC);
      if (func < 0 || module_of_text(func) !== name) continue;
      if (count++ === 0) first = func;
    }
    unlock_irqrestore(area + Pcpu.RCU_CB_LOCK, flags);
  }
  return { count, first };
}
