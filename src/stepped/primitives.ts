// What the stepped build does with each kernel function: the declarations that DESIGN.md, section 3, asks for. Paths
// are those of the compiled kernel, from dist/.
//
//   twin     suspends, calls back into a module, waits for another CPU, or takes a lock that modules hold
//   plain    everything else: one step, with its pause before it when a module calls it
//   inline   stepped like a module: what Linux inlines over the caller's data
//   pure     exported, but touches nothing shared: no pause
//
// checkDeclarations() holds them against the call graph; test/transform-kernel.test.ts runs it.
import { type FunctionRef, key_of, type KernelGraph } from './transform/kernel.js';

/** Functions with twins. In files that are replaced (or noinstr) the twin is written by hand, as `f.$g` or `f.$y`. */
export const TWINS: Readonly<Record<string, readonly string[]>> = {
  'cpu/park.js': ['wait_on', 'cpu_relax'],
  'cpu/spinlock.js': ['arch_spin_lock'],
  'cpu/spin-slow.js': ['spin_lock_slow'],
  'cpu/interrupt.js': ['run_interrupt', 'irq_exit', 'handle_vector'],
  'cpu/rwlock.js': ['read_lock_slow', 'write_lock_slow', 'arch_read_lock', 'arch_write_lock', 'wait_as', 'wait_first'],
  'cpu/seqcount.js': ['seqcount_begin', 'seqcount_begin_slow'],
  'cpu/smp.js': [
    'generic_smp_call_function_interrupt',
    'wait_for_slot',
    'send',
    'call_here',
    'run_called',
    'run_queued',
    'smp_call_function_single_async_raw',
    'smp_call_function_single',
    'smp_call_function_many',
    'smp_call_function',
    'on_each_cpu_mask',
    'on_each_cpu',
  ],
  'cpu/softirq.js': ['do_softirq_own_stack', 'do_softirq', 'local_bh_enable'],
  'kernel/call.js': ['call_sleepable'],
  'kernel/text.js': ['call_text'],
  'kernel/traps.js': ['call_device_vector', 'call_softirq'],
  'kernel/module.js': ['init_module', 'exit_module', 'settle_rcu'],
  'linux/completion.js': [
    'wait_for_completion',
    'wait_for_completion_timeout',
    'wait_for_completion_interruptible',
    'wait_for_completion_interruptible_timeout',
    'wait_for_completion_killable',
    'wait_for_completion_killable_timeout',
    'wait_for_completion_state',
    'without_time',
  ],
  'linux/cpumask.js': [
    'smp_call_function_many',
    'on_each_cpu_mask',
    'smp_call_function_any',
    'on_each_cpu_cond_mask',
    'on_each_cpu_cond',
  ],
  'linux/smp.js': ['smp_call_function_single_async'],
  'linux/delay.js': ['ndelay', 'udelay', 'mdelay', 'usleep_range', 'ssleep', 'fsleep'],
  'linux/sched.js': ['break_lock', 'cond_resched_lock', 'io_schedule_timeout', 'set_cpus_allowed_ptr'],
  'linux/mutex.js': ['mutex_lock', 'mutex_lock_interruptible', 'mutex_lock_killable'],
  'linux/semaphore.js': ['down', 'down_interruptible', 'down_killable', 'down_timeout'],
  'linux/rwsem.js': ['down_read', 'down_read_interruptible', 'down_read_killable', 'down_write', 'down_write_killable'],
  'linux/refcount-lock.js': [
    'refcount_dec_and_mutex_lock',
    'last_under_mutex',
    'refcount_dec_and_lock',
    'refcount_dec_and_lock_irqsave',
    'atomic_dec_and_lock',
    'atomic_dec_and_lock_irqsave',
    'atomic_dec_and_mutex_lock',
    'last_atomic_under_mutex',
  ],
  'linux/rcupdate.js': [
    'rcu_read_unlock_bh',
    'synchronize_rcu',
    'synchronize_rcu_expedited',
    'wait_and_free',
    'kfree_rcu_mightsleep',
    'rcu_barrier',
    'cond_synchronize_rcu',
    'cond_synchronize_rcu_expedited',
  ],
  'linux/spinlock.js': [
    'spin_lock',
    'spin_lock_irq',
    'spin_lock_irqsave',
    'spin_lock_bh',
    'spin_unlock_bh',
    'spin_trylock_bh',
  ],
  'linux/rwlock.js': [
    'read_lock',
    'read_lock_irq',
    'read_lock_irqsave',
    'read_lock_bh',
    'read_unlock_bh',
    'write_lock',
    'write_lock_irq',
    'write_lock_irqsave',
    'write_lock_bh',
    'write_unlock_bh',
  ],
  'linux/seqlock.js': [
    'read_seqbegin',
    '__read_seqcount_begin',
    'raw_read_seqcount_begin',
    'read_seqcount_begin',
    'write_seqlock',
    'write_seqlock_irq',
    'write_seqlock_irqsave',
    'write_seqlock_bh',
    'write_sequnlock_bh',
    'read_seqlock_excl',
    'read_seqlock_excl_irq',
    'read_seqlock_excl_irqsave',
    'read_seqlock_excl_bh',
    'read_sequnlock_excl_bh',
    'read_seqbegin_or_lock',
    'read_seqbegin_or_lock_irqsave',
  ],
  'linux/interrupt.js': ['tasklet_kill', 'tasklet_disable', 'tasklet_disable_in_atomic', 'tasklet_unlock_wait'],
  'linux/irq_work.js': ['irq_work_sync'],
  'linux/hrtimer.js': [
    'hrtimer_cancel',
    'schedule_hrtimeout',
    'schedule_hrtimeout_range',
    'schedule_hrtimeout_range_clock',
  ],
  'linux/timer.js': ['timer_delete_sync', 'timer_shutdown_sync'],
  'linux/workqueue.js': [
    'schedule_on_each_cpu',
    'cancel_work_sync',
    'cancel_delayed_work_sync',
    'disable_work_sync',
    'disable_delayed_work_sync',
    'flush_work',
    'flush_delayed_work',
    'flush_workqueue',
    'flush_scheduled_work',
    'drain_workqueue',
    'destroy_workqueue',
  ],
  'linux/wait.js': [
    '__wake_up',
    'wake_up',
    'wake_up_nr',
    'wake_up_all',
    'wake_up_interruptible',
    'wake_up_interruptible_nr',
    'wake_up_interruptible_all',
    'wake_up_sync',
    'wake_up_interruptible_sync',
    'wake_up_poll',
    'wake_up_interruptible_poll',
    'add_wait_queue',
    'add_wait_queue_exclusive',
    'add_wait_queue_priority',
    'remove_wait_queue',
    'prepare_to_wait',
    'prepare_to_wait_exclusive',
    'prepare_to_wait_event',
    'finish_wait',
    'wait_woken',
  ],
  'linux/wait_bit.js': [
    'wait_on_bit',
    'wait_on_bit_timeout',
    'wait_on_bit_lock',
    'var_loop',
    'var_result',
    'wait_var_event',
    'wait_var_event_interruptible',
    'wait_var_event_killable',
    'wait_var_event_timeout',
  ],
  'linux/wait-event.js': [
    'wait_loop',
    'wait_cmd_loop',
    'wait_timeout_loop',
    'wait_lock_irq_loop',
    'wait_locked_loop',
    'locked_result',
    'wait_until',
    'wait_until_timeout',
    'wait_event',
    'io_wait_event',
    'wait_event_interruptible',
    'wait_event_interruptible_exclusive',
    'wait_event_killable',
    'wait_event_killable_exclusive',
    'wait_event_idle',
    'wait_event_idle_exclusive',
    'wait_event_cmd',
    'wait_event_exclusive_cmd',
    'wait_event_timeout',
    'wait_event_interruptible_timeout',
    'wait_event_killable_timeout',
    'wait_event_idle_timeout',
    'wait_event_idle_exclusive_timeout',
    'wait_event_lock_irq',
    'wait_event_lock_irq_cmd',
    'wait_event_interruptible_lock_irq',
    'wait_event_interruptible_lock_irq_cmd',
    'wait_event_lock_irq_timeout',
    'wait_event_interruptible_lock_irq_timeout',
    'wait_event_interruptible_locked',
    'wait_event_interruptible_exclusive_locked',
    'wait_event_interruptible_locked_irq',
    'wait_event_interruptible_exclusive_locked_irq',
  ],
  'mm/kmem_cache.js': [
    'construct',
    'kmem_cache_alloc',
    'kmem_cache_zalloc',
    'kmem_cache_alloc_node',
    'kmem_cache_alloc_bulk',
  ],
  'sched/completion.js': ['wait_for_completion_timeout_raw'],
  'sched/hrtimer.js': [
    'hrtimer_cancel_raw',
    'hrtimer_interrupt',
    'run_hrtimer_softirq',
    'run_queue',
    'schedule_hrtimeout_raw',
    'usleep_range_raw',
  ],
  'sched/irq-work.js': ['run_list', 'irq_work_run', 'irq_work_tick', 'irq_work_sync_raw'],
  'sched/ksoftirqd.js': ['ksoftirqd'],
  'sched/tasklet.js': [
    'tasklet_action',
    'tasklet_unlock_spin_wait',
    'tasklet_wait',
    'tasklet_kill_raw',
    'tasklet_disable_raw',
  ],
  'sched/kthread.js': ['kthread_stop'],
  'sched/kthread-worker.js': [
    'kthread_worker_fn',
    'kthread_flush_work_raw',
    'kthread_flush_worker_raw',
    'kthread_cancel_raw',
    'kthread_destroy_worker_raw',
  ],
  'linux/kthread.js': [
    'kthread_destroy_worker',
    'kthread_flush_work',
    'kthread_flush_worker',
    'kthread_cancel_work_sync',
    'kthread_cancel_delayed_work_sync',
  ],
  'sched/mutex.js': ['mutex_lock_raw', 'mutex_lock_state_raw'],
  'sched/semaphore.js': ['down_raw'],
  'sched/rwsem.js': ['down_read_raw', 'down_write_raw'],
  'sched/sleep.js': ['drive', 'schedule', 'resched', 'give_way', 'cond_resched', 'preempt_schedule'],
  'sched/rcu.js': ['rcu_wait', 'synchronize_rcu_raw'],
  'sched/srcu.js': [
    'synchronize_srcu_raw',
    'srcu_barrier_raw',
    'srcu_invoke_callbacks',
    'cleanup',
    'cleanup_srcu_struct_raw',
  ],
  'linux/srcu.js': ['synchronize_srcu', 'synchronize_srcu_expedited', 'srcu_barrier', 'cleanup_srcu_struct'],
  'sched/rcu-callbacks.js': ['rcu_core', 'invoke', 'rcu_barrier_raw'],
  'sched/wait.js': ['settle'],
  'sched/workqueue.js': ['worker_thread'],
  'sched/workqueue-cancel.js': ['cancel_work_sync_raw', 'flush_delayed_work_raw', 'schedule_on_each_cpu_raw'],
  'sched/workqueue-flush.js': ['flush_workqueue_raw', 'flush_work_raw', 'drain_workqueue_raw', 'destroy_workqueue_raw'],
  'sched/park.js': ['kthread_park', 'kthread_parkme'],
  'sched/affinity.js': ['set_cpus_allowed'],
  'sched/policy.js': ['sched_yield'],
  'sched/wait-bit.js': ['wait_on_bit_raw', 'wait_on_bit_timeout_raw', 'wait_on_bit_lock_raw'],
  'sched/timer.js': [
    'del_timer_sync_raw',
    'run_timer_softirq',
    'schedule_timeout',
    'schedule_timeout_uninterruptible',
    'schedule_timeout_interruptible',
    'schedule_timeout_killable',
    'schedule_timeout_idle',
    'msleep_interruptible',
    'msleep',
  ],
};

