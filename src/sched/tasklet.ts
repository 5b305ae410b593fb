// Tasklets on byte addresses; linux/interrupt.ts has the public names. A scheduled tasklet is in the list of one CPU,
// which only that CPU touches, with interrupts off; its function runs in that CPU's softirq.
//
//   STATE  SCHED  in a list, or about to be; who sets it may insert it. Cleared before the function is called: a schedule
//                 from there on makes it run again.
//          RUN    held by the CPU on which the function runs: on one at a time
//   COUNT  while it is not 0 the function does not run
//   CPU    the list that it is in, or was in last: CPU << 1, plus 1 for the high-priority one. Written before it is linked.
//
// A tasklet that cannot run (disabled, or running elsewhere) goes back into the list, and its CPU does not go round for
// it as Linux's does: it looks once more after that, and whoever enables it, or ends its run, then looks for SCHED and
// tells its CPU. One of the two sees the other. (Nothing is lost by it, and a stepped machine comes to rest.)
import { Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, my } from '../cpu/context.js';
import { local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { wait_on } from '../cpu/park.js';
import { in_interrupt } from '../cpu/preempt.js';
import { order_acquire, order_release } from '../cpu/order.js';
import { a_add, a_and, a_ld, a_or, a_st, a_sub, ld, st } from '../cpu/raw.js';
import { ring_waiters } from '../cpu/ring-waiters.js';
import { raise_softirq, raise_softirq_irqoff, Softirq } from '../cpu/softirq.js';
import { lock_text } from '../cpu/spinlock.js';
import { raise_vector } from '../cpu/step.js';
import { Vector, Wait } from '../cpu/vectors.js';
import { BUG, WARN } from '../kernel/panic.js';
import { printk_emit } from '../kernel/printk.js';
import { call_text } from '../kernel/text.js';
import { Event, trace_event } from '../kernel/trace.js';
import { block_on, might_sleep } from './debug.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, TASK_NORMAL, TASK_UNINTERRUPTIBLE, WaitEntry } from './task-layout.js';
import {
  finish_wait_raw,
  init_wait_entry,
  init_wait_head,
  prepare_to_wait_raw,
  waitqueue_active_raw,
  wake_up_queue,
} from './wait.js';
import { Tasklet, TASKLET_RUN, TASKLET_SCHED, TASKLET_WAIT } from './work-layout.js';

const KERN_NOTICE = 5;

export function tasklets_init(): void {
  init_wait_head(TASKLET_WAIT);
}

export function tasklet_init_raw(t: number, fn: number, data: number, callback: boolean): void {
  st(t + Tasklet.NEXT, 0);
  st(t + Tasklet.STATE, 0);
  st(t + Tasklet.COUNT, 0);
  st(t + Tasklet.FUNC, fn);
  st(t + Tasklet.DATA, data);
  st(t + Tasklet.USE_CALLBACK, callback ? 1 : 0);
}

// ---- the lists ---------------------------------------------------------------------------------------------------------
const list_of = (nr: number): number => (nr === Softirq.HI ? Pcpu.TASKLETS_HI : Pcpu.TASKLETS);

/** Puts it at the end of this CPU's list. Context: interrupts off. */
function append(t: number, nr: number): void {
  const head = my + list_of(nr);
  a_st(t + Tasklet.CPU, (cpu << 1) | (nr === Softirq.HI ? 1 : 0));
  st(t + Tasklet.NEXT, 0);
  const tail = ld(head + 4);
  if (tail === 0) st(head, t);
  else st(tail + Tasklet.NEXT, t);
  st(head + 4, t);
}

/** `nr`: Softirq.TASKLET or HI. Context: any. Return: false if it was scheduled already. */
export function tasklet_schedule_raw(t: number, nr: number): void {
  if (ld(t + Tasklet.FUNC) === 0)
    BUG(`tasklet_schedule: ${lock_text(t)} has no function: set it up with tasklet_setup or DECLARE_TASKLET`);
  order_release(t);
  if ((a_or(t + Tasklet.STATE, TASKLET_SCHED) & TASKLET_SCHED) !== 0) return;
  const flags = local_irq_save();
  append(t, nr);
  raise_softirq_irqoff(nr);
  local_irq_restore(flags);
}

/** Tells the CPU in whose list it is that it can run. */
function kick(t: number): void {
  const where = a_ld(t + Tasklet.CPU);
  const area = percpu_base(where >> 1);
  if (area === my) raise_softirq((where & 1) !== 0 ? Softirq.HI : Softirq.TASKLET);
  else raise_vector(area, Vector.IRQ_WORK);
}
/** The other end of it. Context: hardirq. */
export function tasklet_interrupt(): void {
  if (ld(my + Pcpu.TASKLETS) !== 0) raise_softirq_irqoff(Softirq.TASKLET);
  if (ld(my + Pcpu.TASKLETS_HI) !== 0) raise_softirq_irqoff(Softirq.HI);
}

// ---- the softirq -------------------------------------------------------------------------------------------------------
/** Context: softirq. */
export function tasklet_action(nr: number): void {
  let next = take_list(nr);
  while (next !== 0) {
    const t = next;
    next = ld(t + Tasklet.NEXT);
    if (!begin(t)) {
      put_back(t, nr);
      continue;
    }
    const fn = ld(t + Tasklet.FUNC);
    trace_event(Event.WORK_START, t, fn);
    order_acquire(t);
    order_acquire(t + 4);
    call_text(fn, ld(t + Tasklet.USE_CALLBACK) !== 0 ? t : ld(t + Tasklet.DATA));
    order_release(t + 4);
    trace_event(Event.WORK_END, t, fn);
    end(t);
  }
}
function take_list(nr: number): number {
  const flags = local_irq_save();
  const head = my + list_of(nr);
  const first = ld(head);
  st(head, 0);
  st(head + 4, 0);
  local_irq_restore(flags);
  return first;
}
/** Return: true if the function may run here now. */
function begin(t: number): boolean {
  if ((a_or(t + Tasklet.STATE, TASKLET_RUN) & TASKLET_RUN) !== 0) return false;
  if (a_ld(t + Tasklet.COUNT) !== 0) {
    a_and(t + Tasklet.STATE, ~TASKLET_RUN);
    wake_waiters();
    return false;
  }
  const state = a_and(t + Tasklet.STATE, ~TASKLET_SCHED);
  WARN((state & TASKLET_SCHED) === 0, 'tasklet SCHED state not set: %s', lock_text(t));
  wake_waiters();
  return true;
}
function end(t: number): void {
  const state = a_and(t + Tasklet.STATE, ~TASKLET_RUN);
  wake_waiters();
  // Scheduled again meanwhile: its CPU may have found it running and put it back.
  if ((state & TASKLET_SCHED) !== 0) kick(t);
}
function put_back(t: number, nr: number): void {
  const flags = local_irq_save();
  append(t, nr);
  if (a_ld(t + Tasklet.COUNT) === 0 && (a_ld(t + Tasklet.STATE) & TASKLET_RUN) === 0) raise_softirq_irqoff(nr);
  local_irq_restore(flags);
}

// ---- disabling, waiting -----------------------------------------------------------------------------------------------
function wake_waiters(): void {
  if (waitqueue_active_raw(TASKLET_WAIT)) wake_up_queue(TASKLET_WAIT, TASK_NORMAL, 0);
  ring_waiters(Wait.TASKLET);
}

export const tasklet_disable_nosync_raw = (t: number): void => {
  a_add(t + Tasklet.COUNT, 1);
};
/** Context: any. */
export function tasklet_enable_raw(t: number): void {
  const old = a_sub(t + Tasklet.COUNT, 1);
  if (old < 1) BUG(`tasklet_enable of ${lock_text(t)}, which is not disabled`);
  if (old === 1 && (a_ld(t + Tasklet.STATE) & TASKLET_SCHED) !== 0) kick(t);
}

/** Waits, busy, until the function does not run. Context: any but the tasklet's own function. */
export function tasklet_unlock_spin_wait(t: number): void {
  wait_on(Wait.TASKLET, t, () => (a_ld(t + Tasklet.STATE) & TASKLET_RUN) === 0);
  order_acquire(t + 4);
}

/** Frame: phase, pad, wait entry. */
const ENTRY = 8;
const TASKLET_FRAME = ENTRY + WaitEntry.SIZE + 4;
/** Waits until none of `bits` is set in STATE, then sets those in `claim`; then, for `kill`, until it does not run. */
function tasklet_wait_attempt(frame: number, t: number, kill: number): number {
  const entry = frame + ENTRY;
  for (;;) {
    const phase = ld(frame);
    if (phase === 0) {
      init_wait_entry(entry, 0);
      st(frame, kill !== 0 ? 1 : 2);
      continue;
    }
    prepare_to_wait_raw(TASKLET_WAIT, entry, TASK_UNINTERRUPTIBLE);
    const state = phase === 1 ? a_or(t + Tasklet.STATE, TASKLET_SCHED) : a_ld(t + Tasklet.STATE);
    if ((state & (phase === 1 ? TASKLET_SCHED : TASKLET_RUN)) !== 0) {
      block_on(Block.TASKLET, t);
      return SLEEP;
    }
    finish_wait_raw(TASKLET_WAIT, entry);
    if (phase === 2) break;
    st(frame, 2);
  }
  order_acquire(t + 4);
  if (kill !== 0) {
    a_and(t + Tasklet.STATE, ~TASKLET_SCHED);
    wake_waiters();
  }
  return 0;
}

/** Sleeps until the function does not run. Context: task. */
export function tasklet_wait(t: number): Sleeping<number> {
  might_sleep('tasklet_unlock_wait');
  if ((a_ld(t + Tasklet.STATE) & TASKLET_RUN) === 0) {
    order_acquire(t + 4);
    return ready(0);
  }
  return delegate(drive(tasklet_wait_attempt, TASKLET_FRAME, t, 0));
}
/** Sleeps until it is neither scheduled nor running. A disabled one that is scheduled never is. Context: task. */
export function tasklet_kill_raw(t: number): Sleeping<number> {
  if (in_interrupt()) printk_emit(KERN_NOTICE, 'Attempt to kill tasklet from interrupt');
  might_sleep('tasklet_kill');
  return delegate(drive(tasklet_wait_attempt, TASKLET_FRAME, t, 1));
}
export function tasklet_disable_raw(t: number): Sleeping<number> {
  tasklet_disable_nosync_raw(t);
  return tasklet_wait(t);
}
