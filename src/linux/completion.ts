// <linux/completion.h>: one side waits until the other says that something is done. The algorithm is sched/completion.ts.
import {
  complete_all_raw,
  complete_raw,
  completion_done_raw,
  init_completion_raw,
  reinit_completion_raw,
  try_wait_raw,
  wait_for_completion_timeout_raw,
} from '../sched/completion.js';
import { delegate, pop_frame, push_frame, type Sleeping } from '../sched/sleep.js';
import { Completion, Task, TASK_INTERRUPTIBLE, TASK_KILLABLE } from '../sched/task-layout.js';
import { MAX_SCHEDULE_TIMEOUT } from '../sched/timer.js';
import { current_task } from '../cpu/context.js';
import { ld } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { DEFINE_STATIC, Struct, u32 } from './types.js';
import { wait_queue_head_t } from './wait-types.js';

export class completion extends Struct(
  'completion',
  { done: u32, wait: wait_queue_head_t },
  { init: init_completion_raw },
) {}

export const DECLARE_COMPLETION = (): completion => DEFINE_STATIC(completion);
/**
 * One that lives as long as the function that it is declared in: on a frame of the running task, to be given back with
 * destroy_completion_on_stack when the function ends, several in the reverse order. Context: task.
 */
export function DECLARE_COMPLETION_ONSTACK(): completion {
  const x = push_frame(ON_STACK);
  init_completion_raw(x);
  return completion.at(x);
}
/** Linux has no need of it: there the stack does it. Nobody may use the completion any more. Context: the same task. */
export function destroy_completion_on_stack(x: completion): void {
  if (x['@addr'] + ON_STACK !== ld(current_task() + Task.FRAME_TOP))
    BUG('destroy_completion_on_stack: this is not what the task has declared last with DECLARE_COMPLETION_ONSTACK');
  pop_frame(x['@addr']);
}
const ON_STACK = (Completion.SIZE + 7) & ~7;

/** Context: any. */
export const init_completion = (x: completion): void => init_completion_raw(x['@addr']);
/** For another round, when nobody waits any more. */
export const reinit_completion = (x: completion): void => reinit_completion_raw(x['@addr']);
/** Lets one waiter pass, now or later. Context: any. */
export const complete = (x: completion): void => complete_raw(x['@addr']);
/** A hint that the waiter should run on this CPU, which nothing here takes. */
export const complete_on_current_cpu = complete;
/** Lets everybody pass until reinit_completion. Context: any. */
export const complete_all = (x: completion): void => complete_all_raw(x['@addr']);
/** Context: any. Return: true if it was done, and one pass is taken. */
export const try_wait_for_completion = (x: completion): boolean => try_wait_raw(x['@addr']);
/** Context: any. */
export const completion_done = (x: completion): boolean => completion_done_raw(x['@addr']);

/** Context: task. */
export const wait_for_completion = (x: completion): Sleeping<number> =>
  wait_for_completion_timeout_raw(x['@addr'], MAX_SCHEDULE_TIMEOUT);
/** `timeout` in jiffies. Context: task. Return: 0 if it timed out, else jiffies left, at least 1. */
export const wait_for_completion_timeout = (x: completion, timeout: number): Sleeping<number> =>
  wait_for_completion_timeout_raw(x['@addr'], timeout);
/** Linux counts these as waiting for a device. */
export const wait_for_completion_io = wait_for_completion;
export const wait_for_completion_io_timeout = wait_for_completion_timeout;

function* without_time(x: number, state: number): Sleeping<number> {
  const left = yield* wait_for_completion_timeout_raw(x, MAX_SCHEDULE_TIMEOUT, state);
  return left < 0 ? left : 0;
}
/** Context: task. Return: 0, -ERESTARTSYS if a signal was pending while it was not done. */
export const wait_for_completion_interruptible = (x: completion): Sleeping<number> =>
  delegate(without_time(x['@addr'], TASK_INTERRUPTIBLE));
/** As interruptible, but of SIGKILL only. */
export const wait_for_completion_killable = (x: completion): Sleeping<number> =>
  delegate(without_time(x['@addr'], TASK_KILLABLE));
/** As interruptible, in a sleep of this state. */
export const wait_for_completion_state = (x: completion, state: number): Sleeping<number> =>
  delegate(without_time(x['@addr'], state));
/** Context: task. Return: 0 if it timed out, -ERESTARTSYS, else jiffies left, at least 1. */
export const wait_for_completion_interruptible_timeout = (x: completion, timeout: number): Sleeping<number> =>
  wait_for_completion_timeout_raw(x['@addr'], timeout, TASK_INTERRUPTIBLE);
export const wait_for_completion_killable_timeout = (x: completion, timeout: number): Sleeping<number> =>
  wait_for_completion_timeout_raw(x['@addr'], timeout, TASK_KILLABLE);
