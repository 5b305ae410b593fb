// <linux/timer.h>: timers of one-jiffy grain, run in softirq context on the CPU that armed them.
import {
  add_timer_on_raw,
  add_timer_raw,
  del_timer_raw,
  del_timer_sync_raw,
  init_timer_raw,
  Mod,
  mod_timer_raw,
  timer_pending_raw,
  timer_shutdown_raw,
} from '../sched/timer.js';
import { atomic_text_handle } from '../kernel/text.js';
import { container_of } from './container_of.js';
import { array, DEFINE_STATIC, f64, fn, Struct, u32, ulong } from './types.js';

export class timer_list extends Struct('timer_list', {
  node: array(u32, 4),
  key: f64,
  expires: ulong,
  function: fn,
  flags: u32,
  base: u32,
}) {}

/** Called with the timer's address: use from_timer to reach what it lies in. Context: softirq. */
export type TimerFunction = (timer: number) => void;

/** Static data: a timer with its (exported) function. */
export const DEFINE_TIMER = (func: TimerFunction): timer_list => DEFINE_STATIC(timer_list, { function: func });
/** Sets a timer up; it must not be armed. `func` is exported. Context: any. */
export const timer_setup = (timer: timer_list, func: TimerFunction, flags: number): void =>
  init_timer_raw(timer['@addr'], atomic_text_handle(func, 'the function of a timer'), flags);
/** Arms at `timer.expires` a timer that is not armed. Context: any. */
export const add_timer = (timer: timer_list): void => add_timer_raw(timer['@addr']);
/** Arms, or moves if it is armed, to jiffy `expires`. Context: any. Return: 1 if it was armed. */
export const mod_timer = (timer: timer_list, expires: number): number => mod_timer_raw(timer['@addr'], expires | 0);
/** As add_timer, to run on CPU number `cpu`, also when its function runs elsewhere now. Context: any. */
export const add_timer_on = (timer: timer_list, cpu: number): void => add_timer_on_raw(timer['@addr'], cpu);
/** Moves the timer to jiffy `expires` if it is armed; else nothing. Context: any. Return: 1 if it was armed. */
export const mod_timer_pending = (timer: timer_list, expires: number): number =>
  mod_timer_raw(timer['@addr'], expires | 0, Mod.PENDING);
/** Arms, or moves to an earlier jiffy; never to a later one. Context: any. Return: 1 if it was armed. */
export const timer_reduce = (timer: timer_list, expires: number): number =>
  mod_timer_raw(timer['@addr'], expires | 0, Mod.REDUCE);
/**
 * Disarms, and whoever arms the timer later does nothing, until timer_setup. The function may be running, and must not
 * need the timer's `function` field. Context: any. Return: 1 if it was armed.
 */
export const timer_shutdown = (timer: timer_list): number => timer_shutdown_raw(timer['@addr']);
/** As timer_shutdown, and waits for a running function: for the end of what the timer lies in. Context: task or softirq. */
export function timer_shutdown_sync(timer: timer_list): number {
  const was = timer_shutdown_raw(timer['@addr']);
  del_timer_sync_raw(timer['@addr']);
  return was;
}
/** Disarms; the function may be running. Context: any. Return: 1 if it was armed. */
export const timer_delete = (timer: timer_list): number => del_timer_raw(timer['@addr']);
export const del_timer = timer_delete;
/** Disarms and waits for a running function. Context: task or softirq. Return: 1 if it was armed. */
export const timer_delete_sync = (timer: timer_list): number => del_timer_sync_raw(timer['@addr']);
export const del_timer_sync = timer_delete_sync;
export const timer_pending = (timer: timer_list): boolean => timer_pending_raw(timer['@addr']);
/** The struct in which the timer lies as `field`. */
export const from_timer = container_of;
