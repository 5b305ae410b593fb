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
import type { Sleeping } from '../sched/sleep.js';
import { MAX_SCHEDULE_TIMEOUT } from '../sched/timer.js';
import { DEFINE_STATIC, Struct, u32 } from './types.js';
import { wait_queue_head_t } from './wait.js';

export class completion extends Struct(
  'completion',
  { done: u32, wait: wait_queue_head_t },
  { init: init_completion_raw },
) {}

export const DECLARE_COMPLETION = (): completion => DEFINE_STATIC(completion);
/** Context: any. */
export const init_completion = (x: completion): void => init_completion_raw(x['@addr']);
/** For another round, when nobody waits any more. */
export const reinit_completion = (x: completion): void => reinit_completion_raw(x['@addr']);
/** Lets one waiter pass, now or later. Context: any. */
export const complete = (x: completion): void => complete_raw(x['@addr']);
/** Lets everybody pass until reinit_completion. Context: any. */
export const complete_all = (x: completion): void => complete_all_raw(x['@addr']);
/** Context: task. */
export const wait_for_completion = (x: completion): Sleeping<number> =>
  wait_for_completion_timeout_raw(x['@addr'], MAX_SCHEDULE_TIMEOUT);
/** `timeout` in jiffies. Context: task. Return: 0 if it timed out, else jiffies left, at least 1. */
export const wait_for_completion_timeout = (x: completion, timeout: number): Sleeping<number> =>
  wait_for_completion_timeout_raw(x['@addr'], timeout);
/** Context: any. Return: true if it was done, and one pass is taken. */
export const try_wait_for_completion = (x: completion): boolean => try_wait_raw(x['@addr']);
/** Context: any. */
export const completion_done = (x: completion): boolean => completion_done_raw(x['@addr']);
