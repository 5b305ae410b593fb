// RCU: read-side sections, quiescent states, grace periods. The preemptible flavour of Linux, into which rcu_bh and
// rcu_sched are folded: a grace period waits for every section of rcu_read_lock, and for every stretch of code with
// preemption, softirqs or interrupts off, that had begun before it. Callbacks are sched/rcu-callbacks.ts.
//
// There is no thread: whoever needs a grace period starts one, whoever reports the last quiescent state ends it and
// starts the next. All state is in the memory:
//
//   Task.RCU_NESTING, RCU_SPECIAL   of the running task, interrupts on top of it included; its own CPU only, but for
//                                   the bits of SPECIAL, which are changed under RCU_LOCK or by an atomic or
//   RCU_READERS, RCU_BLOCKERS       tasks that were switched out inside a section; how many of them hold up the grace
//                                   period in progress (those with BLOCKS_GP). Under RCU_LOCK
//   RCU_QS_WANTED of each CPU       the grace period in progress waits for a quiescent state of that CPU; RCU_QS_LEFT of
//                                   them. Set when it begins, cleared by the report, both under RCU_LOCK
//   RCU_EQS of each CPU             it idles: an extended quiescent state, in which nothing reads
//   RCU_GP_SEQ                      Linux's: low two bits 0 between grace periods, 1 in one; they are counted above.
//                                   Written under RCU_LOCK, read by everybody
//
// A CPU's quiescent states are: a switch of tasks, idle, and a tick, cond_resched or outermost rcu_read_unlock outside
// of all sections. Going idle says so, then looks at QS_WANTED; the start of a grace period sets QS_WANTED, then looks
// who idles: so one of them sees the other, and idle CPUs need not be woken. In the stepped build all CPUs can be seen
// at once, so the machine looks at them after each decision (rcu_poll) and a grace period ends as early as it may.
//
// Lock order: RCU_LOCK, then run queues' locks.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { clock_ns } from '../cpu/clock.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { HARDIRQ_OFFSET, preempt_count } from '../cpu/preempt.js';
import { order_off, order_on, order_rcu_lock, order_rcu_passed, order_rcu_unlock } from '../cpu/order.js';
import { a_add, a_and, a_ld, a_or, a_st, ld, st, stf64, STEPPED } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { raise_vector } from '../cpu/step.js';
import { Vector } from '../cpu/vectors.js';
import { report, task_comm, task_pid, WARN } from '../kernel/panic.js';
import { Event, trace_event } from '../kernel/trace.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { rcu_check_stall } from './rcu-stall.js';
import { list_init, list_push_back, list_remove, list_unlinked } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, Task, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './task-layout.js';

/** Task.RCU_SPECIAL: in the list of readers that were switched out; */
const BLOCKED = 1;
/** the grace period in progress waits for the end of its section; */
const NEED_QS = 2;
/** it is one of RCU_BLOCKERS. */
export const BLOCKS_GP = 4;

const SEQ_STATE = 3;
/** Depth of an idle task while its CPU is in RCU_EQS: a section there is an error, seen at its end. */
const IN_EQS = -0x40000000;

export function rcu_init(): void {
  arch_spin_init(Mach.RCU_LOCK);
  list_init(Mach.RCU_WAITERS);
  list_init(Mach.RCU_READERS);
  list_init(Mach.RCU_BARRIERS);
}

// ---- read side ------------------------------------------------------------------------------------------------------
/** Context: any. */
export function rcu_read_lock_raw(): void {
  const depth = ld(my + Pcpu.CURRENT) + Task.RCU_NESTING;
  st(depth, ld(depth) + 1);
  order_rcu_lock();
}
export function rcu_read_unlock_raw(): void {
  order_rcu_unlock();
  const task = ld(my + Pcpu.CURRENT);
  const depth = ld(task + Task.RCU_NESTING) - 1;
  st(task + Task.RCU_NESTING, depth);
  if (depth > 0) return;
  if (depth < 0) return bad_unlock(task, depth);
  // With preemption, softirqs or interrupts still off the section goes on until they are on: the tick or the next
  // switch does it then.
  if (ld(task + Task.RCU_SPECIAL) !== 0 && preempt_count() === 0 && !irqs_disabled()) section_ended(task);
}
function bad_unlock(task: number, depth: number): void {
  if (depth < IN_EQS / 2) report('suspicious RCU usage: rcu_read_lock() used illegally while idle');
  else {
    st(task + Task.RCU_NESTING, 0);
    WARN(true, 'rcu_read_unlock without rcu_read_lock by %s/%d', task_comm(task), task_pid(task));
  }
}
/** How deep the running task, with the interrupts on top of it, is in rcu_read_lock. Context: any. */
export const rcu_depth = (): number => ld(ld(my + Pcpu.CURRENT) + Task.RCU_NESTING);
/** False on a CPU that idles, whose readers no grace period would wait for. */
export const rcu_is_watching_raw = (): boolean => STEPPED || ld(my + Pcpu.RCU_EQS) === 0;

