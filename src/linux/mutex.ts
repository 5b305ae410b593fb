// <linux/mutex.h>: struct mutex. A task that waits sleeps; only its owner unlocks it. The algorithm is sched/mutex.ts.
// Context: task, unless a function says otherwise.
import {
  mutex_destroy_raw,
  mutex_init_raw,
  mutex_is_locked_raw,
  mutex_lock_raw,
  mutex_lock_state_raw,
  mutex_trylock_raw,
  mutex_unlock_raw,
} from '../sched/mutex.js';
import type { Sleeping } from '../sched/sleep.js';
import { TASK_INTERRUPTIBLE, TASK_KILLABLE } from '../sched/task-layout.js';
import { DEFINE_STATIC, Struct, ptr, u32 } from './types.js';
import { spinlock_t } from './spinlock.js';
import { list_head } from './list-types.js';

export class mutex extends Struct(
  'mutex',
  { owner: u32, wait_lock: spinlock_t, wait_list: list_head, magic: u32, held_next: ptr() },
  { init: mutex_init_raw },
) {}

export const DEFINE_MUTEX = (): mutex => DEFINE_STATIC(mutex);
/** Makes a mutex in memory from kmalloc usable. Context: any. */
export const mutex_init = (lock: mutex): void => mutex_init_raw(lock['@addr']);
/** Makes it unusable until the next mutex_init; a warning if somebody holds it. Context: any. */
export const mutex_destroy = (lock: mutex): void => mutex_destroy_raw(lock['@addr']);
/** Sleeps until the mutex is this task's. Locking it twice is a BUG. */
export const mutex_lock = (lock: mutex): Sleeping<number> => mutex_lock_raw(lock['@addr']);
/** Return: 0 with the mutex; -EINTR without it if the task has a signal. */
export const mutex_lock_interruptible = (lock: mutex): Sleeping<number> =>
  mutex_lock_state_raw(lock['@addr'], TASK_INTERRUPTIBLE, 'mutex_lock_interruptible');
/** Return: 0 with the mutex; -EINTR without it if the task has SIGKILL. */
export const mutex_lock_killable = (lock: mutex): Sleeping<number> =>
  mutex_lock_state_raw(lock['@addr'], TASK_KILLABLE, 'mutex_lock_killable');
/** As mutex_lock: nobody accounts time that tasks wait for devices. */
export const mutex_lock_io = mutex_lock;
/** Unlocking another's mutex is a BUG. */
export const mutex_unlock = (lock: mutex): void => mutex_unlock_raw(lock['@addr']);
/** Return: 1 if it was taken, 0 if not (not as down_trylock); never waits. */
export const mutex_trylock = (lock: mutex): number => (mutex_trylock_raw(lock['@addr']) ? 1 : 0);
/** Context: any. */
export const mutex_is_locked = (lock: mutex): boolean => mutex_is_locked_raw(lock['@addr']);
export { atomic_dec_and_mutex_lock } from './refcount-lock.js';

// `subclass` and `nest` are for lock dependencies, which nobody checks yet.
type Nested = (lock: mutex, subclass: number) => Sleeping<number>;
export const mutex_lock_nested = mutex_lock as Nested;
export const mutex_lock_interruptible_nested = mutex_lock_interruptible as Nested;
export const mutex_lock_killable_nested = mutex_lock_killable as Nested;
export const mutex_lock_io_nested = mutex_lock as Nested;
export const mutex_lock_nest_lock = mutex_lock as (lock: mutex, nest: unknown) => Sleeping<number>;
