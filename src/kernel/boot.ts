// Booting: what CPU 0 does before any other CPU runs, and what every CPU does before its loop. The host has cleared the
// memory and written CPUS, MEMORY, CORES, FLAGS, BOOT_TIME and the limits.
import { BootFlag, Mach, Pcpu, percpu_base, State, STATIC } from '../machine/memory-map.js';
import { enter_cpu } from '../cpu/context.js';
import { set_step_slow, set_text_handle } from '../cpu/heap.js';
import { a_ld, a_st, ld, st, stf64, STEPPED } from '../cpu/raw.js';
import { arch_spin_init, set_lock_text } from '../cpu/spinlock.js';
import { Softirq } from '../cpu/softirq.js';
import { step_slow } from '../cpu/step.js';
import { serial_console_init } from '../drivers/serial/console.js';
import { GFP_ATOMIC } from '../linux/gfp_types.js';
import { set_on_static } from '../linux/types.js';
import { __get_free_pages, mm_init } from '../mm/page_alloc.js';
import { kasan_init } from '../mm/kasan.js';
import { set_owner_text } from '../mm/owner.js';
import { wake_up_process } from '../sched/core.js';
import { list_init } from '../sched/rawlist.js';
import { init_wait_table } from '../sched/wait-bit.js';
import { rcu_init } from '../sched/rcu.js';
import { rcu_core, rcu_init_percpu } from '../sched/rcu-callbacks.js';
import { kthread_delayed_work_timer_fn, kthread_flush_work_fn, kthread_worker_fn } from '../sched/kthread-worker.js';
import { rcu_check_stall } from '../sched/rcu-stall.js';
import { srcu_invoke_callbacks } from '../sched/srcu.js';
import { alloc_task, kthread_bind, kthread_create_handle } from '../sched/kthread.js';
import type { Sleeping } from '../sched/sleep.js';
import { PF_DAEMON, PF_IDLE, PF_KTHREAD, Task } from '../sched/task-layout.js';
import { HUNG_TASK_CHECK_MS } from '../machine/params.js';
import { ksoftirqd } from '../sched/ksoftirqd.js';
import { hrtimers_init } from '../sched/hrtimer.js';
import { tasklets_init } from '../sched/tasklet.js';
import { msleep } from '../sched/timer.js';
import { delayed_work_timer_fn } from '../sched/workqueue-cancel.js';
import { workqueues_init, wq_barrier_func } from '../sched/workqueue-flush.js';
import { pool_retry, worker_thread } from '../sched/workqueue.js';
import { check_hung_tasks } from '../sched/watchdog.js';
import { note_static } from './loading.js';
import { khostd, serve_request } from './mailbox.js';
import { exit_module, init_module, load_here, module_name_of_owner, unload_here } from './module.js';
import { printk_emit } from './printk.js';
import { register_text, reset_text, seal_kernel_text, symbol_text, text_handle } from './text.js';
import { set_softirq_action } from './traps.js';
import { trace_init } from './trace.js';
import { set_symbolizer } from './vsprintf.js';

const KERN_INFO = 6;
/** The console gets every record, debug ones too. */
const CONSOLE_LEVEL = 8;
let hooked = false;

/** Once in each thread: the kernel's own text, and the hooks between its parts. */
export function init_kernel_code(): void {
  if (hooked) return reset_text();
  hooked = true;
  set_step_slow(step_slow);
  set_text_handle((fn) => text_handle(fn));
  set_on_static(note_static);
  set_lock_text((a) => symbol_text(a));
  set_symbolizer((a: number, offset: boolean) => symbol_text(a, offset));
  set_owner_text(module_name_of_owner);
  // In this order on every CPU: it gives the handles.
  register_text('load_here', load_here);
  register_text('unload_here', unload_here);
  register_text('khostd', khostd);
  register_text('khungtaskd', khungtaskd);
  register_text('serve_request', serve_request);
  register_text('init_module', init_module);
  register_text('exit_module', exit_module);
  register_text('ksoftirqd', ksoftirqd);
  register_text('worker_thread', worker_thread);
  register_text('pool_retry', pool_retry);
  register_text('wq_barrier_func', wq_barrier_func);
  register_text('delayed_work_timer_fn', delayed_work_timer_fn);
  register_text('nothing', nothing);
  register_text('rcu_core', rcu_core);
  register_text('kthread_worker_fn', kthread_worker_fn);
  register_text('kthread_flush_work_fn', kthread_flush_work_fn);
  register_text('kthread_delayed_work_timer_fn', kthread_delayed_work_timer_fn);
  register_text('srcu_invoke_callbacks', srcu_invoke_callbacks);
  seal_kernel_text();
}
/** For measuring calls. */
export function nothing(): void {}