// ---- sequence of grace periods --------------------------------------------------------------------------------------
/** The number at which a grace period that begins from now on has ended. */
export const rcu_seq_snap = (seq: number): number => (seq + 2 * SEQ_STATE + 1) & ~SEQ_STATE;
export const rcu_seq_done = (seq: number, wanted: number): boolean => ((seq - wanted) | 0) >= 0;
const in_progress = (): boolean => (ld(Mach.RCU_GP_SEQ) & SEQ_STATE) !== 0;
/** All that the caller has written comes before the grace period that this names. Context: any. */
export const rcu_snapshot = (): number => rcu_seq_snap(a_add(Mach.RCU_GP_SEQ, 0));
export const rcu_passed = (wanted: number): boolean => rcu_seq_done(a_ld(Mach.RCU_GP_SEQ), wanted);

// ---- grace periods, under RCU_LOCK ----------------------------------------------------------------------------------
/** This CPU is in no section; under RCU_LOCK the counts say otherwise, so it is asked before. */
const quiescent_here = (): boolean => preempt_count() === 0 && !irqs_disabled() && rcu_depth() === 0;

function is_quiescent(c: number, here: boolean): boolean {
  if (c === cpu) return here;
  const area = percpu_base(c);
  if (!STEPPED) return a_ld(area + Pcpu.RCU_EQS) !== 0;
  const depth = ld(ld(area + Pcpu.CURRENT) + Task.RCU_NESTING);
  return depth === 0 && ld(area + Pcpu.PREEMPT) === 0 && ld(area + Pcpu.IRQ_OFF) === 0;
}

function begin(here: boolean): void {
  a_st(Mach.RCU_GP_SEQ, ld(Mach.RCU_GP_SEQ) + 1);
  trace_event(Event.RCU_GP_START, ld(Mach.RCU_GP_SEQ));
  stf64(Mach.RCU_GP_START, clock_ns());
  st(Mach.RCU_STALLS, 0);
  let blockers = 0;
  for (let at = ld(Mach.RCU_READERS); at !== Mach.RCU_READERS; at = ld(at)) {
    a_or(at - Task.RCU_LINK + Task.RCU_SPECIAL, BLOCKS_GP);
    blockers++;
  }
  st(Mach.RCU_BLOCKERS, blockers);
  let left = 0;
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    // First: a CPU that goes idle later sees it.
    a_st(area + Pcpu.RCU_QS_WANTED, 1);
    if (is_quiescent(c, here)) a_st(area + Pcpu.RCU_QS_WANTED, 0);
    else {
      left++;
      if (STEPPED) ask_reader(area);
    }
  }
  st(Mach.RCU_QS_LEFT, left);
}
/** The stepped build has no tick that would. */
function ask_reader(area: number): void {
  const task = ld(area + Pcpu.CURRENT);
  if (ld(task + Task.RCU_NESTING) > 0) a_or(task + Task.RCU_SPECIAL, NEED_QS);
}
function end(): void {
  const seq = (ld(Mach.RCU_GP_SEQ) | SEQ_STATE) + 1;
  a_st(Mach.RCU_GP_SEQ, seq);
  trace_event(Event.RCU_GP_END, seq);
  order_off(); // whoever ends it is not what the waiters come after
  for (let at = ld(Mach.RCU_WAITERS); at !== Mach.RCU_WAITERS;) {
    const frame = at - LINK;
    at = ld(at);
    if (!rcu_seq_done(seq, ld(frame + WANTED))) continue;
    list_remove(frame + LINK);
    try_to_wake_up(ld(frame + TASK), TASK_UNINTERRUPTIBLE);
  }
  order_on();
  // After the store of the number: who queues a callback does so, then looks at the number.
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (a_ld(area + Pcpu.RCU_CB_QUEUED) !== a_ld(area + Pcpu.RCU_CB_INVOKED)) raise_vector(area, Vector.RCU);
  }
}
/** Ends the grace period if nothing holds it up, and begins the next one that is asked for. */
function go_on(here: boolean): void {
  for (;;) {
    if (in_progress()) {
      if ((ld(Mach.RCU_QS_LEFT) | ld(Mach.RCU_BLOCKERS)) !== 0) return;
      end();
    }
    if (rcu_seq_done(ld(Mach.RCU_GP_SEQ), ld(Mach.RCU_GP_REQUESTED))) return;
    begin(here);
  }
}
function passed_quiescent_state(area: number): void {
  if (ld(area + Pcpu.RCU_QS_WANTED) === 0) return;
  a_st(area + Pcpu.RCU_QS_WANTED, 0);
  st(Mach.RCU_QS_LEFT, ld(Mach.RCU_QS_LEFT) - 1);
}
function leave_readers(task: number): void {
  const special = a_ld(task + Task.RCU_SPECIAL);
  if ((special & BLOCKED) === 0) return;
  list_remove(task + Task.RCU_LINK);
  if ((special & BLOCKS_GP) !== 0) st(Mach.RCU_BLOCKERS, ld(Mach.RCU_BLOCKERS) - 1);
  a_and(task + Task.RCU_SPECIAL, ~(BLOCKED | BLOCKS_GP));
}

