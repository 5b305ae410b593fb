// The scheduler's core: run queues, wake-ups, picking the next task.
//
// Each CPU has a run queue under its own lock, which is taken with interrupts off. A task belongs to the queue of
// Task.CPU, and these fields change only under that queue's lock: ON_RQ, CPU, the heap node, STATE to RUNNING by a
// wake-up. A task sets its own STATE to a sleeping one without the lock, with an atomic store, then looks at what it
// waits for, then leaves the CPU.
//
//   queued, ON_RQ = 1 --- picked ---> running, ON_RQ = 1, not in the heap --- yields, STATE = RUNNING ---> queued
//        ^                                             |
//        |                                             | yields, STATE sleeping: ON_RQ = 0, ON_CPU = 0
//        +---- wake-up (ON_RQ = 0) ---- sleeping <-----+
//
// A queue has one heap for all classes. Its key, Task.VRUNTIME, is the virtual runtime of a fair task; a real-time task
// has a key far below all of these, lower for a higher priority and, within one, in the order of its turns. So the first
// of the heap is always the one to run. There is no throttling of real-time tasks.
//
// The CPU loop decides what a yield means, after the task's generator has yielded or its C stack has been unwound: a
// wake-up before that finds ON_RQ = 1 and only sets STATE back, a later one finds a task that is saved whole and may
// queue it anywhere. Nothing is released inside `schedule()`.
import { Mach, Pcpu, PERCPU, PERCPU_SIZE, percpu_base } from '../machine/memory-map.js';
import { RR_TIMESLICE, SCHED_SLICE_NS } from '../machine/params.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { clock_ns } from '../cpu/clock.js';
import { order_wake } from '../cpu/order.js';
import { a_cas, a_ld, a_st, ld, ld8, ldf64, st, st8, stf64, STEPPED } from '../cpu/raw.js';
import { local_irq_restore } from '../cpu/irqflags.js';
import { ring } from '../cpu/park.js';
import { smp_send_reschedule } from '../cpu/smp.js';
import { Event, trace_event, trace_switch } from '../kernel/trace.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { signal_pending_state } from './pending.js';
import { pq_find, pq_first, pq_insert, pq_key, pq_pop, pq_remove } from './pqueue.js';
import { rcu_note_context_switch } from './rcu.js';
import {
  ON_RQ_MIGRATING,
  ON_RQ_QUEUED,
  PF_WQ_WORKER,
  SCHED_RR,
  Task,
  TASK_DEAD,
  TASK_NORMAL,
  TASK_RUNNING,
} from './task-layout.js';
import { wq_worker_running, wq_worker_sleeping } from './workqueue.js';

/** Weight of nice 0; virtual time runs at NICE_0_WEIGHT / weight of real time. */
export const NICE_0_WEIGHT = 1024;

/** True if the task's mask has that CPU. */
export const cpu_in_mask = (task: number, n: number): boolean =>
  ((ld(task + Task.ALLOWED + ((n >> 5) << 2)) >>> (n & 31)) & 1) !== 0;
/** True if the task may run on that CPU. */
export const cpu_allowed = (task: number, n: number): boolean =>
  ld8(task + Task.MIGRATION_DISABLED) === 0 ? cpu_in_mask(task, n) : ld(task + Task.CPU) === n;

/** Keys of real-time tasks are below this; virtual runtimes never are. */
const RT_LIMIT = -1e15;
const RT_STEP = 2 ** 44;
export const is_rt = (task: number): boolean => ldf64(task + Task.VRUNTIME) < RT_LIMIT;
/** Gives a real-time task its turn after all others of its priority. Under the queue's lock. */
export function rt_to_tail(area: number, task: number): void {
  const turn = ldf64(area + Pcpu.RQ_RT_TURNS) + 1;
  stf64(area + Pcpu.RQ_RT_TURNS, turn);
  stf64(task + Task.VRUNTIME, turn - (ld8(task + Task.RT_PRIORITY) + 64) * RT_STEP);
}
/** A fair task's virtual time is kept relative to the queue's while it is on the way to another queue. */
function shift_vruntime(task: number, by: number): void {
  const vruntime = ldf64(task + Task.VRUNTIME);
  if (vruntime >= RT_LIMIT) stf64(task + Task.VRUNTIME, vruntime + by);
}