/** In the stepped build another file of dist/ stands in for these. */
export const REPLACED: Readonly<Record<string, string>> = {
  'cpu/raw.js': 'stepped/raw.js',
  'cpu/clock.js': 'stepped/clock.js',
  'cpu/delay.js': 'stepped/delay.js',
  'cpu/order.js': 'stepped/order.js',
  'cpu/park.js': 'stepped/park.js',
  'cpu/spin-slow.js': 'stepped/spin-slow.js',
  'cpu/loop.js': 'stepped/core.js',
  'kernel/loader.js': 'stepped/loader.js',
  'kernel/trace.js': 'stepped/trace.js',
};

/**
 * Exports of headers that touch nothing that CPUs share; `true`: all of the header. A header whose first line begins
 * with "pure:" says so itself, as one that begins with "inline:" says that it is stepped like a module.
 */
export const PURE: Readonly<Record<string, readonly string[] | true>> = {
  'linux/types.js': true,
  'linux/field.js': true,
  'linux/struct.js': true,
  'linux/view.js': true,
  'linux/err.js': true,
  'linux/errno.js': true,
  'linux/container_of.js': true,
  'linux/init.js': true,
  'linux/module.js': [
    'module_init',
    'module_exit',
    'MODULE_LICENSE',
    'MODULE_AUTHOR',
    'MODULE_DESCRIPTION',
    'MODULE_VERSION',
    'MODULE_ALIAS',
  ],
  'linux/kernel.js': ['trace_printk', 'trace_puts', 'tracing_on', 'tracing_off', 'tracing_is_on'],
  'linux/moduleparam.js': true,
  'linux/compiler.js': ['barrier', 'likely', 'unlikely'],
  'linux/rcupdate.js': ['unrcu_pointer', 'rcu_pointer_handoff', 'get_completed_synchronize_rcu'],
  'linux/gfp.js': ['gfpflags_allow_blocking', 'gfp_name'],
  'linux/percpu-defs.js': [
    'DEFINE_PER_CPU',
    'this_cpu_ptr',
    'raw_cpu_ptr',
    'per_cpu_ptr',
    'percpu_at',
    'percpu_pointer',
  ],
  'linux/sched.js': ['get_current'],
  'linux/smp.js': [
    'smp_processor_id',
    'raw_smp_processor_id',
    'num_online_cpus',
    'num_possible_cpus',
    'nr_cpu_ids',
    'cpu_online',
  ],
};

