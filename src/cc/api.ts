// noinstr: never transformed, never interrupted.
// The kernel's API as C imports it, but for what sleeps (sleepers.ts): the same functions that TypeScript calls, on
// addresses. What is not here yet is an undefined symbol at insmod. Contexts are those of each function.
import { current_task } from '../cpu/context.js';
import { preempt_disable, preempt_enable } from '../cpu/preempt.js';
import { clock_ns } from '../cpu/clock.js';
import { num_online_cpus, on_each_cpu, smp_call_function_single, type smp_call_func_t } from '../cpu/smp.js';
import { raw_smp_processor_id } from '../cpu/smp-processor-id.js';
import { get_jiffies } from '../sched/timer.js';
import { text_at } from '../kernel/text.js';
import { printk } from '../kernel/printk.js';
import { format } from '../kernel/vsprintf.js';
import { kfree, kmalloc, kzalloc } from '../mm/slab.js';
import {
  complete_all_raw,
  complete_raw,
  completion_done_raw,
  init_completion_raw,
  try_wait_raw,
} from '../sched/completion.js';
import { wake_up_process } from '../sched/core.js';
import { get_task_struct, kthread_create_handle, kthread_should_stop, put_task_struct } from '../sched/kthread.js';
import { mutex_init_raw, mutex_is_locked_raw, mutex_trylock_raw, mutex_unlock_raw } from '../sched/mutex.js';
import { c_string, va_arguments } from './memory.js';
import { stack_overflow } from './run.js';

/** A function that C may call; it returns a number, a boolean, a bigint for 64 bits, or nothing. */
export type Import = (...args: number[]) => unknown;

let made: Readonly<Record<string, Import>> | null = null;
/** Made when C is first loaded: while modules that import each other are evaluated, some of these have no value yet. */
export const api = (): Readonly<Record<string, Import>> => (made ??= table());

const table = (): Readonly<Record<string, Import>> => ({
  __lockstep_stack_overflow: stack_overflow,
  complete: complete_raw as Import,
  complete_all: complete_all_raw as Import,
  completion_done: completion_done_raw as Import,
  get_current: current_task,
  get_jiffies,
  get_task_struct: get_task_struct as Import,
  init_completion: init_completion_raw as Import,
  kfree: kfree as Import,
  kmalloc: kmalloc as Import,
  kthread_create: (fn, data, fmt, va) =>
    kthread_create_handle(fn!, data!, format(c_string(fmt!), va_arguments(fmt!, va!)), 0),
  kthread_should_stop,
  kzalloc: kzalloc as Import,
  local_clock: () => BigInt(Math.floor(clock_ns())),
  mutex_init: mutex_init_raw as Import,
  mutex_is_locked: mutex_is_locked_raw as Import,
  mutex_trylock: mutex_trylock_raw as Import,
  mutex_unlock: mutex_unlock_raw as Import,
  num_online_cpus,
  on_each_cpu: (func, info, wait) => on_each_cpu(text_at(func!) as smp_call_func_t, info!, wait!),
  preempt_disable,
  preempt_enable,
  printk: (fmt, va) => printk(c_string(fmt!), ...va_arguments(fmt!, va!)),
  put_task_struct: put_task_struct as Import,
  smp_call_function_single: (cpu, func, info, wait) =>
    smp_call_function_single(cpu!, text_at(func!) as smp_call_func_t, info!, wait!),
  // C modules are not checked for preemptible code.
  smp_processor_id: raw_smp_processor_id,
  try_wait_for_completion: try_wait_raw as Import,
  wake_up_process: wake_up_process as Import,
});