/** In the free-running build a TypeScript task that has started stays where its generator is. */
export const can_move = (task: number): boolean =>
  STEPPED || ld(task + Task.SLOT) === 0 || ld(task + Task.LANGUAGE) === 1;

/** A task that slept does not bring its old lag along: it would starve the others. */
function raise_to_floor(area: number, task: number): void {
  const floor = ldf64(area + Pcpu.RQ_MIN_VRUNTIME) - SCHED_SLICE_NS;
  const vruntime = ldf64(task + Task.VRUNTIME);
  if (vruntime < floor && vruntime >= RT_LIMIT) stf64(task + Task.VRUNTIME, floor);
}
/** Puts a task into its CPU's heap. Under the queue's lock. */
function enqueue(area: number, task: number): void {
  raise_to_floor(area, task);
  pq_insert(area + Pcpu.RQ_HEAP, task + Task.NODE);
  st(area + Pcpu.RQ_NR, ld(area + Pcpu.RQ_NR) + 1);
  if (can_move(task)) st(area + Pcpu.RQ_MOVABLE, ld(area + Pcpu.RQ_MOVABLE) + 1);
}
function taken(area: number, task: number): void {
  st(area + Pcpu.RQ_NR, ld(area + Pcpu.RQ_NR) - 1);
  if (can_move(task)) st(area + Pcpu.RQ_MOVABLE, ld(area + Pcpu.RQ_MOVABLE) - 1);
}

/** The least loaded CPU that the task may use, starting at a rotor so that equal ones take turns. */
function least_loaded(task: number): number {
  const n = ld(Mach.CPUS);
  const start = ld(Mach.PLACE_ROTOR);
  let best = -1;
  let best_load = Infinity;
  for (let i = 0; i < n && best_load > 0; i++) {
    const c = (start + i) % n;
    if (!cpu_allowed(task, c)) continue;
    const area = percpu_base(c);
    const load = ld(area + Pcpu.RQ_NR) + (a_ld(area + Pcpu.RQ_CURR) !== 0 ? 1 : 0);
    if (load < best_load) {
      best_load = load;
      best = c;
    }
  }
  if (best >= 0) st(Mach.PLACE_ROTOR, (best + 1) % n); // a race only makes it less fair
  return best < 0 ? cpu : best;
}

/** For a real-time task: an idle CPU, or the one that runs what is least urgent, if that is less urgent than the task. */
function least_urgent(task: number): number {
  const n = ld(Mach.CPUS);
  const home = ld(task + Task.CPU);
  let best = cpu_allowed(task, home) ? home : -1;
  let least = best < 0 ? -Infinity : urgency(best);
  for (let i = 0; i < n && least < Infinity; i++) {
    if (i === home || !cpu_allowed(task, i)) continue;
    const there = urgency(i);
    if (there > least || best < 0) {
      best = i;
      least = there;
    }
  }
  return best < 0 ? cpu : best;
}
/** The key of what a CPU runs: without its lock, so a hint. */
function urgency(n: number): number {
  const running = a_ld(percpu_base(n) + Pcpu.RQ_CURR);
  return running === 0 ? Infinity : ldf64(running + Task.VRUNTIME);
}

function select_cpu(task: number): number {
  const home = ld(task + Task.CPU);
  if (!can_move(task)) return home;
  if (is_rt(task)) return least_urgent(task);
  if (ld(task + Task.SLOT) === 0 && ld(task + Task.NVCSW) === 0) return least_loaded(task);
  const area = percpu_base(home);
  const idle = ld(area + Pcpu.RQ_NR) === 0 && a_ld(area + Pcpu.RQ_CURR) === 0;
  return idle && cpu_allowed(task, home) ? home : least_loaded(task);
}