/**
 * Twins that mostly have nothing to wait for: the test, over the arguments of the call, that says so. Where it is true
 * a module's twin calls the plain function, and no generator is made. Written at the end of the file, so it may use all
 * that the file does; `import`s of its own go first.
 */
export const NO_WAIT: Readonly<Record<string, { imports?: string; of: readonly string[]; test: string }>> = {
  // Only a constructor is module code.
  'mm/kmem_cache.js': {
    of: ['kmem_cache_alloc', 'kmem_cache_zalloc', 'kmem_cache_alloc_node', 'kmem_cache_alloc_bulk'],
    test: '(cache) => !is_managed(addr(cache)) || ld(addr(cache) + 20) === 0',
  },
  'linux/spinlock.js': {
    of: ['spin_lock', 'spin_lock_irq', 'spin_lock_irqsave', 'spin_lock_bh'],
    test: "(lock) => (ld(lock['@addr']) & HOLDER) === 0",
  },
  'linux/rwlock.js': {
    of: ['read_lock', 'read_lock_irq', 'read_lock_irqsave', 'read_lock_bh'],
    test: "(lock) => (ld(lock['@addr']) & NO_READERS) === 0",
  },
  'linux/seqlock.js': {
    of: ['read_seqbegin', '__read_seqcount_begin', 'raw_read_seqcount_begin', 'read_seqcount_begin'],
    test: "(s) => (a_ld(s['@addr']) & 1) === 0",
  },
  'linux/mutex.js': {
    imports: "import { ld as $ld } from '../cpu/raw.js';",
    of: ['mutex_lock', 'mutex_lock_interruptible', 'mutex_lock_killable'],
    test: "(lock) => $ld(lock['@addr']) === 0",
  },
  // Only with the queue's own lock held by a module there is something to wait for.
  'linux/wait.js': {
    of: [
      '__wake_up',
      'wake_up',
      'wake_up_nr',
      'wake_up_all',
      'wake_up_interruptible',
      'wake_up_interruptible_nr',
      'wake_up_interruptible_all',
      'wake_up_sync',
      'wake_up_interruptible_sync',
      'wake_up_poll',
      'wake_up_interruptible_poll',
      'add_wait_queue',
      'add_wait_queue_exclusive',
      'add_wait_queue_priority',
      'remove_wait_queue',
      'prepare_to_wait',
      'prepare_to_wait_exclusive',
      'prepare_to_wait_event',
      'finish_wait',
    ],
    test: "(wq) => !is_held(wq['@addr'])",
  },
  'linux/semaphore.js': {
    imports: "import { ld as $ld } from '../cpu/raw.js';",
    of: ['down', 'down_interruptible', 'down_killable', 'down_timeout'],
    test: "(sem) => $ld(sem['@addr'] + 8) > 0",
  },
  'linux/rwsem.js': {
    imports: "import { ld as $ld } from '../cpu/raw.js';",
    of: ['down_read', 'down_read_interruptible', 'down_read_killable'],
    test: "(sem) => ($ld(sem['@addr']) & 7) === 0",
  },
  'cpu/softirq.js': { of: ['local_bh_enable'], test: '() => local_softirq_pending() === 0' },
};

