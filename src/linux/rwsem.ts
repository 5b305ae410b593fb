// <linux/rwsem.h>: struct rw_semaphore, many readers or one writer, who may sleep with it. The algorithm is
// sched/rwsem.ts. Context: task, unless a function says otherwise. A task must not take it for reading twice: a writer may
// wait in between.
import {
  down_read_raw,
  down_read_trylock_raw,
  down_write_raw,
  down_write_trylock_raw,
  downgrade_write_raw,
  init_rwsem_raw,
  rwsem_is_contended_raw,
  rwsem_is_locked_raw,
  rwsem_write_held_raw,
  up_read_raw,
  up_write_raw,
} from '../sched/rwsem.js';
import { WARN } from '../kernel/panic.js';
import type { Sleeping } from '../sched/sleep.js';
import { TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_UNINTERRUPTIBLE } from '../sched/task-layout.js';
import { list_head } from './list-types.js';
import { raw_spinlock_t } from './spinlock.js';
import { DEFINE_STATIC, ptr, Struct, u32 } from './types.js';

export class rw_semaphore extends Struct(
  'rw_semaphore',
  {
    count: u32,
    owner: u32,
    wait_lock: raw_spinlock_t,
    magic: u32,
    unused: u32,
    held_next: ptr(),
    wait_list: list_head,
  },
  { init: init_rwsem_raw },
) {}

/** Static data: `const sem = DECLARE_RWSEM()`. */
export const DECLARE_RWSEM = (): rw_semaphore => DEFINE_STATIC(rw_semaphore);
/** Makes one in memory from kmalloc usable. Context: any. */
export const init_rwsem = (sem: rw_semaphore): void => init_rwsem_raw(sem['@addr']);

/** Sleeps until no writer has it or waited before. */
export const down_read = (sem: rw_semaphore): Sleeping<number> =>
  down_read_raw(sem['@addr'], TASK_UNINTERRUPTIBLE, 'down_read');
/** Return: 0 with it; -EINTR without if the task has a signal. */
export const down_read_interruptible = (sem: rw_semaphore): Sleeping<number> =>
  down_read_raw(sem['@addr'], TASK_INTERRUPTIBLE, 'down_read_interruptible');
/** Return: 0 with it; -EINTR without if the task has SIGKILL. */
export const down_read_killable = (sem: rw_semaphore): Sleeping<number> =>
  down_read_raw(sem['@addr'], TASK_KILLABLE, 'down_read_killable');
/** Never waits. Context: any. Return: 1 if it was taken, 0 if not. */
export const down_read_trylock = (sem: rw_semaphore): number => (down_read_trylock_raw(sem['@addr']) ? 1 : 0);
/** Giving back what nobody holds is a BUG. Context: any. */
export const up_read = (sem: rw_semaphore): void => up_read_raw(sem['@addr']);

/** Sleeps until nobody has it. Taking it twice is a BUG. */
export const down_write = (sem: rw_semaphore): Sleeping<number> =>
  down_write_raw(sem['@addr'], TASK_UNINTERRUPTIBLE, 'down_write');
/** Return: 0 with it; -EINTR without if the task has SIGKILL. */
export const down_write_killable = (sem: rw_semaphore): Sleeping<number> =>
  down_write_raw(sem['@addr'], TASK_KILLABLE, 'down_write_killable');
/** Never waits. Return: 1 if it was taken, 0 if not. */
export const down_write_trylock = (sem: rw_semaphore): number => (down_write_trylock_raw(sem['@addr']) ? 1 : 0);
/** Only its writer gives it back; a BUG for others. */
export const up_write = (sem: rw_semaphore): void => up_write_raw(sem['@addr']);
/** The writer becomes a reader without letting another writer in. */
export const downgrade_write = (sem: rw_semaphore): void => downgrade_write_raw(sem['@addr']);

// `subclass` and `nest` are for lock dependencies, which nobody checks yet.
type Nested = (sem: rw_semaphore, subclass: number) => Sleeping<number>;
export const down_read_nested = down_read as Nested;
export const down_read_killable_nested = down_read_killable as Nested;
export const down_write_nested = down_write as Nested;
export const down_write_killable_nested = down_write_killable as Nested;
export const down_write_nest_lock = down_write as (sem: rw_semaphore, nest: unknown) => Sleeping<number>;
/** For a reader that another task gives back: nobody keeps which task reads. */
export const down_read_non_owner = down_read;
export const up_read_non_owner = up_read;

/** Context: any. */
export const rwsem_is_locked = (sem: rw_semaphore): boolean => rwsem_is_locked_raw(sem['@addr']);
/** Somebody waits. Context: any. */
export const rwsem_is_contended = (sem: rw_semaphore): boolean => rwsem_is_contended_raw(sem['@addr']);
/** Warns unless somebody holds it. Context: any. */
export const rwsem_assert_held = (sem: rw_semaphore): void => {
  if (!rwsem_is_locked_raw(sem['@addr'])) WARN(true, 'rwsem_assert_held: nobody holds the rwsem %pS', sem['@addr']);
};
export const rwsem_assert_held_write = (sem: rw_semaphore): void => {
  if (!rwsem_write_held_raw(sem['@addr']))
    WARN(true, 'rwsem_assert_held_write: no writer holds the rwsem %pS', sem['@addr']);
};