/** Looks for hung tasks for ever; keeps nothing across its sleep. */
export function* khungtaskd(): Sleeping<number> {
  for (;;) {
    yield* msleep(HUNG_TASK_CHECK_MS);
    check_hung_tasks();
    rcu_check_stall();
  }
}

/** The parts of a CPU's area that are not all zeros. Context: CPU 0, before the others run. */
function init_percpu(n: number): void {
  const area = percpu_base(n);
  arch_spin_init(area + Pcpu.RQ_LOCK);
  arch_spin_init(area + Pcpu.TIMER_LOCK);
  arch_spin_init(area + Pcpu.HR_LOCK);
  hrtimers_init(area);
  stf64(area + Pcpu.DEADLINE, Infinity);
  rcu_init_percpu(area);
}

/** CPU 0, alone: lists, allocators, an idle task for every CPU, the daemons. */
export function boot_machine(): void {
  enter_cpu(0);
  const n = ld(Mach.CPUS);
  st(Mach.STATIC_NEXT, STATIC);
  for (const lock of [Mach.LOCK_TASKLIST, Mach.LOCK_MODULES, Mach.LOCK_CONSOLE, Mach.LOCK_SIGNALS])
    arch_spin_init(lock);
  init_wait_table();
  list_init(Mach.TASK_LIST);
  list_init(Mach.MODULES);
  rcu_init();
  set_softirq_action(Softirq.RCU, text_handle(rcu_core));
  for (let c = 0; c < n; c++) {
    init_percpu(c);
    st(Mach.ONLINE_MASK + ((c >> 5) << 2), ld(Mach.ONLINE_MASK + ((c >> 5) << 2)) | (1 << (c & 31)));
  }
  tasklets_init();
  workqueues_init();
  mm_init(ld(Mach.MEMORY));
  if (STEPPED) kasan_init();
  for (let c = 0; c < n; c++) {
    const idle = alloc_task(0, 0, `swapper/${c}`, PF_IDLE | PF_KTHREAD);
    st(idle + Task.PID, 0);
    st(idle + Task.CPU, c);
    st(idle + Task.STATE, 0);
    st(percpu_base(c) + Pcpu.IDLE_TASK, idle);
    st(percpu_base(c) + Pcpu.CURRENT, idle);
  }
  trace_init((order) => __get_free_pages(GFP_ATOMIC, order));
  st(Mach.NEXT_PID, 0);
  a_st(Mach.STATE, State.RUNNING);
  if ((ld(Mach.FLAGS) & BootFlag.SERIAL_CONSOLE) !== 0) serial_console_init(CONSOLE_LEVEL);
  printk_emit(KERN_INFO, `Lockstep: ${n} CPU${n === 1 ? '' : 's'}, ${ld(Mach.MEMORY) >>> 20} MiB`);
}

/** CPU 0, after boot_machine, when there are no restore points to keep free of them. */
export function start_daemons(): void {
  const host = kthread_create_handle(text_handle(khostd), 0, 'khostd', PF_DAEMON);
  kthread_bind(host, 0);
  st(Mach.KHOSTD, host);
  wake_up_process(host);
  const hung = kthread_create_handle(text_handle(khungtaskd), 0, 'khungtaskd', PF_DAEMON);
  wake_up_process(hung);
}
/** True while the machine is to go on. */
export const machine_running = (): boolean => a_ld(Mach.STATE) === State.RUNNING;
