// noinstr: never transformed, never interrupted.
// The kernel's API as C imports it, but for what sleeps (sleepers.ts): the same functions that TypeScript calls, on
// addresses. What is not here is an undefined symbol at insmod. Contexts are those of each function.
import { current_task } from '../cpu/context.js';
import * as irqflags from '../cpu/irqflags.js';
import * as preempt from '../cpu/preempt.js';
import { clock_ns } from '../cpu/clock.js';
import { cpu_relax } from '../cpu/park.js';
import { local_bh_disable, local_bh_enable, Softirq } from '../cpu/softirq.js';
import {
  num_online_cpus,
  on_each_cpu,
  smp_call_function,
  smp_call_function_single,
  type smp_call_func_t,
} from '../cpu/smp.js';
import { raw_smp_processor_id, smp_processor_id } from '../cpu/smp-processor-id.js';
import { text_at } from '../kernel/text.js';
import { dump_stack, panic, WARN } from '../kernel/panic.js';
import { printk } from '../kernel/printk.js';
import { format } from '../kernel/vsprintf.js';
import { mdelay, ndelay, udelay } from '../linux/delay.js';
import { per_cpu_ptr } from '../linux/percpu.js';
import * as spin from '../linux/spinlock.js';
import * as sprintf from '../linux/sprintf.js';
import { __alloc_percpu_gfp, free_percpu } from '../mm/percpu.js';
import { kcalloc, kfree, kmalloc, kmalloc_array, ksize, kzalloc } from '../mm/slab.js';
import { kfree_sensitive, kmemdup, krealloc, kstrdup, kstrndup } from '../mm/util.js';
import * as completion from '../sched/completion.js';
import { __set_current_state, set_current_state, wake_up_process } from '../sched/core.js';
import { might_sleep } from '../sched/debug.js';
import {
  get_task_struct,
  kthread_bind,
  kthread_create_handle,
  kthread_should_stop,
  put_task_struct,
} from '../sched/kthread.js';
import * as mutex from '../sched/mutex.js';
import { signal_pending_raw } from '../sched/pending.js';
import { need_resched } from '../sched/sleep.js';
import * as tasklet from '../sched/tasklet.js';
import * as timer from '../sched/timer.js';
import * as wait from '../sched/wait.js';
import { c_string, va_arguments } from './memory.js';
import { bad_access, bug_at, divide_error, irq_poll, stack_overflow, trap } from './run.js';

/** A function that C may call; it returns a number, a boolean, a bigint for 64 bits, or nothing. */
export type Import = (...args: number[]) => unknown;
type Any = (...args: never[]) => unknown;

let made: Readonly<Record<string, Import>> | null = null;
/** Made when C is first loaded: while modules that import each other are evaluated, some of these have no value yet. */
export const api = (): Readonly<Record<string, Import>> => (made ??= table());

/** A function of the public headers, which takes a view: of that only the address counts. */
const viewed = (fn: Any): Import => {
  const call = fn as (view: { '@addr': number }, b?: number) => unknown;
  return (a, b) => call({ '@addr': a! }, b);
};
/** Text from a format and its arguments. */
const text = (fmt: number, va: number): string => format(c_string(fmt), va_arguments(fmt, va));
const vsnprintf: Import = (buf, size, fmt, va) =>
  sprintf.vsnprintf(buf!, size! >>> 0, c_string(fmt!), va_arguments(fmt!, va!));
const vscnprintf: Import = (buf, size, fmt, va) =>
  sprintf.vscnprintf(buf!, size! >>> 0, c_string(fmt!), va_arguments(fmt!, va!));
const vsprintf: Import = (buf, fmt, va) => sprintf.vsprintf(buf!, c_string(fmt!), va_arguments(fmt!, va!));
const kvasprintf: Import = (gfp, fmt, va) => sprintf.kvasprintf(gfp!, c_string(fmt!), va_arguments(fmt!, va!));