// ---- what calls them ------------------------------------------------------------------------------------------------
/**
 * Asks for the grace period that ends at `wanted`. Who waits for it is `at_once` in a quiescent state, if in no section;
 * for a callback this CPU's next one will do, so that callbacks gather. Context: any. Return: true if it has ended already.
 */
export function rcu_request(wanted: number, at_once: boolean): boolean {
  if (!rcu_seq_done(a_ld(Mach.RCU_GP_REQUESTED), wanted)) {
    const here = at_once && quiescent_here();
    const flags = lock_irqsave(Mach.RCU_LOCK);
    if (!rcu_seq_done(ld(Mach.RCU_GP_REQUESTED), wanted)) {
      a_st(Mach.RCU_GP_REQUESTED, wanted);
      if (!in_progress()) go_on(here);
    }
    unlock_irqrestore(Mach.RCU_LOCK, flags);
  }
  return rcu_passed(wanted);
}

/** This CPU is outside of all sections. */
function quiescent_state(): void {
  const flags = lock_irqsave(Mach.RCU_LOCK);
  passed_quiescent_state(my);
  go_on(true);
  unlock_irqrestore(Mach.RCU_LOCK, flags);
}
/** The outermost section of the running task has ended, or one that other things had made longer. */
function section_ended(task: number): void {
  const flags = lock_irqsave(Mach.RCU_LOCK);
  leave_readers(task);
  if ((a_and(task + Task.RCU_SPECIAL, ~NEED_QS) & NEED_QS) !== 0) passed_quiescent_state(my);
  go_on(true);
  unlock_irqrestore(Mach.RCU_LOCK, flags);
}

/** The CPU loop's switch away from `previous` (0 if none), before that is queued anywhere. */
export function rcu_note_context_switch(previous: number): void {
  if (previous !== 0 && (ld(previous + Task.RCU_NESTING) | ld(previous + Task.RCU_SPECIAL)) !== 0) switch_out(previous);
  if (ld(my + Pcpu.RCU_QS_WANTED) !== 0) quiescent_state();
}
function switch_out(task: number): void {
  if (ld(task + Task.RCU_NESTING) === 0) return section_ended(task);
  const flags = lock_irqsave(Mach.RCU_LOCK);
  a_and(task + Task.RCU_SPECIAL, ~NEED_QS);
  if ((a_ld(task + Task.RCU_SPECIAL) & BLOCKED) === 0) {
    list_push_back(task + Task.RCU_LINK, Mach.RCU_READERS);
    // A CPU that has passed its quiescent state has begun this section after the grace period's start.
    const holds_up = ld(my + Pcpu.RCU_QS_WANTED) !== 0;
    a_or(task + Task.RCU_SPECIAL, holds_up ? BLOCKED | BLOCKS_GP : BLOCKED);
    if (holds_up) st(Mach.RCU_BLOCKERS, ld(Mach.RCU_BLOCKERS) + 1);
  }
  unlock_irqrestore(Mach.RCU_LOCK, flags);
}

/** A task ends. One that oopsed may do so anywhere. Context: its own, nothing held. */
export function rcu_exit(task: number, oopsed: boolean): void {
  const depth = ld(task + Task.RCU_NESTING);
  if ((depth | ld(task + Task.RCU_SPECIAL)) === 0) return;
  st(task + Task.RCU_NESTING, 0);
  section_ended(task);
  if (depth !== 0 && !oopsed)
    report(
      `${task_comm(task)}/${task_pid(task)} ends inside an RCU read-side critical section: rcu_read_unlock is missing (depth ${depth})`,
      '',
    );
}

