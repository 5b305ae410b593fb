// Kernel timers and jiffies. Each CPU has a base: a heap of armed timers by expiry, under TIMER_LOCK, taken with
// interrupts off. A timer is on the base of the CPU that armed it (Timer.BASE = CPU + 1) and its function runs there,
// in the timer softirq, without the lock. Changing BASE needs the lock of the base it names; 0 -> base + 1 that of the
// new one.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { ring, wait_on } from '../cpu/park.js';
import { a_add, a_cas, a_ld, a_st, ld, st, stf64 } from '../cpu/raw.js';
import { raise_softirq_irqoff, Softirq } from '../cpu/softirq.js';
import { lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { Wait } from '../cpu/vectors.js';
import { in_hardirq, preempt_count } from '../cpu/preempt.js';
import { HZ } from '../machine/params.js';
import { BUG, WARN } from '../kernel/panic.js';
import { call_text, symbol_text } from '../kernel/text.js';
import { pq_first, pq_insert, pq_key, pq_pop, pq_remove } from './pqueue.js';
import { __set_current_state, set_current_state, try_to_wake_up } from './core.js';
import { PF_DAEMON, Block, Task, TASK_INTERRUPTIBLE, TASK_NORMAL, TASK_RUNNING, TASK_UNINTERRUPTIBLE, Timer } from './task-layout.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';

/** What the function of a timer on a frame is: wakes the task whose frame it lies in. */
const WAKE_TASK = 1;
/** Timer.FLAGS: belongs to a daemon, the machine is idle in spite of it. */
const TIMER_DAEMON = 0x1;
const NEVER = Infinity;

/** Ticks since boot, 1 / HZ s each; wraps at 2^32. Context: any. */
export const get_jiffies = (): number => a_ld(Mach.JIFFIES) >>> 0;
export const time_after = (a: number, b: number): boolean => ((b - a) | 0) < 0;
export const time_before = (a: number, b: number): boolean => time_after(b, a);
export const time_after_eq = (a: number, b: number): boolean => ((a - b) | 0) >= 0;
export const time_before_eq = (a: number, b: number): boolean => time_after_eq(b, a);
export const MAX_JIFFY_OFFSET = 0x3ffffffe;
export const MAX_SCHEDULE_TIMEOUT = 0x7ffffffe;
export const msecs_to_jiffies = (ms: number): number =>
  ms < 0 ? MAX_JIFFY_OFFSET : Math.min(MAX_JIFFY_OFFSET, Math.ceil((ms * HZ) / 1000));
export const usecs_to_jiffies = (us: number): number => Math.min(MAX_JIFFY_OFFSET, Math.ceil((us * HZ) / 1e6));
export const jiffies_to_msecs = (j: number): number => Math.floor((j * 1000) / HZ);
export const jiffies_to_usecs = (j: number): number => Math.floor((j * 1e6) / HZ);

/** Prepares a timer: `fn` is a text handle. */
export function init_timer_raw(timer: number, fn: number, flags: number): void {
  st(timer + Timer.FUNCTION, fn);
  st(timer + Timer.FLAGS, flags);
  st(timer + Timer.BASE, 0);
}

/** Context: any. Return: true while it is armed; its function may still run when this is false. */
export const timer_pending_raw = (timer: number): boolean => a_ld(timer + Timer.BASE) !== 0;

/** Publishes the earliest expiry of a base for the timekeeper. Under its lock. */
function publish(area: number): void {
  const first = pq_first(area + Pcpu.TIMER_HEAP);
  stf64(area + Pcpu.DEADLINE, first === 0 ? NEVER : pq_key(first));
}

function count(area: number, timer: number, n: number): void {
  st(area + Pcpu.TIMER_COUNT, ld(area + Pcpu.TIMER_COUNT) + n);
  if ((ld(timer + Timer.FLAGS) & TIMER_DAEMON) === 0) a_add(Mach.NR_TIMERS, n);
}

/** Takes an armed timer off its base. Return: true if it was armed. */
function detach(timer: number): boolean {
  for (;;) {
    const base = a_ld(timer + Timer.BASE);
    if (base === 0) return false;
    const area = percpu_base(base - 1);
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const same = ld(timer + Timer.BASE) === base;
    if (same) {
      pq_remove(area + Pcpu.TIMER_HEAP, timer);
      a_st(timer + Timer.BASE, 0);
      count(area, timer, -1);
      publish(area);
    }
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    if (same) return true;
  }
}

/** Arms at jiffy `expires`; an armed timer is moved. Context: any. Return: 1 if it was armed already. */
export function mod_timer_raw(timer: number, expires: number): number {
  if (ld(timer + Timer.FUNCTION) === 0) BUG(`mod_timer: the timer at ${symbol_text(timer)} has not been set up with timer_setup`);
  const was = detach(timer);
  const flags = lock_irqsave(my + Pcpu.TIMER_LOCK);
  if (a_cas(timer + Timer.BASE, 0, cpu + 1) === 0) {
    const now = get_jiffies();
    st(timer + Timer.EXPIRES, expires);
    // The key does not wrap: jiffies since boot are far from 2^32.
    stf64(timer + Timer.KEY, now + ((expires - now) | 0));
    pq_insert(my + Pcpu.TIMER_HEAP, timer);
    count(my, timer, 1);
    publish(my);
  }
  unlock_irqrestore(my + Pcpu.TIMER_LOCK, flags);
  return was ? 1 : 0;
}

/** Context: any. Return: 1 if the timer was armed. Its function may still be running on another CPU. */
export const del_timer_raw = (timer: number): number => (detach(timer) ? 1 : 0);

/**
 * Disarms and waits until the function does not run anywhere. The function may re-arm the timer: then it goes round.
 * Context: task or softirq; not with a lock held that the function takes. Return: 1 if it was armed.
 */
export function del_timer_sync_raw(timer: number): number {
  if (in_hardirq()) WARN(true, 'del_timer_sync in a hard interrupt can deadlock');
  let was = 0;
  for (;;) {
    if (detach(timer)) was = 1;
    const running = running_on(timer);
    if (running < 0) return was;
    if (running === cpu) BUG(`del_timer_sync of ${lock_text(timer)} by its own function`);
    const area = percpu_base(running);
    wait_on(Wait.TIMER_CALLBACK, timer, () => a_ld(area + Pcpu.TIMER_RUNNING) !== timer);
  }
}
function running_on(timer: number): number {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) if (a_ld(percpu_base(c) + Pcpu.TIMER_RUNNING) === timer) return c;
  return -1;
}