/** What the compiler and cc/instrument.ts put into the code, and what the macros of include/ call. */
const own = (): Record<string, Any> => ({
  __lockstep_bad_access: bad_access,
  __lockstep_bug: bug_at,
  __lockstep_divide_error: divide_error,
  __lockstep_irq: irq_poll,
  __lockstep_per_cpu_ptr: per_cpu_ptr,
  __lockstep_stack_overflow: stack_overflow,
  __lockstep_timer_init: timer.init_timer_raw,
  __lockstep_trap: trap,
  __lockstep_warn: (fmt: number, va: number) => WARN(true, '%s', text(fmt, va)),
});

const locking = (): Record<string, Any> => ({
  __local_irq_save: irqflags.local_irq_save,
  __local_save_flags: irqflags.local_save_flags,
  __spin_lock_irqsave: viewed(spin.spin_lock_irqsave),
  __spin_trylock_irqsave: viewed(spin.spin_trylock_irqsave),
  assert_spin_locked: viewed(spin.assert_spin_locked),
  in_hardirq: preempt.in_hardirq,
  in_interrupt: preempt.in_interrupt,
  in_nmi: preempt.in_nmi,
  in_serving_softirq: preempt.in_serving_softirq,
  in_softirq: preempt.in_softirq,
  in_task: preempt.in_task,
  irqs_disabled: irqflags.irqs_disabled,
  local_bh_disable,
  local_bh_enable,
  local_irq_disable: irqflags.local_irq_disable,
  local_irq_enable: irqflags.local_irq_enable,
  local_irq_restore: irqflags.local_irq_restore,
  mutex_destroy: mutex.mutex_destroy_raw,
  mutex_init: mutex.mutex_init_raw,
  mutex_is_locked: mutex.mutex_is_locked_raw,
  mutex_trylock: mutex.mutex_trylock_raw,
  mutex_unlock: mutex.mutex_unlock_raw,
  preempt_count: preempt.preempt_count,
  preempt_disable: preempt.preempt_disable,
  preempt_enable: preempt.preempt_enable,
  preemptible: preempt.preemptible,
  spin_is_contended: viewed(spin.spin_is_contended),
  spin_is_locked: viewed(spin.spin_is_locked),
  spin_lock: viewed(spin.spin_lock),
  spin_lock_bh: viewed(spin.spin_lock_bh),
  spin_lock_init: viewed(spin.spin_lock_init),
  spin_lock_irq: viewed(spin.spin_lock_irq),
  spin_trylock: viewed(spin.spin_trylock),
  spin_trylock_bh: viewed(spin.spin_trylock_bh),
  spin_trylock_irq: viewed(spin.spin_trylock_irq),
  spin_unlock: viewed(spin.spin_unlock),
  spin_unlock_bh: viewed(spin.spin_unlock_bh),
  spin_unlock_irq: viewed(spin.spin_unlock_irq),
  spin_unlock_irqrestore: viewed(spin.spin_unlock_irqrestore),
});

const tasks = (): Record<string, Any> => ({
  __might_sleep: () => might_sleep('a sleeping function'),
  __set_current_state,
  __wake_up: wait.wake_up_queue,
  add_wait_queue: wait.add_wait_queue_raw,
  complete: completion.complete_raw,
  complete_all: completion.complete_all_raw,
  completion_done: completion.completion_done_raw,
  cpu_relax,
  finish_wait: wait.finish_wait_raw,
  get_current: current_task,
  get_task_struct,
  init_completion: completion.init_completion_raw,
  init_wait_entry: wait.init_wait_entry,
  init_waitqueue_head: wait.init_wait_head,
  kthread_bind,
  kthread_create: (fn: number, data: number, fmt: number, va: number) =>
    kthread_create_handle(fn, data, text(fmt, va), 0),
  kthread_should_stop,
  need_resched,
  num_online_cpus,
  on_each_cpu: (func: number, info: number, wait: number) => on_each_cpu(text_at(func) as smp_call_func_t, info, wait),
  prepare_to_wait: wait.prepare_to_wait_raw,
  prepare_to_wait_event: wait.prepare_to_wait_event_raw,
  put_task_struct,
  raw_smp_processor_id,
  reinit_completion: completion.reinit_completion_raw,
  remove_wait_queue: wait.remove_wait_queue_raw,
  set_current_state,
  signal_pending: signal_pending_raw,
  smp_call_function: (func: number, info: number, wait: number) =>
    smp_call_function(text_at(func) as smp_call_func_t, info, wait),
  smp_call_function_single: (cpu: number, func: number, info: number, wait: number) =>
    smp_call_function_single(cpu, text_at(func) as smp_call_func_t, info, wait),
  smp_processor_id,
  try_wait_for_completion: completion.try_wait_raw,
  waitqueue_active: wait.waitqueue_active_raw,
  wake_up_process,
});