/** Plain functions that call a twin all the same: `file:function` of the caller, and why the wait cannot happen there. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
  'cpu/interrupt.js:take_interrupts': 'free-running build only: the stepped machine enters interrupts by run_interrupt',
  'sched/hrtimer.js:disarm_hrtimeout': 'as sched/timer.js:disarm_timeout',
  'sched/workqueue-cancel.js:grab_pending':
    'nothing pauses between a timer and the queueing, so it never has to try again',
  'sched/workqueue-cancel.js:timer_now': 'as grab_pending: the function of the timer is the kernel’s own, one step',
  'sched/kthread-worker.js:cancel_timer': 'the function of the timer is the kernel’s own, one step',
  'sched/timer.js:disarm_timeout':
    'the function of a timer on a frame is no module code, so it never pauses while it runs',
  'kernel/boot.js:khungtaskd': 'the stepped machine knows by itself who waits for good',
  'kernel/mailbox.js:khostd': 'the stepped machine calls its kernel directly, not by the mailbox',
  'kernel/mailbox.js:serve': 'as khostd',
  'kernel/mailbox.js:serve_request': 'as khostd',
  'kernel/module.js:load_request': 'as khostd',
  'kernel/module.js:unload_request': 'as khostd',
  'kernel/module.js:load_module': 'the CPUs of a stepped machine share one copy of the code: nothing to wait for',
  'kernel/module.js:unlink_module': 'as load_module',
};

/**
 * Twins that plain code may call as they are: they wait only where a module's lock is taken, which plain code does not
 * do, and are a BUG at run time if they would have to wait inside one step.
 */