/** Context: hardirq, on top of whatever it interrupted: the tick, and the interrupt of an expedited grace period. */
export function rcu_sched_clock_irq(): void {
  const task = current_task();
  const depth = ld(task + Task.RCU_NESTING);
  const alone = preempt_count() === HARDIRQ_OFFSET;
  if (ld(my + Pcpu.RCU_QS_WANTED) !== 0) {
    if (depth > 0) a_or(task + Task.RCU_SPECIAL, NEED_QS);
    else if (alone) quiescent_state();
  }
  if (depth === 0 && alone && ld(task + Task.RCU_SPECIAL) !== 0) section_ended(task);
}
/** The tick's part. */
export function rcu_tick(): void {
  if (!in_progress()) return;
  rcu_sched_clock_irq();
  if (!STEPPED) rcu_check_stall();
}
/** cond_resched's part: a quiescent state in a long loop. Context: task. */
export function rcu_all_qs(): void {
  if (quiescent_here()) quiescent_state();
}

/** The CPU has nothing to run. Nothing may read, and no interrupt may be taken, until rcu_idle_exit. */
export function rcu_idle_enter(): void {
  for (;;) {
    a_st(my + Pcpu.RCU_EQS, 1);
    if (a_ld(my + Pcpu.RCU_QS_WANTED) === 0) break;
    a_st(my + Pcpu.RCU_EQS, 0);
    quiescent_state();
  }
  st(ld(my + Pcpu.CURRENT) + Task.RCU_NESTING, IN_EQS);
}
export function rcu_idle_exit(): void {
  st(ld(my + Pcpu.CURRENT) + Task.RCU_NESTING, 0);
  a_st(my + Pcpu.RCU_EQS, 0);
}

/** The stepped machine, after a decision while RCU_QS_LEFT is not 0: reports for every CPU that is in no section. */
export function rcu_poll(): void {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    const depth = ld(ld(area + Pcpu.CURRENT) + Task.RCU_NESTING);
    if (depth === 0 && ld(area + Pcpu.PREEMPT) === 0 && ld(area + Pcpu.IRQ_OFF) === 0) passed_quiescent_state(area);
  }
  go_on(quiescent_here());
}

// ---- waiting for a grace period -------------------------------------------------------------------------------------
const STATE = 0;
const WANTED = 4;
const TASK = 8;
const LINK = 12;
export const RCU_FRAME = 20;

/** Sleeps until the grace period that ends at `wanted` is over. Result: 0. */
export function rcu_wait_attempt(frame: number, wanted: number, expedited: number): number {
  const queued = ld(frame + STATE) !== 0;
  if (!queued) {
    st(frame + STATE, 1);
    st(frame + WANTED, wanted);
    st(frame + TASK, current_task());
    rcu_request(wanted, true);
    if (expedited !== 0 && !STEPPED) hurry();
  }
  const flags = lock_irqsave(Mach.RCU_LOCK);
  const done = rcu_seq_done(ld(Mach.RCU_GP_SEQ), wanted);
  if (done) {
    if (!list_unlinked(frame + LINK)) list_remove(frame + LINK);
  } else {
    if (list_unlinked(frame + LINK)) list_push_back(frame + LINK, Mach.RCU_WAITERS);
    set_current_state(TASK_UNINTERRUPTIBLE);
  }
  unlock_irqrestore(Mach.RCU_LOCK, flags);
  if (!done) {
    if (!queued) block_on(Block.RCU, wanted);
    return SLEEP;
  }
  __set_current_state(TASK_RUNNING);
  if (queued) unblock();
  order_rcu_passed();
  return 0;
}
/** Every CPU that the grace period waits for looks at once, not only at its next tick. */
function hurry(): void {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (c !== cpu && a_ld(area + Pcpu.RCU_QS_WANTED) !== 0) raise_vector(area, Vector.RCU);
  }
}
/** Context: task, in no section. */
export function synchronize_rcu_raw(expedited: number, what: string): Sleeping<number> {
  might_sleep(what);
  return rcu_wait(rcu_snapshot(), expedited);
}
/** Waits for the end of the grace period `wanted`. When no CPU reads it is over at once. */
export function rcu_wait(wanted: number, expedited: number): Sleeping<number> {
  if (rcu_request(wanted, true)) {
    order_rcu_passed();
    return ready(0);
  }
  return delegate(drive(rcu_wait_attempt, RCU_FRAME, wanted, expedited));
}
