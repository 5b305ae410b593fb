// <linux/srcu.h>: RCU whose readers may sleep. Each srcu_struct has its own readers and its own grace periods, which wait
// for nobody else. The algorithm is sched/srcu.ts.
import { lea, load_once, type Key, type Val } from './lvalue.js';
import { poll } from '../cpu/heap.js';
import { WARN_ONCE } from '../kernel/panic.js';
import { atomic_text_handle } from '../kernel/text.js';
import type { Sleeping } from '../sched/sleep.js';
import {
  call_srcu_raw,
  cleanup_srcu_struct_raw,
  in_srcu_section,
  init_srcu_raw,
  init_srcu_struct_raw,
  srcu_barrier_raw,
  SRCU_DATA_SIZE,
  srcu_enter,
  srcu_leave,
  srcu_passed,
  srcu_read_lock_raw,
  srcu_read_unlock_raw,
  srcu_state,
  synchronize_srcu_raw,
} from '../sched/srcu.js';
import type { StructView } from './field.js';
import { DEFINE_PER_CPU, percpu_pointer } from './percpu-defs.js';
import type { rcu_head } from './rcupdate.js';
import { initialising } from './static.js';
import { array, DEFINE_STATIC, Struct, u32 } from './types.js';

/** A domain of readers. Its fields are the kernel's own. */
export class srcu_struct extends Struct('srcu_struct', { words: array(u32, 25) }) {}
class srcu_data extends Struct('srcu_data', { words: array(u32, SRCU_DATA_SIZE / 4) }) {}

/** Static data: an srcu_struct that needs no init_srcu_struct and no cleanup_srcu_struct. */
export function DEFINE_SRCU(): srcu_struct {
  const s = DEFINE_STATIC(srcu_struct);
  const data = DEFINE_PER_CPU(srcu_data);
  if (initialising()) init_srcu_raw(s['@addr'], percpu_pointer(data), false);
  return s;
}
export { DEFINE_SRCU as DEFINE_STATIC_SRCU };
/** For one in other memory. Context: task. Return: 0, -ENOMEM. */
export const init_srcu_struct = (ssp: srcu_struct): number => init_srcu_struct_raw(ssp['@addr']);
/**
 * The end of one: no reader may be left, and callbacks must have been waited for (srcu_barrier); else it warns and leaks.
 * Context: task.
 */
export const cleanup_srcu_struct = (ssp: srcu_struct): Sleeping<number> => cleanup_srcu_struct_raw(ssp['@addr']);

/**
 * Begins a read-side section, which may sleep, and may nest. Context: any, the section ends in the same.
 * Return: the index for srcu_read_unlock.
 */
export const srcu_read_lock = (ssp: srcu_struct): number => srcu_read_lock_raw(ssp['@addr']);
/** `idx`: what srcu_read_lock returned. */
export const srcu_read_unlock = (ssp: srcu_struct, idx: number): void => srcu_read_unlock_raw(ssp['@addr'], idx);
/** All counting is atomic here: the same. */
export { srcu_read_lock as srcu_read_lock_nmisafe, srcu_read_unlock as srcu_read_unlock_nmisafe };
/** As srcu_read_lock, for a section that another task or an interrupt may end. Context: task. */
export const srcu_down_read = (ssp: srcu_struct): number => srcu_enter(ssp['@addr']);
export const srcu_up_read = (ssp: srcu_struct, idx: number): void => srcu_leave(ssp['@addr'], idx);
/** Whether the caller is a reader, of any srcu_struct: what lockdep would tell apart is not kept. */
export const srcu_read_lock_held = (_ssp: srcu_struct): boolean => in_srcu_section();

/** Reads a protected pointer. Context: a reader of `ssp`, or `condition` holds. */
export function srcu_dereference_check<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  ssp: srcu_struct,
  condition: unknown,
): Val<V, K> {
  if (!condition && !srcu_read_lock_held(ssp))
    WARN_ONCE(true, 'suspicious RCU usage: suspicious srcu_dereference_check() usage!');
  poll();
  return load_once(lea(v, field, false)) as Val<V, K>;
}
export const srcu_dereference = <V extends StructView, K extends Key<V>>(v: V, field: K, ssp: srcu_struct): Val<V, K> =>
  srcu_dereference_check(v, field, ssp, false);
export function srcu_dereference_notrace<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  ssp: srcu_struct,
): Val<V, K> {
  return srcu_dereference_check(v, field, ssp, true);
}

/** Waits until every section that had begun before has ended. Context: task, in no section of `ssp`. */
export const synchronize_srcu = (ssp: srcu_struct): Sleeping<number> =>
  synchronize_srcu_raw(ssp['@addr'], 'synchronize_srcu');
/** A grace period waits for readers and for nothing else here: the same. */
export const synchronize_srcu_expedited = (ssp: srcu_struct): Sleeping<number> =>
  synchronize_srcu_raw(ssp['@addr'], 'synchronize_srcu_expedited');
/** Calls `func(rhp)` after a grace period, in process context with softirqs off. Context: any. */
export const call_srcu = (ssp: srcu_struct, rhp: rcu_head, func: (rhp: number) => void): void =>
  call_srcu_raw(ssp['@addr'], rhp['@addr'], atomic_text_handle(func, 'a callback of call_srcu'));
/** Waits until the callbacks that were queued before have been invoked. Context: task. */
export const srcu_barrier = (ssp: srcu_struct): Sleeping<number> => srcu_barrier_raw(ssp['@addr']);
/** Context: any. Return: a cookie for poll_state_synchronize_srcu; nothing is begun. */
export const get_state_synchronize_srcu = (ssp: srcu_struct): number => srcu_state(ssp['@addr'], false);
/** As get_state_synchronize_srcu, and begins the grace period. */
export const start_poll_synchronize_srcu = (ssp: srcu_struct): number => srcu_state(ssp['@addr'], true);
/** Whether a grace period has passed since the cookie was made. Context: any. */
export const poll_state_synchronize_srcu = (ssp: srcu_struct, cookie: number): boolean =>
  srcu_passed(ssp['@addr'], cookie);