export const EITHER: readonly string[] = ['cpu/spinlock.js:arch_spin_lock', 'cpu/spin-slow.js:spin_lock_slow'];

/** What the first line of a kernel file says about it. */
export const is_noinstr = (source: string): boolean => source.startsWith('// noinstr');
export const is_inline = (source: string): boolean => source.startsWith('// inline');
export const is_pure = (source: string): boolean => source.startsWith('// pure');

export interface Violation {
  file: string;
  line: number;
  what: string;
}

export interface Declarations {
  twins: Readonly<Record<string, readonly string[]>>;
  replaced: Readonly<Record<string, string>>;
  exceptions: Readonly<Record<string, string>>;
  either: readonly string[];
}

export const DECLARATIONS: Declarations = { twins: TWINS, replaced: REPLACED, exceptions: EXCEPTIONS, either: EITHER };

/** `file:function` of every declared twin, and of every function of an inline file. */
export function twin_keys(declarations: Declarations, graph: KernelGraph): Set<string> {
  const keys = new Set<string>();
  for (const [file, names] of Object.entries(declarations.twins)) for (const name of names) keys.add(`${file}:${name}`);
  for (const [file, { source, functions }] of graph.files)
    if (is_inline(source)) for (const name of functions.keys()) keys.add(`${file}:${name}`);
  return keys;
}