/** The tick: raises the softirq when a timer is due. Context: hardirq. */
export function run_local_timers(): void {
  const first = pq_first(my + Pcpu.TIMER_HEAP); // a hint without the lock; the softirq looks again
  if (first !== 0 && pq_key(first) <= get_jiffies()) raise_softirq_irqoff(Softirq.TIMER);
}

/** Runs what is due. Context: softirq. */
export function run_timer_softirq(): void {
  for (;;) {
    const timer = take_expired();
    if (timer === 0) return;
    const fn = ld(timer + Timer.FUNCTION);
    const count_before = preempt_count();
    if (fn === WAKE_TASK) wake_sleeper(timer);
    else call_text(fn, timer);
    if (preempt_count() !== count_before)
      BUG(`timer function ${symbol_text(fn)} left the preemption count as 0x${preempt_count().toString(16)}`);
    finished();
  }
}
function take_expired(): number {
  const flags = lock_irqsave(my + Pcpu.TIMER_LOCK);
  let timer = pq_first(my + Pcpu.TIMER_HEAP);
  if (timer !== 0 && pq_key(timer) <= get_jiffies()) {
    pq_pop(my + Pcpu.TIMER_HEAP);
    // Said before BASE is cleared: who sees the timer disarmed must see that its function runs.
    a_st(my + Pcpu.TIMER_RUNNING, timer);
    a_st(timer + Timer.BASE, 0);
    count(my, timer, -1);
    publish(my);
  } else timer = 0;
  unlock_irqrestore(my + Pcpu.TIMER_LOCK, flags);
  return timer;
}
/** Waiters in del_timer_sync poll on the way through their step; parked ones are rung. */
function finished(): void {
  a_st(my + Pcpu.TIMER_RUNNING, 0);
  ring_timer_waiters();
}
function ring_timer_waiters(): void {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (c !== cpu && a_ld(area + Pcpu.WAIT_REASON) === Wait.TIMER_CALLBACK) ring(area);
  }
}

