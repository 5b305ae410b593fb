// <linux/semaphore.h>: struct semaphore, a number of tasks may be inside at once. It has no owner: who comes out need not
// be who went in. Where one task takes it and the same gives it back, a mutex checks more. The algorithm is
// sched/semaphore.ts. Context: task, unless a function says otherwise.
import { down_raw, down_trylock_raw, sema_init_raw, up_raw } from '../sched/semaphore.js';
import type { Sleeping } from '../sched/sleep.js';
import { TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_UNINTERRUPTIBLE } from '../sched/task-layout.js';
import { MAX_SCHEDULE_TIMEOUT } from '../sched/timer.js';
import { list_head } from './list-types.js';
import { raw_spinlock_t } from './spinlock.js';
import { DEFINE_STATIC, Struct, u32 } from './types.js';

export class semaphore extends Struct(
  'semaphore',
  { lock: raw_spinlock_t, count: u32, wait_list: list_head, magic: u32 },
  { init: (a) => sema_init_raw(a, 0) },
) {}

/** Static data: a semaphore that lets `n` in. */
export const DEFINE_SEMAPHORE = (n: number): semaphore => DEFINE_STATIC(semaphore, { count: n });
/** Makes one in memory usable; it lets `n` in. Context: any. */
export const sema_init = (sem: semaphore, n: number): void => sema_init_raw(sem['@addr'], n);

/** Sleeps until it is let in, whatever signals come. */
export const down = (sem: semaphore): Sleeping<number> =>
  down_raw(sem['@addr'], TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, 'down');
/** Return: 0 when it was let in, -EINTR if the task has a signal. */
export const down_interruptible = (sem: semaphore): Sleeping<number> =>
  down_raw(sem['@addr'], TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, 'down_interruptible');
/** Return: 0 when it was let in, -EINTR if the task has SIGKILL. */
export const down_killable = (sem: semaphore): Sleeping<number> =>
  down_raw(sem['@addr'], TASK_KILLABLE, MAX_SCHEDULE_TIMEOUT, 'down_killable');
/** `timeout` in jiffies. Return: 0 when it was let in, -ETIME when not within that time. */
export const down_timeout = (sem: semaphore, timeout: number): Sleeping<number> =>
  down_raw(sem['@addr'], TASK_UNINTERRUPTIBLE, timeout, 'down_timeout');
/** Never waits. Context: any. Return: 0 if it was let in, 1 if not (the other way round than mutex_trylock). */
export const down_trylock = (sem: semaphore): number => (down_trylock_raw(sem['@addr']) ? 0 : 1);
/** Lets one more in: the one that has waited longest, if any. Context: any. */
export const up = (sem: semaphore): void => up_raw(sem['@addr']);
