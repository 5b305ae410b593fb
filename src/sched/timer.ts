// Kernel timers and jiffies. Each CPU has a base: a heap of armed timers by expiry, under TIMER_LOCK, taken with
// interrupts off. A timer's function runs in the timer softirq of its base's CPU, without the lock.
//
// Timer.BASE names the base that the timer is on, or was on last: (CPU + 1) << 1, plus ARMED while it is in the heap; 0
// if it never was on one. It changes under the lock of the base that it names (from 0 by a compare-exchange); a timer
// moves with both locks held, the lower CPU's first, so that nobody ever finds an armed timer disarmed. While its
// function runs a timer stays on that base: so it never runs on two CPUs at once, and who waits for its end has one
// place to look at. (RUNNING is set under the lock, and cleared without.)
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { Break, breaks } from '../cpu/break.js';
import { clock_ns } from '../cpu/clock.js';
import { irqs_disabled, local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { ring, wait_on } from '../cpu/park.js';
import { ring_waiters } from '../cpu/ring-waiters.js';
import { order_acquire, order_off, order_on, order_release } from '../cpu/order.js';
import { a_add, a_cas, a_ld, a_st, ld, st, stf64, STEPPED } from '../cpu/raw.js';
import { raise_softirq_irqoff, Softirq } from '../cpu/softirq.js';
import { arch_spin_lock, arch_spin_unlock, lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { Wait } from '../cpu/vectors.js';
import { in_hardirq, in_serving_softirq, preempt_count } from '../cpu/preempt.js';
import { HZ } from '../machine/params.js';
import { BUG, WARN } from '../kernel/panic.js';
import { call_text, symbol_text } from '../kernel/text.js';
import { Event, trace_end, trace_event, trace_fast } from '../kernel/trace.js';
import { pq_first, pq_insert, pq_key, pq_pop, pq_remove } from './pqueue.js';
import { __set_current_state, set_current_state, try_to_wake_up } from './core.js';
import {
  PF_DAEMON,
  Block,
  Task,
  TASK_IDLE,
  TASK_INTERRUPTIBLE,
  TASK_KILLABLE,
  TASK_NORMAL,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  TIMEOUT_FRAME,
  Timer,
} from './task-layout.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { signal_pending_raw } from './pending.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';

/** Timer.BASE: in the heap of the base. */
const ARMED = 1;
const base_word = (n: number): number => (n + 1) << 1;
/** The CPU of a timer's base, -1 if it has none. */
const base_cpu = (word: number): number => (word >>> 1) - 1;
/** What the function of a timer on a frame is: wakes the task whose frame it lies in. */
const WAKE_TASK = 1;
/** Timer.FLAGS: belongs to a daemon, the machine is idle in spite of it. */
const TIMER_DAEMON = 0x1;
/** Timer.FLAGS: the function is called with interrupts off, and nothing comes between the expiry and it. */
export const TIMER_IRQSAFE = 0x200000;
/** Timer.FLAGS: FUNCTION is 0 because the timer was shut down, not because it never was set up. */
const TIMER_SHUT_DOWN = 0x40000000;
const NEVER = Infinity;

/** Ticks since boot, 1 / HZ s each; wraps at 2^32. Context: any. */
export const get_jiffies = (): number => a_ld(Mach.JIFFIES) >>> 0;
/**
 * The jiffies that the clock says. The word is behind when the timekeeper is late, and a sleep that is counted from
 * there would end early. Context: any.
 */
export const fresh_jiffies = (): number =>
  STEPPED ? get_jiffies() : Math.max(get_jiffies(), Math.floor(clock_ns() / JIFFY_NS)) >>> 0;
const JIFFY_NS = 1e9 / HZ;
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
export const timer_pending_raw = (timer: number): boolean => (a_ld(timer + Timer.BASE) & ARMED) !== 0;

/** Publishes the earliest expiry of a base for the timekeeper. Under its lock. */
function publish(area: number): void {
  const first = pq_first(area + Pcpu.TIMER_HEAP);
  const deadline = first === 0 ? NEVER : pq_key(first);
  const lazy = ld(area + Pcpu.IRQ_WORK_LAZY) === 0 ? NEVER : get_jiffies() + 1;
  stf64(area + Pcpu.DEADLINE, Math.min(deadline, lazy));
  if (STEPPED) ring(area); // from here on a tick may come at any step
}

/** Lazy irq_work came or went: the next tick is wanted, or not. Context: any. */
export function publish_lazy(): void {
  const flags = lock_irqsave(my + Pcpu.TIMER_LOCK);
  publish(my);
  unlock_irqrestore(my + Pcpu.TIMER_LOCK, flags);
}

function count(timer: number, n: number): void {
  if ((ld(timer + Timer.FLAGS) & TIMER_DAEMON) === 0) a_add(Mach.NR_TIMERS, n);
}

/** Disarms. Under the lock of its base. */
function remove(area: number, timer: number, word: number): void {
  pq_remove(area + Pcpu.TIMER_HEAP, timer);
  a_st(timer + Timer.BASE, word & ~ARMED);
  count(timer, -1);
  publish(area);
}

/** Takes an armed timer off its base. Return: true if it was armed. */
function detach(timer: number): boolean {
  for (;;) {
    const word = a_ld(timer + Timer.BASE);
    if ((word & ARMED) === 0) return false;
    const area = percpu_base(base_cpu(word));
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const same = ld(timer + Timer.BASE) === word;
    if (same) remove(area, timer, word);
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    if (same) {
      trace_end(Event.TIMER_STOP, timer);
      return true;
    }
  }
}

/** How mod_timer_raw treats a timer that is armed, or is not. */
export const enum Mod {
  ANY = 0,
  /** One that is not armed stays so. */
  PENDING = 1,
  /** One that is armed is only moved to an earlier jiffy. */
  REDUCE = 2,
}
/**
 * Arms at jiffy `expires`; an armed timer is moved. One that was shut down stays as it is. `on`: the CPU on which it is to
 * run, even if its function runs elsewhere now; -1: this one. Context: any. Return: 1 if it was armed already.
 */
export function mod_timer_raw(timer: number, expires: number, mode = Mod.ANY, on = -1): number {
  if (ld(timer + Timer.FUNCTION) === 0 && (ld(timer + Timer.FLAGS) & TIMER_SHUT_DOWN) === 0)
    BUG(`mod_timer: the timer at ${symbol_text(timer)} has not been set up with timer_setup`);
  const outer = local_irq_save();
  order_release(timer);
  let was: number;
  do was = rearm(timer, expires, mode, on);
  while (was < 0);
  trace_fast(Event.TIMER_START, timer, expires);
  local_irq_restore(outer);
  return was;
}
/** One attempt. Return: 1 if it was armed, 0 if not, -1 if another CPU has moved the timer meanwhile. */
function rearm(timer: number, expires: number, mode: Mod, on: number): number {
  const to_cpu = on < 0 ? cpu : on;
  const word = a_ld(timer + Timer.BASE);
  const from = word === 0 ? to_cpu : base_cpu(word);
  const first = percpu_base(Math.min(from, to_cpu)) + Pcpu.TIMER_LOCK;
  const second = from === to_cpu ? 0 : percpu_base(Math.max(from, to_cpu)) + Pcpu.TIMER_LOCK;
  const flags = lock_irqsave(first);
  if (second !== 0) arch_spin_lock(second);
  const area = percpu_base(from);
  const stays = from === to_cpu || (on < 0 && a_ld(area + Pcpu.TIMER_RUNNING) === timer);
  const target = stays ? area : percpu_base(to_cpu);
  const to = base_word(stays ? from : to_cpu) | ARMED;
  let was = -1;
  if (word === 0 && a_ld(timer + Timer.BASE) === 0 && leave(timer, 0, expires, mode)) was = 0;
  else if (word === 0 ? a_cas(timer + Timer.BASE, 0, to) === 0 : ld(timer + Timer.BASE) === word) {
    was = word & ARMED;
    if (word === 0 || !leave(timer, was, expires, mode)) {
      if (was !== 0) {
        pq_remove(area + Pcpu.TIMER_HEAP, timer);
        if (!stays) publish(area);
      } else count(timer, 1);
      insert(target, timer, expires);
      a_st(timer + Timer.BASE, to);
    }
  }
  if (second !== 0) arch_spin_unlock(second);
  unlock_irqrestore(first, flags);
  return was;
}
/** True if the timer is to stay as it is. */
function leave(timer: number, armed: number, expires: number, mode: Mod): boolean {
  if (ld(timer + Timer.FUNCTION) === 0) return true;
  if (armed === 0) return mode === Mod.PENDING;
  return mode === Mod.REDUCE && time_before_eq(ld(timer + Timer.EXPIRES), expires);
}
function insert(area: number, timer: number, expires: number): void {
  const now = get_jiffies();
  st(timer + Timer.EXPIRES, expires);
  // Due already: at the next tick, or a function that re-arms its timer so would never come to an end. The key does not
  // wrap: jiffies since boot are far from 2^32.
  stf64(timer + Timer.KEY, now + Math.max(1, (expires - now) | 0));
  pq_insert(area + Pcpu.TIMER_HEAP, timer);
  publish(area);
  if (STEPPED) ring(area); // it may fire from here on: a decision point
}

/** Arms a timer that is not armed. Context: any. */
export function add_timer_raw(timer: number): void {
  if (
    WARN(timer_pending_raw(timer), 'add_timer: the timer %s is armed already: mod_timer moves it', symbol_text(timer))
  )
    return;
  mod_timer_raw(timer, ld(timer + Timer.EXPIRES));
}

/** Arms at its EXPIRES, on CPU `on`, a timer that is not armed. Context: any. */
export function add_timer_on_raw(timer: number, on: number): void {
  if (on < 0 || on >= ld(Mach.CPUS)) BUG(`add_timer_on: there is no CPU ${on}`);
  if (WARN(timer_pending_raw(timer), 'add_timer_on: the timer %s is armed already', symbol_text(timer))) return;
  mod_timer_raw(timer, ld(timer + Timer.EXPIRES), Mod.ANY, on);
}

/**
 * Disarms and takes the function away: nothing arms the timer from here on, until it is set up again. Context: any.
 * Return: 1 if it was armed. Its function may still be running on another CPU.
 */
export function timer_shutdown_raw(timer: number): number {
  for (;;) {
    const word = a_ld(timer + Timer.BASE);
    if (word === 0) {
      a_cas(timer + Timer.BASE, 0, base_word(cpu)); // so that it has a base, whose lock says who is first
      continue;
    }
    const area = percpu_base(base_cpu(word));
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const same = ld(timer + Timer.BASE) === word;
    if (same) {
      if ((word & ARMED) !== 0) remove(area, timer, word);
      st(timer + Timer.FUNCTION, 0);
      st(timer + Timer.FLAGS, ld(timer + Timer.FLAGS) | TIMER_SHUT_DOWN);
    }
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    if (same) return word & ARMED;
  }
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
    const word = a_ld(timer + Timer.BASE);
    if (word === 0) return was;
    const area = percpu_base(base_cpu(word));
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const same = ld(timer + Timer.BASE) === word;
    // Under the lock, or the function could arm it again between the two looks. An armed timer whose function runs is
    // left for the next turn: it may be armed once more, and one result can't stand for two disarmings.
    const running = a_ld(area + Pcpu.TIMER_RUNNING) === timer && !breaks(Break.DEL_TIMER_SYNC);
    if (same && !running && (word & ARMED) !== 0) {
      remove(area, timer, word);
      trace_end(Event.TIMER_STOP, timer);
      was = 1;
    }
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    if (!same) continue;
    if (!running) {
      order_acquire(timer + 4);
      return was;
    }
    if (area === my)
      BUG(
        `del_timer_sync of ${lock_text(timer)} ${in_serving_softirq() ? 'by its own function' : 'on top of its function'}: it would wait for itself`,
      );
    wait_on(Wait.TIMER_CALLBACK, timer, () => a_ld(area + Pcpu.TIMER_RUNNING) !== timer);
  }
}

/** The tick: raises the softirq when a timer is due. Context: hardirq. */
export function run_local_timers(): void {
  const first = pq_first(my + Pcpu.TIMER_HEAP); // a hint without the lock; the softirq looks again
  if (first !== 0 && pq_key(first) <= get_jiffies()) raise_softirq_irqoff(Softirq.TIMER);
}

/** Runs what is due. Context: softirq. */
export function run_timer_softirq(): void {
  for (;;) {
    const flags = local_irq_save();
    const timer = take_expired();
    const irqsafe = timer !== 0 && (ld(timer + Timer.FLAGS) & TIMER_IRQSAFE) !== 0;
    if (!irqsafe) local_irq_restore(flags);
    if (timer === 0) return;
    const fn = ld(timer + Timer.FUNCTION);
    const count_before = preempt_count();
    trace_event(Event.TIMER_EXPIRE, timer, fn);
    if (fn === WAKE_TASK) wake_sleeper(timer);
    else if (fn !== 0) {
      // 0: shut down since it was taken off.
      order_acquire(timer);
      order_acquire(timer + 4);
      call_text(fn, timer);
      order_release(timer + 4);
    }
    trace_event(Event.TIMER_DONE, timer, fn);
    if (preempt_count() !== count_before)
      BUG(
        `timer function ${symbol_text(fn)} left the preemption count as 0x${preempt_count().toString(16)}, which was 0x${count_before.toString(16)}`,
      );
    if (irqsafe) local_irq_restore(flags);
    if (irqs_disabled()) BUG(`timer function ${symbol_text(fn)} returned with interrupts off`);
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
    a_st(timer + Timer.BASE, ld(timer + Timer.BASE) & ~ARMED);
    count(timer, -1);
    publish(my);
  } else timer = 0;
  unlock_irqrestore(my + Pcpu.TIMER_LOCK, flags);
  return timer;
}
/** Waiters in del_timer_sync poll on the way through their step; parked ones are rung. */
function finished(): void {
  a_st(my + Pcpu.TIMER_RUNNING, 0);
  ring_waiters(Wait.TIMER_CALLBACK);
}

// ---- sleeping with a time-out ----------------------------------------------------------------------------------
// Frame: state, task, pad, pad, then the timer. The timer finds its task in the word before it.
const STATE = 0;
const TASK = 12;
const TIMER = 16;

/** The timer on a frame has fired. The task may be gone on to other things: the wake-up is then spurious, as any. */
function wake_sleeper(timer: number): void {
  order_off(); // time that has passed orders nothing
  try_to_wake_up(ld(timer - TIMER + TASK), TASK_NORMAL);
  order_on();
}

/** Arms the timer of a frame at `frame` (TIMEOUT_FRAME bytes). The task's state must be set before. */
export function arm_timeout(frame: number, jiffies: number): void {
  const task = current_task();
  st(frame + TASK, task);
  init_timer_raw(frame + TIMER, WAKE_TASK, (ld(task + Task.FLAGS) & PF_DAEMON) !== 0 ? TIMER_DAEMON : 0);
  // One more: the current jiffy has begun already.
  mod_timer_raw(frame + TIMER, fresh_jiffies() + jiffies + 1);
}
/** Disarms it, waits for a running callback, and returns the jiffies that were left. */
export function disarm_timeout(frame: number): number {
  del_timer_sync_raw(frame + TIMER);
  const left = (ld(frame + TIMER + Timer.EXPIRES) - fresh_jiffies() - 1) | 0;
  return left > 0 ? left : 0;
}

/** Sleeps until a wake-up or the time-out. The caller has set the task's state. Result: jiffies left. */
export function schedule_timeout_attempt(frame: number, timeout: number): number {
  if (ld(frame + STATE) === 0) {
    st(frame + STATE, 1);
    if (timeout < MAX_SCHEDULE_TIMEOUT) arm_timeout(frame, timeout);
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

export function schedule_timeout_killable(timeout: number): Sleeping<number> {
  set_current_state(TASK_KILLABLE);
  return schedule_timeout(timeout);
}
export function schedule_timeout_idle(timeout: number): Sleeping<number> {
  set_current_state(TASK_IDLE);
  return schedule_timeout(timeout);
}

/** Frame: state, end; then a schedule_timeout frame. */
export const MSLEEP_FRAME = 8 + TIMEOUT_FRAME;
export function msleep_attempt(frame: number, jiffies: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    st(frame + 4, fresh_jiffies() + jiffies + 1);
    set_current_state(TASK_UNINTERRUPTIBLE);
    return schedule_timeout_attempt(frame + 8, jiffies);
  }
  schedule_timeout_attempt(frame + 8, jiffies);
  const left = (ld(frame + 4) - fresh_jiffies()) | 0;
  if (left <= 0) return 0;
  // Woken early: not meant for this.
  st(frame + 8, 0);
  set_current_state(TASK_UNINTERRUPTIBLE);
  return schedule_timeout_attempt(frame + 8, left);
}
/** As msleep_attempt, but a signal ends it. Result: jiffies left. */
export function msleep_interruptible_attempt(frame: number, jiffies: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    st(frame + 4, fresh_jiffies() + jiffies + 1);
  } else {
    schedule_timeout_attempt(frame + 8, jiffies);
    st(frame + 8, 0);
  }
  const left = (ld(frame + 4) - fresh_jiffies()) | 0;
  if (left <= 0) return 0;
  if (signal_pending_raw(current_task())) return left;
  set_current_state(TASK_INTERRUPTIBLE);
  return schedule_timeout_attempt(frame + 8, left);
}
/** As msleep, but a signal ends it. Context: task. Return: milliseconds that were left. */
export function* msleep_interruptible(ms: number): Sleeping<number> {
  might_sleep('msleep_interruptible');
  return jiffies_to_msecs(yield* drive(msleep_interruptible_attempt, MSLEEP_FRAME, msecs_to_jiffies(ms)));
}
/** Sleeps at least `ms` milliseconds; no wake-up ends it early. Context: task. */
export function msleep(ms: number): Sleeping<number> {
  might_sleep('msleep');
  return delegate(drive(msleep_attempt, MSLEEP_FRAME, msecs_to_jiffies(ms)));
}