// ---- sleeping with a time-out ----------------------------------------------------------------------------------
// Frame: state, task, pad, pad, then the timer. The timer finds its task in the word before it.
const STATE = 0;
const TASK = 12;
const TIMER = 16;
export const TIMEOUT_FRAME = TIMER + Timer.SIZE;

/** The timer on a frame has fired. The task may be gone on to other things: the wake-up is then spurious, as any. */
function wake_sleeper(timer: number): void {
  try_to_wake_up(ld(timer - TIMER + TASK), TASK_NORMAL);
}

/** Arms the timer of a frame at `frame` (TIMEOUT_FRAME bytes). The task's state must be set before. */
export function arm_timeout(frame: number, jiffies: number): void {
  const task = current_task();
  st(frame + TASK, task);
  init_timer_raw(frame + TIMER, WAKE_TASK, (ld(task + Task.FLAGS) & PF_DAEMON) !== 0 ? TIMER_DAEMON : 0);
  mod_timer_raw(frame + TIMER, get_jiffies() + jiffies);
}
/** Disarms it, waits for a running callback, and returns the jiffies that were left. */
export function disarm_timeout(frame: number): number {
  del_timer_sync_raw(frame + TIMER);
  const left = (ld(frame + TIMER + Timer.EXPIRES) - get_jiffies()) | 0;
  return left > 0 ? left : 0;
}

/** Sleeps until a wake-up or the time-out. The caller has set the task's state. Result: jiffies left. */
export function schedule_timeout_attempt(frame: number, timeout: number): number {
  if (ld(frame + STATE) === 0) {
    st(frame + STATE, 1);
    // One more: the current jiffy has begun already.
    if (timeout < MAX_SCHEDULE_TIMEOUT) arm_timeout(frame, timeout + 1);
    block_on(Block.TIMEOUT, timeout);
    return SLEEP;
  }
  unblock();
  if (timeout >= MAX_SCHEDULE_TIMEOUT) return timeout;
  return Math.max(0, disarm_timeout(frame));
}

/** Context: task. `timeout` in jiffies. Return: jiffies left, 0 when it timed out. */
export function schedule_timeout(timeout: number): Sleeping<number> {
  if (timeout < 0) {
    WARN(true, 'schedule_timeout: wrong timeout value %d', timeout);
    __set_current_state(TASK_RUNNING);
    return ready(0);
  }
  return delegate(drive(schedule_timeout_attempt, TIMEOUT_FRAME, timeout));
}
export function schedule_timeout_uninterruptible(timeout: number): Sleeping<number> {
  set_current_state(TASK_UNINTERRUPTIBLE);
  return schedule_timeout(timeout);
}
export function schedule_timeout_interruptible(timeout: number): Sleeping<number> {
  set_current_state(TASK_INTERRUPTIBLE);
  return schedule_timeout(timeout);
}

/** Frame: state, end; then a schedule_timeout frame. */
function msleep_attempt(frame: number, jiffies: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    st(frame + 4, get_jiffies() + jiffies + 1);
    set_current_state(TASK_UNINTERRUPTIBLE);
    return schedule_timeout_attempt(frame + 8, jiffies);
  }
  schedule_timeout_attempt(frame + 8, jiffies);
  const left = (ld(frame + 4) - get_jiffies()) | 0;
  if (left <= 0) return 0;
  // Woken early: not meant for this.
  st(frame + 8, 0);
  set_current_state(TASK_UNINTERRUPTIBLE);
  return schedule_timeout_attempt(frame + 8, left);
}
/** Sleeps at least `ms` milliseconds; no wake-up ends it early. Context: task. */
export function msleep(ms: number): Sleeping<number> {
  might_sleep('msleep');
  return delegate(drive(msleep_attempt, 8 + TIMEOUT_FRAME, msecs_to_jiffies(ms)));
}