/**
 * Wakes the task if its state is one of `states`. Ordered after all that the caller wrote.
 * Context: any. Return: true if it was woken.
 */
export function try_to_wake_up(task: number, states: number): boolean {
  for (;;) {
    const home = a_ld(task + Task.CPU);
    const area = percpu_base(home);
    const flags = lock_irqsave(area + Pcpu.RQ_LOCK);
    if (ld(task + Task.CPU) !== home) {
      unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
      continue;
    }
    const state = a_ld(task + Task.STATE);
    if ((state & states) === 0) {
      unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
      return false;
    }
    // The task changes its state without the lock: one that dies of an oops right now must stay dead.
    if (a_cas(task + Task.STATE, state, TASK_RUNNING) !== state) {
      unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
      continue;
    }
    order_wake(task);
    if (ld(task + Task.ON_RQ) !== 0) {
      trace_event(Event.WAKEUP, ld(task + Task.PID), home);
      unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
      return true;
    }
    const target = select_cpu(task);
    trace_event(Event.WAKEUP, ld(task + Task.PID), target); // before it can run
    if (target === home) {
      activate(area, task);
      unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
    } else {
      // Nobody else can touch it between the locks: it is RUNNING (no second wake-up) and in no queue. Its virtual
      // time is kept relative to the queue's.
      migrate(area, task, target, flags);
    }
    kick(target, task);
    return true;
  }
}

function activate(area: number, task: number): void {
  // A fair one keeps its place; a real-time one that slept queues up behind its equals.
  if (is_rt(task)) rt_to_tail(area, task);
  st(task + Task.ON_RQ, ON_RQ_QUEUED);
  enqueue(area, task);
}

/**
 * Takes a runnable task, which is in no heap, to another queue. Under the lock of `area`, which is released, with
 * interrupts off until it has arrived: lock_task_rq waits for that.
 */
function migrate(area: number, task: number, target: number, flags: number): void {
  st(task + Task.ON_RQ, ON_RQ_MIGRATING);
  shift_vruntime(task, -ldf64(area + Pcpu.RQ_MIN_VRUNTIME));
  unlock_irqrestore(area + Pcpu.RQ_LOCK, 1);
  move_to(task, target);
  if (!STEPPED) local_irq_restore(flags);
}

/** Locks the queue that the task belongs to, waiting for one that is on its way. Return: the flags; see Task.CPU. */
export function lock_task_rq(task: number): number {
  for (;;) {
    const area = percpu_base(a_ld(task + Task.CPU));
    const flags = lock_irqsave(area + Pcpu.RQ_LOCK);
    if (percpu_base(ld(task + Task.CPU)) === area && ld(task + Task.ON_RQ) !== ON_RQ_MIGRATING) return flags;
    unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
  }
}
/** Takes the task out of the heap, if it is there. Under its queue's lock. Return: true if it was. */
export function dequeue(area: number, task: number): boolean {
  if (ld(task + Task.ON_RQ) === 0 || ld(area + Pcpu.RQ_CURR) === task) return false;
  pq_remove(area + Pcpu.RQ_HEAP, task + Task.NODE);
  taken(area, task);
  return true;
}
export const requeue = (area: number, task: number): void => enqueue(area, task);
/** Asks the CPU of `area` to give way to what is first in its queue, if that comes before what runs. Under its lock. */
export function check_preempt(area: number, n: number): void {
  const running = ld(area + Pcpu.RQ_CURR);
  const first = pq_first(area + Pcpu.RQ_HEAP);
  if (STEPPED) ring(area); // another task may be the first: a decision point
  if (first === 0) return;
  if (running === 0) {
    if (n !== cpu) smp_send_reschedule(n);
  } else if (pq_key(first) < ldf64(running + Task.VRUNTIME)) resched_cpu(n);
}
/**
 * The task's mask has changed: it leaves a CPU that it may not use. Under its queue's lock, which is released. One that
 * runs goes at its next switch, for which it is asked.
 */
