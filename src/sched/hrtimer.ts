// High-resolution timers on byte addresses; linux/hrtimer.ts has the public names. Built as timer.ts is (see there for BASE,
// ARMED and how a timer moves between CPUs), with keys in ns since boot and two heaps for each CPU: one is run by the
// interrupt, the other, of HRTIMER_MODE_SOFT, by the softirq that the interrupt raises.
//
// HR_DEADLINE of a CPU says when it wants its interrupt. The timekeeper sleeps until the first of them, or of the next
// tick; who arms one before that rings its bell (TK_BELL). A timer is never early; how late it is depends on when the host
// runs the timekeeper and the CPU: see docs/modules.md. In the stepped build time is virtual, and a timer is exact unless
// CPUs make steps in between.
//
// A timer that has a range (SOFT before KEY) waits for its hard end, and is run earlier with one that is due.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { clock_ns } from '../cpu/clock.js';
import { local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { ring, wait_on } from '../cpu/park.js';
import { order_acquire, order_off, order_on, order_release } from '../cpu/order.js';
import { a_add, a_cas, a_ld, a_st, futex_wake, ld, ldf64, st, stf64, STEPPED } from '../cpu/raw.js';
import { ring_waiters } from '../cpu/ring-waiters.js';
import { raise_softirq_irqoff, Softirq } from '../cpu/softirq.js';
import { arch_spin_lock, arch_spin_unlock, lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { raise_vector } from '../cpu/step.js';
import { Vector, Wait } from '../cpu/vectors.js';
import { BUG, WARN } from '../kernel/panic.js';
import { call_text, symbol_text } from '../kernel/text.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { pq_first, pq_insert, pq_pop, pq_remove } from './pqueue.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, PF_DAEMON, Task, TASK_NORMAL, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './task-layout.js';
import {
  Hr,
  HR_DAEMON,
  HR_TIMEOUT_FRAME,
  HRTIMER_MODE_REL,
  HRTIMER_MODE_SOFT,
  NR_HRTIMERS,
  REAL_OFFSET,
  TK_BELL,
  TK_UNTIL,
} from './work-layout.js';

const EINTR = 4;
const ARMED = 1;
const base_word = (n: number): number => (n + 1) << 1;
const base_cpu = (word: number): number => (word >>> 1) - 1;
const WAKE_TASK = 1;
const NEVER = Infinity;
const CLOCK_REALTIME = 0;
const CLOCK_TAI = 11;

/** ns from the clock's zero to the boot. */
export const clock_offset = (clock: number): number =>
  clock === CLOCK_REALTIME || clock === CLOCK_TAI ? ldf64(REAL_OFFSET) : 0;
const offset_of = (t: number): number => clock_offset((ld(t + Hr.FLAGS) >> 8) & 0xff);
const is_soft = (t: number): boolean => (ld(t + Hr.FLAGS) & HRTIMER_MODE_SOFT) !== 0;
const heap_of = (t: number): number => (is_soft(t) ? Pcpu.HR_SOFT_HEAP : Pcpu.HR_HEAP);
const running_of = (t: number): number => (is_soft(t) ? Pcpu.HR_SOFT_RUNNING : Pcpu.HR_RUNNING);

/** `fn`: text handle, or 0: set before it is started. */
export function hrtimer_init_raw(t: number, fn: number, clock: number, mode: number): void {
  for (let a = t; a < t + Hr.SIZE; a += 4) st(a, 0);
  st(t + Hr.FUNCTION, fn);
  st(t + Hr.FLAGS, (mode & ~HRTIMER_MODE_REL) | (clock << 8));
}

export function hrtimers_init(area: number): void {
  stf64(area + Pcpu.HR_DEADLINE, NEVER);
}

// ---- under the base's lock ---------------------------------------------------------------------------------------------
/** Says when this CPU wants the interrupt, and wakes the timekeeper if that is earlier than it knows. */
function publish(area: number): void {
  const hard = pq_first(area + Pcpu.HR_HEAP);
  const soft = ld(area + Pcpu.HR_SOFT_RAISED) !== 0 ? 0 : pq_first(area + Pcpu.HR_SOFT_HEAP);
  const first = Math.min(hard === 0 ? NEVER : ldf64(hard + Hr.KEY), soft === 0 ? NEVER : ldf64(soft + Hr.KEY));
  const before = ldf64(area + Pcpu.HR_DEADLINE);
  if (first === before) return;
  stf64(area + Pcpu.HR_DEADLINE, first);
  if (STEPPED) return ring(area);
  if (first >= before) return;
  if (first <= clock_ns()) return raise_vector(area, Vector.HRTIMER);
  a_ld(TK_BELL); // the deadline is written before the next line reads: the timekeeper does it the other way round
  if (first >= ldf64(TK_UNTIL)) return;
  a_add(TK_BELL, 1);
  futex_wake(TK_BELL, 1);
}
function count(t: number, n: number): void {
  a_add(NR_HRTIMERS, n);
  if ((ld(t + Hr.FLAGS) & HR_DAEMON) === 0) a_add(Mach.NR_TIMERS, n);
}
function insert(area: number, t: number, n: number): void {
  pq_insert(area + heap_of(t), t);
  a_st(t + Hr.BASE, base_word(n) | ARMED);
  count(t, 1);
}
function remove(area: number, t: number): void {
  pq_remove(area + heap_of(t), t);
  a_st(t + Hr.BASE, ld(t + Hr.BASE) & ~ARMED);
  count(t, -1);
}

// ---- arming, cancelling ------------------------------------------------------------------------------------------------
/** `time` in ns of the timer's clock, or from now; `range` in ns. Context: any. */
export function hrtimer_start_raw(t: number, time: number, range: number, mode: number): void {
  if (WARN(ld(t + Hr.FUNCTION) === 0, 'hrtimer_start: the timer %s has no function', lock_text(t))) return;
  if (typeof time !== 'number' || Number.isNaN(time))
    throw new TypeError(`hrtimer_start: the time is a number of ns, not ${typeof time}`);
  order_release(t);
  const from = (mode & HRTIMER_MODE_REL) !== 0 ? clock_ns() + Math.max(0, time) : time - offset_of(t);
  const outer = local_irq_save();
  // Whole ns: the stepped build's clock jumps to them exactly.
  while (!rearm(t, Math.ceil(from), Math.ceil(from + range)));
  local_irq_restore(outer);
}
/** One attempt. Return: false if another CPU has moved the timer meanwhile. */
function rearm(t: number, soft: number, hard: number): boolean {
  const word = a_ld(t + Hr.BASE);
  const from = word === 0 ? cpu : base_cpu(word);
  const first = percpu_base(Math.min(from, cpu)) + Pcpu.HR_LOCK;
  const second = from === cpu ? 0 : percpu_base(Math.max(from, cpu)) + Pcpu.HR_LOCK;
  const flags = lock_irqsave(first);
  if (second !== 0) arch_spin_lock(second);
  const area = percpu_base(from);
  const done = word === 0 ? a_cas(t + Hr.BASE, 0, base_word(cpu)) === 0 : ld(t + Hr.BASE) === word;
  if (done) {
    const stays = from === cpu || a_ld(area + running_of(t)) === t;
    if ((word & ARMED) !== 0) {
      remove(area, t);
      if (!stays) publish(area);
    }
    stf64(t + Hr.SOFT, soft);
    stf64(t + Hr.KEY, hard);
    insert(stays ? area : my, t, stays ? from : cpu);
    publish(stays ? area : my);
  }
  if (second !== 0) arch_spin_unlock(second);
  unlock_irqrestore(first, flags);
  return done;
}

/** Context: any. Return: 1 if it was armed, 0 if not, -1 while its function runs. */
export function hrtimer_try_to_cancel_raw(t: number): number {
  for (;;) {
    const word = a_ld(t + Hr.BASE);
    if (word === 0) return 0;
    const area = percpu_base(base_cpu(word));
    const flags = lock_irqsave(area + Pcpu.HR_LOCK);
    const same = ld(t + Hr.BASE) === word;
    let result = 0;
    if (same && a_ld(area + running_of(t)) === t) result = -1;
    else if (same && (word & ARMED) !== 0) {
      remove(area, t);
      publish(area);
      result = 1;
    }
    unlock_irqrestore(area + Pcpu.HR_LOCK, flags);
    if (same) {
      if (result >= 0) order_acquire(t + 4);
      return result;
    }
  }
}
/** Waits for a running function. Context: any but its own function. Return: 1 if it was armed. */
export function hrtimer_cancel_raw(t: number): number {
  for (;;) {
    const result = hrtimer_try_to_cancel_raw(t);
    if (result >= 0) return result;
    const area = percpu_base(base_cpu(a_ld(t + Hr.BASE)));
    const running = area + running_of(t);
    if (area === my && a_ld(running) === t)
      BUG(`hrtimer_cancel of ${lock_text(t)} by its own function, or on top of it: it would wait for itself`);
    wait_on(Wait.HRTIMER, t, () => a_ld(running) !== t);
  }
}
export const hrtimer_is_queued_raw = (t: number): boolean => (a_ld(t + Hr.BASE) & ARMED) !== 0;
export function hrtimer_callback_running_raw(t: number): boolean {
  const word = a_ld(t + Hr.BASE);
  return word !== 0 && a_ld(percpu_base(base_cpu(word)) + running_of(t)) === t;
}
/** Armed, or its function runs. */
export function hrtimer_active_raw(t: number): boolean {
  return hrtimer_is_queued_raw(t) || hrtimer_callback_running_raw(t);
}
/** In ns of the timer's clock. */
export const hrtimer_expires_raw = (t: number): number => ldf64(t + Hr.KEY) + offset_of(t);
export const hrtimer_softexpires_raw = (t: number): number => ldf64(t + Hr.SOFT) + offset_of(t);
export const hrtimer_now_raw = (t: number): number => clock_ns() + offset_of(t);
export function hrtimer_set_expires_raw(t: number, soft: number, range: number): void {
  stf64(t + Hr.SOFT, soft - offset_of(t));
  stf64(t + Hr.KEY, soft + range - offset_of(t));
}
/** Moves the expiry of a timer that is not armed by whole intervals beyond `now`. Return: by how many. */
export function hrtimer_forward_raw(t: number, now: number, interval: number): number {
  const late = now - hrtimer_expires_raw(t);
  if (late < 0) return 0;
  if (WARN(hrtimer_is_queued_raw(t), 'hrtimer_forward of %s, which is armed', lock_text(t))) return 0;
  const by = Math.max(1, interval);
  const n = Math.floor(late / by) + 1;
  stf64(t + Hr.KEY, ldf64(t + Hr.KEY) + n * by);
  stf64(t + Hr.SOFT, ldf64(t + Hr.SOFT) + n * by);
  return n;
}

// ---- running ----------------------------------------------------------------------------------------------------------
/** Context: hardirq. */
export function hrtimer_interrupt(): void {
  if (soft_is_due()) raise_softirq_irqoff(Softirq.HRTIMER);
  run_queue(Pcpu.HR_HEAP, Pcpu.HR_RUNNING);
}
/** Context: softirq. */
export function run_hrtimer_softirq(): void {
  run_queue(Pcpu.HR_SOFT_HEAP, Pcpu.HR_SOFT_RUNNING);
  soft_has_run();
}
function soft_is_due(): boolean {
  const flags = lock_irqsave(my + Pcpu.HR_LOCK);
  const first = ld(my + Pcpu.HR_SOFT_RAISED) !== 0 ? 0 : pq_first(my + Pcpu.HR_SOFT_HEAP);
  const due = first !== 0 && ldf64(first + Hr.SOFT) <= clock_ns();
  if (due) {
    st(my + Pcpu.HR_SOFT_RAISED, 1);
    publish(my);
  }
  unlock_irqrestore(my + Pcpu.HR_LOCK, flags);
  return due;
}
function soft_has_run(): void {
  const flags = lock_irqsave(my + Pcpu.HR_LOCK);
  st(my + Pcpu.HR_SOFT_RAISED, 0);
  publish(my);
  unlock_irqrestore(my + Pcpu.HR_LOCK, flags);
}

function run_queue(heap: number, running: number): void {
  for (;;) {
    const t = take_due(heap, running);
    if (t === 0) return;
    const fn = ld(t + Hr.FUNCTION);
    order_acquire(t);
    order_acquire(t + 4);
    const again = fn === WAKE_TASK ? wake_sleeper(t) : call_text(fn, t);
    order_release(t + 4);
    if (again !== 0 && again !== 1) wrong_result(fn, again);
    finished(t, running, again === 1);
  }
}
function take_due(heap: number, running: number): number {
  const flags = lock_irqsave(my + Pcpu.HR_LOCK);
  let t = pq_first(my + heap);
  if (t !== 0 && ldf64(t + Hr.SOFT) <= clock_ns()) {
    pq_pop(my + heap);
    // As in timer.ts: before BASE is cleared.
    a_st(my + running, t);
    a_st(t + Hr.BASE, ld(t + Hr.BASE) & ~ARMED);
    count(t, -1);
    publish(my);
  } else t = 0;
  unlock_irqrestore(my + Pcpu.HR_LOCK, flags);
  return t;
}
/** A function that restarts its timer has moved the expiry; it, or another CPU, may have armed it too. */
function finished(t: number, running: number, again: boolean): void {
  const flags = lock_irqsave(my + Pcpu.HR_LOCK);
  if (again && (ld(t + Hr.BASE) & ARMED) === 0) {
    insert(my, t, cpu);
    publish(my);
  }
  a_st(my + running, 0);
  unlock_irqrestore(my + Pcpu.HR_LOCK, flags);
  ring_waiters(Wait.HRTIMER);
}
function wrong_result(fn: number, result: unknown): void {
  WARN(
    true,
    'the hrtimer function %s returned %s: it returns HRTIMER_NORESTART or HRTIMER_RESTART',
    symbol_text(fn),
    String(result),
  );
}

// ---- sleeping ----------------------------------------------------------------------------------------------------------
const EXPIRED = 8;
const TASK = 12;
const TIMER = 16;
function wake_sleeper(t: number): number {
  const task = ld(t - TIMER + TASK);
  a_st(t - TIMER + EXPIRED, 1);
  order_off(); // as in timer.ts
  try_to_wake_up(task, TASK_NORMAL);
  order_on();
  return 0;
}
/** Sleeps until a wake-up or the time, ns of CLOCK_MONOTONIC. The caller has set the state. Result: 0, or -EINTR. */
function hrtimeout_attempt(frame: number, time: number, range: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    const task = current_task();
    st(frame + TASK, task);
    hrtimer_init_raw(frame + TIMER, WAKE_TASK, 1, 0);
    if ((ld(task + Task.FLAGS) & PF_DAEMON) !== 0)
      st(frame + TIMER + Hr.FLAGS, ld(frame + TIMER + Hr.FLAGS) | HR_DAEMON);
    if (time !== NEVER) hrtimer_start_raw(frame + TIMER, time, range, 0);
    block_on(time === NEVER ? Block.NONE : Block.TIMEOUT, Math.min(0x7fffffff, Math.max(0, time - clock_ns()) / 4e6));
    return SLEEP;
  }
  unblock();
  disarm_hrtimeout(frame);
  __set_current_state(TASK_RUNNING);
  return ld(frame + EXPIRED) !== 0 ? 0 : -EINTR;
}
export function disarm_hrtimeout(frame: number): void {
  hrtimer_cancel_raw(frame + TIMER);
}

/** Context: task, its state set. `time` and `range` in ns, Infinity for ever. Return: 0 when the time has come, else -EINTR. */
export function schedule_hrtimeout_raw(time: number, range: number, mode: number, clock: number): Sleeping<number> {
  const at = (mode & HRTIMER_MODE_REL) !== 0 ? clock_ns() + time : time - clock_offset(clock);
  if (time === 0) {
    __set_current_state(TASK_RUNNING);
    return ready(0);
  }
  return delegate(drive(hrtimeout_attempt, HR_TIMEOUT_FRAME, at, range));
}

/** Frame: state; the end (f64) at 8; then a sleep's. */
export const USLEEP_FRAME = 16 + HR_TIMEOUT_FRAME;
export function usleep_attempt(frame: number, min_ns: number, range: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    stf64(frame + 8, clock_ns() + min_ns);
    set_current_state(TASK_UNINTERRUPTIBLE);
  }
  for (;;) {
    const result = hrtimeout_attempt(frame + 16, ldf64(frame + 8), range);
    if (result === SLEEP) return SLEEP;
    if (result === 0) return 0;
    // Woken early: not meant for this.
    for (let a = frame + 16; a < frame + USLEEP_FRAME; a += 4) st(a, 0);
    set_current_state(TASK_UNINTERRUPTIBLE);
  }
}
export function usleep_range_raw(min: number, max: number): Sleeping<number> {
  might_sleep('usleep_range');
  return delegate(drive(usleep_attempt, USLEEP_FRAME, min * 1000, Math.max(0, max - min) * 1000));
}
