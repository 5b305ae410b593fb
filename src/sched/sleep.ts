// noinstr: never transformed, never interrupted (the transform knows `ready` and `delegate` by name; `drive` and
// `schedule` have hand-written twins in stepped/sleep.ts).
// How a task sleeps.
//
// A sleeping primitive is an `attempt(frame, a, b, c)`: it completes and returns its result, or it queues the task, sets
// its state and returns SLEEP, and is called again with the same frame after the wake-up. The frame lies in the task's
// memory, so no primitive keeps state in a generator, and a C task that sleeps in one goes on at another CPU. `drive`
// is the driver for TypeScript; cc/ has the one for C.
//
// Frames are a stack that grows up in the task (Task.FRAMES); a frame starts zeroed. Composed primitives call each
// other's attempts with a part of their own frame.
import { FRAME_AREA } from '../machine/params.js';
import { Pcpu } from '../machine/memory-map.js';
import { current_task, my } from '../cpu/context.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { preempt_count } from '../cpu/preempt.js';
import { ld, st } from '../cpu/raw.js';
import { SCHEDULE } from '../cpu/vectors.js';
import { BUG, task_comm, task_pid, WARN_ONCE } from '../kernel/panic.js';
import { __might_sleep } from './debug.js';
import { rcu_all_qs } from './rcu.js';
import { Task, TASK_RUNNING } from './task-layout.js';

/** What an attempt returns when the task has to wait; no result has this value. */
export const SLEEP = 0x7fffffff;
export type Attempt = (frame: number, a: number, b: number, c: number) => number;

/** A call that may sleep: write `yield* f()`. */
export type Sleeping<T = void> = Generator<number, T, void>;

const done: { done: boolean; value: unknown } = { done: true, value: undefined };
const READY = {
  [Symbol.iterator]() {
    return READY;
  },
  next: () => done,
};

/**
 * The result of a sleeping function that did not have to wait, without making a generator (24 ns against 7). One object
 * serves all: nothing can come between this and the `yield*` that takes the value.
 */
export function ready<T>(value: T): Sleeping<T> {
  done.value = value;
  return READY as unknown as Sleeping<T>;
}
/** The result of a sleeping function that goes on in a generator. Marks the place for the transform. */
export const delegate = <T>(generator: Sleeping<T>): Sleeping<T> => generator;

/** Takes `size` bytes of the running task's frame area, zeroed. Context: task. */
export function push_frame(size: number): number {
  const task = current_task();
  const frame = ld(task + Task.FRAME_TOP);
  const top = frame + size;
  if (top > task + Task.FRAMES + FRAME_AREA)
    BUG(`${task_comm(task)}/${task_pid(task)}: sleeping primitives are nested too deeply for the task's frame area`);
  st(task + Task.FRAME_TOP, top);
  for (let a = frame; a < top; a += 4) st(a, 0);
  return frame;
}
export function pop_frame(frame: number): void {
  st(current_task() + Task.FRAME_TOP, frame);
}

/** Called where a task is about to leave its CPU. */
export function schedule_debug(): void {
  if (preempt_count() !== 0 || irqs_disabled()) scheduling_while_atomic();
  if (ld(current_task() + Task.RCU_NESTING) !== 0)
    WARN_ONCE(true, 'Voluntary context switch within RCU read-side critical section!');
}
function scheduling_while_atomic(): never {
  const task = current_task();
  BUG(
    `scheduling while atomic: ${task_comm(task)}/${task_pid(task)}/0x${preempt_count().toString(16).padStart(8, '0')}` +
      (irqs_disabled() ? ', interrupts off' : ''),
  );
}

/** The driver of attempts for TypeScript tasks. `size` is the frame's. */
export function* drive(attempt: Attempt, size: number, a = 0, b = 0, c = 0): Sleeping<number> {
  const frame = push_frame(size);
  for (;;) {
    const result = attempt(frame, a, b, c);
    if (result !== SLEEP) {
      pop_frame(frame);
      return result;
    }
    schedule_debug();
    yield SCHEDULE;
  }
}

/**
 * Gives up the CPU: to others if the state is TASK_RUNNING, until a wake-up otherwise.
 * Context: task, nothing held that forbids sleeping.
 */
export function schedule(): Sleeping {
  schedule_debug();
  leaving = true;
  return LEAVE as unknown as Sleeping;
}
const left: { done: boolean; value: number } = { done: false, value: SCHEDULE };
const back: { done: boolean; value: undefined } = { done: true, value: undefined };
/** The call of `next` that follows is the one by which the task leaves; every other one is that of a task that comes back. */
let leaving = false;
/** Yields SCHEDULE once. One object serves all tasks, and no generator is made: nothing comes between schedule() and its `yield*`. */
const LEAVE = {
  [Symbol.iterator]() {
    return LEAVE;
  },
  next() {
    if (!leaving) return back;
    leaving = false;
    return left;
  },
};

/** For C and for composed primitives: the first call sleeps, the second returns. The frame is one word. */
export function schedule_attempt(frame: number): number {
  if (ld(frame) !== 0) return 0;
  st(frame, 1);
  return SLEEP;
}

export const need_resched = (): boolean => ld(my + Pcpu.NEED_RESCHED) !== 0;
/**
 * Gives way if the tick or a wake-up asked for it. Context: task. Return: 1 if it did. Does nothing between
 * set_current_state and schedule: giving way there would be going to sleep without a look at the condition.
 */
export function cond_resched(): Sleeping<number> {
  if (ld(current_task() + Task.RCU_NESTING) !== 0) __might_sleep('cond_resched');
  if (ld(my + Pcpu.RCU_QS_WANTED) !== 0) rcu_all_qs();
  if (ld(my + Pcpu.NEED_RESCHED) === 0 || preempt_count() !== 0) return ready(0);
  if (ld(current_task() + Task.STATE) !== TASK_RUNNING) return ready(0);
  return delegate(resched());
}
/**
 * Gives way, unless preemption or interrupts are off, as preemption of the kernel would here: also inside
 * rcu_read_lock, where cond_resched must not be called. In the free-running build a TypeScript task is preempted nowhere
 * else. Context: task.
 */
export function preempt_schedule(): Sleeping<number> {
  if (preempt_count() !== 0 || irqs_disabled()) return ready(0);
  if (ld(current_task() + Task.STATE) !== TASK_RUNNING) return ready(0);
  return delegate(resched());
}
/** As resched, when the task moves by it. Result: 0. */
export function* give_way(): Sleeping<number> {
  yield SCHEDULE;
  return 0;
}
export function* resched(): Sleeping<number> {
  yield SCHEDULE;
  return 1;
}