export function leave_forbidden_cpu(task: number, flags: number): void {
  const home = ld(task + Task.CPU);
  const area = percpu_base(home);
  const stays = cpu_allowed(task, home) || ld(task + Task.ON_RQ) === 0;
  if (stays) st8(task + Task.MUST_MOVE, 0);
  else if (ld(area + Pcpu.RQ_CURR) === task) {
    st8(task + Task.MUST_MOVE, 1);
    resched_cpu(home);
  } else {
    dequeue(area, task);
    if (STEPPED) ring(area);
    const target = least_loaded(task);
    migrate(area, task, target, flags);
    kick(target, task);
    return;
  }
  unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
}

/** Queues a task that is in no queue at `target`. Its virtual runtime is relative. */
function move_to(task: number, target: number): void {
  const area = percpu_base(target);
  const flags = lock_irqsave(area + Pcpu.RQ_LOCK);
  shift_vruntime(task, ldf64(area + Pcpu.RQ_MIN_VRUNTIME));
  a_st(task + Task.CPU, target);
  // One that has only ever given way has run too.
  if ((ld(task + Task.NVCSW) | ld(task + Task.NIVCSW)) !== 0)
    st(task + Task.MIGRATIONS, ld(task + Task.MIGRATIONS) + 1);
  activate(area, task);
  unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
}

/** Tells `target` of a new task: its idle loop gets up, or its running task is asked to give way. */
function kick(target: number, task: number): void {
  const area = percpu_base(target);
  if (STEPPED) ring(area); // also on this CPU another task waits now: a decision point
  const running = a_ld(area + Pcpu.RQ_CURR);
  if (running === 0) {
    // An idle CPU of the stepped machine looks at its queue whenever it is let go on.
    if (target !== cpu && !STEPPED) smp_send_reschedule(target);
  } else if (ldf64(task + Task.VRUNTIME) + SCHED_SLICE_NS / 2 < ldf64(running + Task.VRUNTIME)) {
    resched_cpu(target);
  } else if (STEPPED) ring(area); // a tick could preempt what runs there: the strategy is to know
}

/** Asks the task that runs on `target` to give way at its next suspend point. Context: any. */
export function resched_cpu(target: number): void {
  a_st(percpu_base(target) + Pcpu.NEED_RESCHED, 1);
  if (target !== cpu) smp_send_reschedule(target);
}

/** Wakes a sleeping or new task. Context: any. Return: 1 if it was woken, 0 if it ran already. */
export const wake_up_process = (task: number): number => (try_to_wake_up(task, TASK_NORMAL) ? 1 : 0);
export const wake_up_state = (task: number, states: number): number => (try_to_wake_up(task, states) ? 1 : 0);

/**
 * The CPU loop's switch. `previous` (0 if none) has left the CPU: it is queued again or has gone to sleep. A task that
 * was preempted is queued whatever its state: it had no chance to look at what it is about to wait for.
 * Context: the CPU loop. Return: the next task, or 0.
 */
export function switch_tasks(previous: number, preempted = false): number {
  rcu_note_context_switch(previous);
  if (
    previous !== 0 &&
    (ld(previous + Task.FLAGS) & PF_WQ_WORKER) !== 0 &&
    !preempted &&
    ld(previous + Task.STATE) !== TASK_RUNNING
  )
    wq_worker_sleeping(previous);
  const now = clock_ns();
  const flags = lock_irqsave(my + Pcpu.RQ_LOCK);
  const stays = previous !== 0 && put_previous(previous, now, preempted);
  const moves = stays && ld8(previous + Task.MUST_MOVE) !== 0;
  const next = pick_next(stays && !moves ? previous : 0);
  if (next !== 0) {
    const vruntime = ldf64(next + Task.VRUNTIME);
    if (vruntime > ldf64(my + Pcpu.RQ_MIN_VRUNTIME)) stf64(my + Pcpu.RQ_MIN_VRUNTIME, vruntime);
    st(next + Task.ON_CPU, 1);
    stf64(my + Pcpu.CURR_SINCE, now);
  }
  st(my + Pcpu.RQ_CURR, next);
  if (ld(my + Pcpu.NEED_RESCHED) !== 0) st(my + Pcpu.NEED_RESCHED, 0);
  trace_switch(now, previous, next);
  // Before the lock is released: an interrupt counts its RCU sections in the current task, which another CPU may have then.
  const current = next === 0 ? ld(my + Pcpu.IDLE_TASK) : next;
  st(my + Pcpu.CURRENT, current);
  if (moves) push_away(previous, flags);
  else unlock_irqrestore(my + Pcpu.RQ_LOCK, flags);
  st(my + Pcpu.ALLOC_OWNER, ld(current + Task.OWNER));
  // For the watchdog and the host's statistics, which the stepped machine has not.
  if (!STEPPED) {
    stf64(my + Pcpu.WD_TOUCH, now);
    if (next !== 0) st(my + Pcpu.STAT_SWITCHES, ld(my + Pcpu.STAT_SWITCHES) + 1);
  }
  if (next !== 0 && (ld(next + Task.FLAGS) & PF_WQ_WORKER) !== 0) wq_worker_running(next);
  return next;
}