const time = (): Record<string, Any> => ({
  add_timer: timer.add_timer_raw,
  add_timer_on: timer.add_timer_on_raw,
  get_jiffies: timer.get_jiffies,
  local_clock: () => BigInt(Math.floor(clock_ns())),
  mdelay: (ms: number) => mdelay(ms >>> 0),
  mod_timer: (t: number, expires: number) => timer.mod_timer_raw(t, expires),
  ndelay: (ns: number) => ndelay(ns >>> 0),
  tasklet_disable_nosync: tasklet.tasklet_disable_nosync_raw,
  tasklet_enable: tasklet.tasklet_enable_raw,
  tasklet_hi_schedule: (t: number) => tasklet.tasklet_schedule_raw(t, Softirq.HI),
  tasklet_init: (t: number, func: number, data: number) => tasklet.tasklet_init_raw(t, func, data, false),
  tasklet_schedule: (t: number) => tasklet.tasklet_schedule_raw(t, Softirq.TASKLET),
  tasklet_setup: (t: number, callback: number) => tasklet.tasklet_init_raw(t, callback, 0, true),
  timer_delete: timer.del_timer_raw,
  timer_delete_sync: timer.del_timer_sync_raw,
  timer_pending: timer.timer_pending_raw,
  timer_shutdown_sync: (t: number) => {
    const was = timer.timer_shutdown_raw(t);
    timer.del_timer_sync_raw(t);
    return was;
  },
  udelay: (us: number) => udelay(us >>> 0),
});

const memory = (): Record<string, Any> => ({
  __alloc_percpu_gfp,
  dump_stack,
  free_percpu,
  kasprintf: kvasprintf,
  kcalloc: (n: number, size: number, gfp: number) => kcalloc(n >>> 0, size >>> 0, gfp),
  kfree,
  kfree_sensitive,
  kmalloc: (size: number, gfp: number) => kmalloc(size >>> 0, gfp),
  kmalloc_array: (n: number, size: number, gfp: number) => kmalloc_array(n >>> 0, size >>> 0, gfp),
  kmemdup: (from: number, size: number, gfp: number) => kmemdup(from, size >>> 0, gfp),
  krealloc: (p: number, size: number, gfp: number) => krealloc(p, size >>> 0, gfp),
  ksize,
  kstrdup,
  kstrndup: (s: number, max: number, gfp: number) => kstrndup(s, max >>> 0, gfp),
  kvasprintf,
  kzalloc: (size: number, gfp: number) => kzalloc(size >>> 0, gfp),
  panic: (fmt: number, va: number) => panic('%s', text(fmt, va)),
  printk: (fmt: number, va: number) => printk(c_string(fmt), ...va_arguments(fmt, va)),
  scnprintf: vscnprintf,
  snprintf: vsnprintf,
  sprintf: vsprintf,
  vscnprintf,
  vsnprintf,
  vsprintf,
});

const table = (): Readonly<Record<string, Import>> =>
  ({ ...own(), ...locking(), ...tasks(), ...time(), ...memory() }) as Readonly<Record<string, Import>>;