/**
 * Holds the declarations against the call graph: whoever calls a twin is a twin, is replaced in the stepped build, or
 * is an exception with a reason; every declared name exists; every twin has somebody to write it.
 * `positions` maps a line of the compiled file to the source, for the report.
 */
export function checkDeclarations(
  graph: KernelGraph,
  declarations: Declarations = DECLARATIONS,
  position: (file: string, line: number, column: number) => { file: string; line: number } = (file, line) => ({
    file,
    line,
  }),
): Violation[] {
  const found: Violation[] = [];
  const twins = twin_keys(declarations, graph);
  const report = (file: string, node: { loc?: unknown } | undefined, what: string): void => {
    const start = (node?.loc as { start: { line: number; column: number } } | undefined)?.start ?? {
      line: 1,
      column: 0,
    };
    found.push({ ...position(file, start.line, start.column), what });
  };
  for (const [file, names] of Object.entries(declarations.twins)) {
    const known = graph.files.get(file);
    if (known === undefined)
      report(file, undefined, `primitives.ts declares twins in ${file}, which is no kernel file`);
    else
      for (const name of names)
        if (!known.functions.has(name))
          report(file, undefined, `primitives.ts declares ${name} a twin, but ${file} has no such function`);
  }
  const used = new Set<string>();
  for (const { file, caller, nested, callee, node } of graph.calls_of(twins)) {
    if (file in declarations.replaced || is_inline(graph.files.get(file)!.source)) continue;
    if (declarations.either.includes(key_of(callee))) continue;
    const key = `${file}:${caller ?? '(top level)'}`;
    if (declarations.exceptions[key] !== undefined) {
      used.add(key);
      continue;
    }
    if (caller !== null && twins.has(key) && !nested) continue;
    const who = caller === null ? 'the top level' : nested ? `a function inside ${caller}` : caller;
    report(
      file,
      node,
      `${who} calls ${callee.name}, a twin, and is plain itself: in the stepped build the call would run as one step`,
    );
  }
  for (const key of Object.keys(declarations.exceptions))
    if (!used.has(key)) report(key.split(':')[0]!, undefined, `primitives.ts excepts ${key}, which calls no twin`);
  return found;
}

/** All functions from which one of `roots` can be reached: what would have to be a twin if nothing was excepted. */
export function callers_of(
  graph: KernelGraph,
  roots: readonly string[],
  stop: (f: FunctionRef) => boolean = () => false,
): Set<string> {
  const reached = new Set(roots);
  for (let size = -1; size !== reached.size;) {
    size = reached.size;
    for (const { file, caller } of graph.calls_of(reached)) {
      if (caller !== null && !stop({ file, name: caller })) reached.add(`${file}:${caller}`);
    }
  }
  return reached;
}