/** A task that has left this CPU goes to one that it may use. Under this queue's lock, which is released. */
function push_away(task: number, flags: number): void {
  st8(task + Task.MUST_MOVE, 0);
  const target = least_loaded(task);
  migrate(my, task, target, flags);
  kick(target, task);
}

/** Return: true if the task can go on. Under the queue's lock, which wake-ups change its state under. */
function put_previous(task: number, now: number, preempted: boolean): boolean {
  charge(task, now);
  st(task + Task.ON_CPU, 0);
  const state = ld(task + Task.STATE);
  if (state === TASK_RUNNING || preempted || woken_by_signal(task, state)) {
    st(task + Task.NIVCSW, ld(task + Task.NIVCSW) + 1);
    return true;
  }
  st(task + Task.NVCSW, ld(task + Task.NVCSW) + 1);
  if (state !== TASK_DEAD) stf64(task + Task.SLEPT_AT, now);
  st(task + Task.ON_RQ, 0);
  return false;
}

/**
 * A task that goes to sleep where a signal ends the sleep does not, when it has one. The sender makes the signal pending,
 * then takes this queue's lock to wake the task: one of the two sees the other.
 */
function woken_by_signal(task: number, state: number): boolean {
  if ((a_ld(task + Task.SIG_PENDING) | a_ld(task + Task.SIG_PENDING + 4)) === 0) return false;
  if (!signal_pending_state(state, task)) return false;
  st(task + Task.STATE, TASK_RUNNING);
  return true;
}

/** The first of the queue, or `previous` (0 if none) if it is before that; else `previous` is queued. */
function pick_next(previous: number): number {
  const first = pq_first(my + Pcpu.RQ_HEAP);
  if (previous !== 0) {
    raise_to_floor(my, previous);
    if (first === 0 || pq_key(first) > ldf64(previous + Task.VRUNTIME)) return previous;
  }
  if (first === 0) return 0;
  const next = first - Task.NODE;
  pq_pop(my + Pcpu.RQ_HEAP);
  taken(my, next);
  if (previous !== 0) enqueue(my, previous);
  return next;
}

/** Adds the time since it was put on the CPU to the running task. Under the queue's lock. */
function charge(task: number, now: number): void {
  const ran = Math.max(0, now - ldf64(my + Pcpu.CURR_SINCE));
  stf64(task + Task.SUM_EXEC, ldf64(task + Task.SUM_EXEC) + ran);
  const vruntime = ldf64(task + Task.VRUNTIME);
  if (vruntime < RT_LIMIT) return;
  const weight = ld(task + Task.WEIGHT);
  // At least 1 ns a turn: tasks that only switch still take turns when the clock is coarse.
  const virtual = Math.max(1, weight === NICE_0_WEIGHT ? ran : (ran * NICE_0_WEIGHT) / weight);
  stf64(task + Task.VRUNTIME, vruntime + virtual);
}

/** The tick's part: asks the running task to give way when its slice is over and another waits. Context: hardirq. */
export function scheduler_tick(): void {
  const task = ld(my + Pcpu.RQ_CURR);
  if (task === 0) return;
  const flags = lock_irqsave(my + Pcpu.RQ_LOCK);
  const now = clock_ns();
  charge(task, now);
  stf64(my + Pcpu.CURR_SINCE, now);
  if (is_rt(task) && ld8(task + Task.POLICY) === SCHED_RR) round_robin(task);
  const first = pq_first(my + Pcpu.RQ_HEAP);
  if (first !== 0 && pq_key(first) < ldf64(task + Task.VRUNTIME)) st(my + Pcpu.NEED_RESCHED, 1);
  unlock_irqrestore(my + Pcpu.RQ_LOCK, flags);
}

/** A tick of a SCHED_RR task. At the end of its slice it stands behind its equals. Under the queue's lock. */
function round_robin(task: number): void {
  const left = ld8(task + Task.TIME_SLICE) - 1;
  st8(task + Task.TIME_SLICE, left > 0 ? left : RR_TIMESLICE);
  if (left <= 0) rt_to_tail(my, task);
}

/**
 * An idle CPU takes a task from the queue that has most of those that can move. Context: the CPU loop.
 * Return: true if one came.
 */
export function idle_balance(): boolean {
  const here = cpu;
  const busiest = busiest_but(here);
  if (busiest === 0) return false;
  const flags = lock_irqsave(busiest + Pcpu.RQ_LOCK);
  const node = movable_to(busiest, here);
  const task = node - Task.NODE;
  if (node !== 0) {
    pq_remove(busiest + Pcpu.RQ_HEAP, node);
    taken(busiest, task);
    st(my + Pcpu.STAT_MIGRATIONS, ld(my + Pcpu.STAT_MIGRATIONS) + 1);
    trace_event(Event.MIGRATE, ld(task + Task.PID), here, (busiest - PERCPU) / PERCPU_SIZE);
    migrate(busiest, task, here, flags);
    return true;
  }
  unlock_irqrestore(busiest + Pcpu.RQ_LOCK, flags);
  return false;
}

/** The area of the CPU with most tasks that can move, 0 if there are none but on `here`. */
function busiest_but(here: number): number {
  const n = ld(Mach.CPUS);
  let busiest = 0;
  let most = 0;
  for (let i = 1; i < n; i++) {
    const area = percpu_base((here + i) % n);
    const movable = ld(area + Pcpu.RQ_MOVABLE);
    if (movable > most && ld(area + Pcpu.RQ_NR) > 0) {
      most = movable;
      busiest = area;
    }
  }
  return busiest;
}
/** The heap node of the first queued task that may go to that CPU, or 0. Under the queue's lock. */
function movable_to(area: number, to: number): number {
  const fits = (at: number): boolean => can_move(at - Task.NODE) && cpu_allowed(at - Task.NODE, to);
  const first = pq_first(area + Pcpu.RQ_HEAP);
  return first !== 0 && fits(first) ? first : pq_find(area + Pcpu.RQ_HEAP, fits);
}
/** Whether idle_balance on that CPU would find a task. Context: the stepped machine, between two steps. */
export function can_balance(here: number): boolean {
  const busiest = busiest_but(here);
  return busiest !== 0 && movable_to(busiest, here) !== 0;
}

export const set_current_state = (state: number): void => a_st(current_task() + Task.STATE, state);
export const __set_current_state = (state: number): void => st(current_task() + Task.STATE, state);
/** Context: task. Return: what the running task has set its state to. */
export const get_current_state = (): number => ld(current_task() + Task.STATE);
/**
 * For states that a wake-up which was meant for the previous state must not undo (Linux: TASK_PARKED, TASK_DEAD): set
 * under the lock that wake-ups hold. Context: task.
 */
export function set_special_state(state: number): void {
  const flags = lock_irqsave(my + Pcpu.RQ_LOCK);
  a_st(current_task() + Task.STATE, state);
  unlock_irqrestore(my + Pcpu.RQ_LOCK, flags);
}
