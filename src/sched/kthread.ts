// Kernel threads: creation, end, stop. linux/kthread.ts has the public names.
// A task is kmalloc'ed by its creator, owned by itself until it ends (USAGE 1), freed when the last reference goes.
import { Mach } from '../machine/memory-map.js';
import { KERNEL_STACK } from '../machine/params.js';
import { cpu, current_task } from '../cpu/context.js';
import { order_release } from '../cpu/order.js';
import { a_add, a_ld, a_or, a_st, a_sub, fill_bytes, ld, st } from '../cpu/raw.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { GFP_ATOMIC, GFP_KERNEL } from '../linux/gfp.js';
import { hex } from '../mm/page.js';
import { __get_free_pages, free_pages } from '../mm/page_alloc.js';
import { get_order, kfree, kmalloc } from '../mm/slab.js';
import { set_alloc_owner } from '../mm/owner.js';
import { BUG, report, task_comm, task_pid, WARN } from '../kernel/panic.js';
import { is_c_text, text_handle } from '../kernel/text.js';
import { format } from '../kernel/vsprintf.js';
import { kthread_unpark, park_here } from './park.js';
import { complete_all_raw, init_completion_raw, wait_for_completion_attempt } from './completion.js';
import { cpu_allowed, NICE_0_WEIGHT, wake_up_process } from './core.js';
import { block_on, held_mutexes_text, might_sleep } from './debug.js';
import { mutex_abandon } from './mutex.js';
import { rwsem_abandon } from './rwsem.js';
import { semaphore_abandon } from './semaphore.js';
import { list_push_back, list_remove } from './rawlist.js';
import { rcu_exit } from './rcu.js';
import { srcu_exit } from './srcu.js';
import { delegate, drive, SLEEP, type Sleeping } from './sleep.js';
import {
  Block,
  COMPLETION_FRAME,
  KTHREAD_BOUND,
  KTHREAD_IS_PARKED,
  KTHREAD_SHOULD_PARK,
  KTHREAD_SHOULD_STOP,
  KTHREAD_STARTED,
  PF_EXITING,
  PF_KTHREAD,
  PF_NO_SETAFFINITY,
  PF_ON_DEMAND,
  PF_OOPSED,
  PF_WQ_WORKER,
  Task,
  TASK_DEAD,
  TASK_NEW,
  TASK_SIZE,
  TASK_UNINTERRUPTIBLE,
} from './task-layout.js';
import { MAX_SCHEDULE_TIMEOUT } from './timer.js';
import { wq_worker_died } from './workqueue.js';

const ENOMEM = 12;
const EINTR = 4;

export function set_task_comm(task: number, name: string): void {
  const n = Math.min(15, name.length);
  const comm = task + Task.COMM;
  let word = 0;
  for (let i = 0; i < n; i++) {
    word |= (name.charCodeAt(i) & 0xff) << ((i & 3) << 3);
    if ((i & 3) !== 3) continue;
    st(comm + i - 3, word);
    word = 0;
  }
  for (let at = n & ~3; at < 16; at += 4) {
    st(comm + at, word);
    word = 0;
  }
}

/** A task that has not been queued yet; 0 when memory is short. The frame area is left as it is. */
export function alloc_task(fn: number, data: number, name: string, flags: number, gfp = GFP_KERNEL): number {
  const owner = set_alloc_owner(0); // the task is the kernel's, whoever asks for it
  const task = kmalloc(TASK_SIZE, gfp);
  set_alloc_owner(owner);
  if (task === 0) return 0;
  fill_bytes(task, 0, Task.FRAMES);
  st(task + Task.STATE, TASK_UNINTERRUPTIBLE | TASK_NEW);
  st(task + Task.FLAGS, flags);
  st(task + Task.PID, a_add(Mach.NEXT_PID, 1) + 1);
  st(task + Task.WEIGHT, NICE_0_WEIGHT);
  st(task + Task.CPU, cpu);
  st(task + Task.THREADFN, fn);
  st(task + Task.DATA, data);
  st(task + Task.FRAME_TOP, task + Task.FRAMES);
  st(task + Task.USAGE, 1);
  st(task + Task.ALLOWED, -1);
  st(task + Task.ALLOWED + 4, -1);
  set_task_comm(task, name);
  init_completion_raw(task + Task.EXITED);
  return task;
}

/** Makes it a task that runs C: with a kernel stack, whose first word says that it has not begun (cc/run.ts). */
function give_stack(task: number): boolean {
  const owner = set_alloc_owner(0);
  const stack = __get_free_pages(GFP_KERNEL, get_order(KERNEL_STACK));
  set_alloc_owner(owner);
  if (stack === 0) return false;
  st(stack, 0);
  st(task + Task.STACK, stack);
  st(task + Task.LANGUAGE, 1);
  return true;
}

function publish_task(task: number): void {
  const flags = lock_irqsave(Mach.LOCK_TASKLIST);
  list_push_back(task + Task.TASKS, Mach.TASK_LIST);
  unlock_irqrestore(Mach.LOCK_TASKLIST, flags);
  if ((ld(task + Task.FLAGS) & PF_ON_DEMAND) === 0) a_add(Mach.NR_TASKS, 1);
}

type ThreadFn = (data: number) => unknown;

/**
 * Creates a thread that runs `fn(data)` when it is first woken. `fn` is an exported function; it may be a generator
 * function, then it may sleep. Only checks that sleeping would be allowed.
 * Context: task. Return: address of its task_struct, or ERR_PTR(-ENOMEM).
 */
export function kthread_create(fn: ThreadFn, data: number, namefmt: string, ...args: unknown[]): number {
  return kthread_create_handle(text_handle(fn), data, format(namefmt, args), 0);
}

/** The same by text handle. */
export function kthread_create_handle(fn: number, data: number, name: string, flags: number): number {
  might_sleep('kthread_create');
  const task = alloc_task(fn, data, name, PF_KTHREAD | flags);
  if (task === 0) return -ENOMEM;
  if (is_c_text(fn) && !give_stack(task)) {
    kfree(task);
    return -ENOMEM;
  }
  st(task + Task.OWNER, ld(current_task() + Task.OWNER));
  order_release(task);
  publish_task(task);
  return task;
}

/**
 * A daemon of the kernel's own, made where it is first needed: charged to nobody and not counted as a task, so that a
 * machine that does not need it has nothing of it. `on` -1 lets it run anywhere. Context: any. Return: 0 when memory is short.
 */
export function create_daemon(fn: number, data: number, name: string, flags: number, on: number): number {
  const task = alloc_task(fn, data, name, PF_KTHREAD | PF_ON_DEMAND | flags, GFP_ATOMIC);
  if (task === 0) return 0;
  if (on >= 0) kthread_bind(task, on);
  publish_task(task);
  return task;
}

/** kthread_create, then wake_up_process. */
export function kthread_run(fn: ThreadFn, data: number, namefmt: string, ...args: unknown[]): number {
  const task = kthread_create_handle(text_handle(fn), data, format(namefmt, args), 0);
  if (task > 0) wake_up_process(task);
  return task;
}
/** The format may have one conversion, for the CPU. */
const cpu_name = (namefmt: string, on: number): string => (namefmt.includes('%') ? format(namefmt, [on]) : namefmt);
/** As kthread_run, bound to a CPU. */
export function kthread_run_on_cpu(fn: ThreadFn, data: number, on: number, namefmt: string): number {
  const task = kthread_create_handle(text_handle(fn), data, cpu_name(namefmt, on), 0);
  if (task > 0) {
    kthread_bind(task, on);
    wake_up_process(task);
  }
  return task;
}
export function kthread_create_on_cpu(fn: ThreadFn, data: number, on: number, namefmt: string): number {
  const task = kthread_create_handle(text_handle(fn), data, cpu_name(namefmt, on), 0);
  if (task > 0) kthread_bind(task, on);
  return task;
}

/** Binds a thread that has not been woken yet to one CPU. Context: any. */
export function kthread_bind(task: number, on: number): void {
  if ((a_ld(task + Task.STATE) & TASK_NEW) === 0) {
    WARN(true, 'kthread_bind of %s/%d, which has been woken already', task_comm(task), task_pid(task));
    return;
  }
  if (on < 0 || on >= ld(Mach.CPUS)) {
    WARN(true, 'kthread_bind of %s to CPU %d: there are %d', task_comm(task), on, ld(Mach.CPUS));
    return;
  }
  st(task + Task.ALLOWED, on < 32 ? 1 << on : 0);
  st(task + Task.ALLOWED + 4, on >= 32 ? 1 << (on - 32) : 0);
  st(task + Task.CPU, on);
  a_or(task + Task.KTHREAD, KTHREAD_BOUND);
  a_or(task + Task.FLAGS, PF_NO_SETAFFINITY);
  if (!cpu_allowed(task, on)) BUG('kthread_bind');
}

/** Binds a thread that has not been woken yet to the CPUs of a mask. Context: any. */
export function kthread_bind_mask_raw(task: number, mask: number): void {
  let first = 0;
  while (first < ld(Mach.CPUS) && ((ld(mask + ((first >> 5) << 2)) >>> (first & 31)) & 1) === 0) first++;
  kthread_bind(task, first); // says what is wrong
  if (first === ld(Mach.CPUS) || (a_ld(task + Task.STATE) & TASK_NEW) === 0) return;
  st(task + Task.ALLOWED, ld(mask));
  st(task + Task.ALLOWED + 4, ld(mask + 4));
}

/** Context: a kernel thread. Return: true once kthread_stop has been called for it. */
export function kthread_should_stop(): boolean {
  return (a_ld(current_task() + Task.KTHREAD) & KTHREAD_SHOULD_STOP) !== 0;
}

export function get_task_struct(task: number): number {
  if (a_add(task + Task.USAGE, 1) < 1)
    BUG(
      `the task at ${hex(task)} has ended and was freed: hold a reference (get_task_struct) to a thread that may end by itself`,
    );
  return task;
}
export function put_task_struct(task: number): void {
  const old = a_sub(task + Task.USAGE, 1);
  if (old < 1) BUG(`put_task_struct of ${task_comm(task)}/${task_pid(task)}: no reference is left`);
  if (old !== 1) return;
  if (ld(task + Task.STACK) !== 0) free_pages(ld(task + Task.STACK), get_order(KERNEL_STACK));
  kfree(task);
}

/** Frame: state, then the wait. */
export const KTHREAD_STOP_FRAME = 8 + COMPLETION_FRAME;
export function kthread_stop_attempt(frame: number, task: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    a_or(task + Task.KTHREAD, KTHREAD_SHOULD_STOP);
    kthread_unpark(task);
    wake_up_process(task);
  }
  const result = wait_for_completion_attempt(frame + 8, task + Task.EXITED, MAX_SCHEDULE_TIMEOUT);
  if (result === SLEEP) {
    block_on(Block.KTHREAD_EXIT, task);
    return SLEEP;
  }
  const code = ld(task + Task.EXIT_CODE);
  put_task_struct(task);
  return code;
}
/**
 * Asks the thread to stop, wakes it and waits for its end. The thread must not end by itself before this is called,
 * unless the caller holds a reference. A thread that was never woken does not run at all.
 * Context: task. Return: what the thread's function returned, -EINTR if it never ran.
 */
export function kthread_stop(task: number): Sleeping<number> {
  might_sleep('kthread_stop');
  if (task === current_task()) BUG('kthread_stop by the thread itself');
  get_task_struct(task);
  return delegate(drive(kthread_stop_attempt, KTHREAD_STOP_FRAME, task));
}

/** Waits until a task has ended, however. The caller holds a reference. Frame: COMPLETION_FRAME. */
export const wait_task_attempt = (frame: number, task: number): number =>
  wait_for_completion_attempt(frame, task + Task.EXITED, MAX_SCHEDULE_TIMEOUT);

/** True if the thread parks before it has begun. Called by the CPU loop at its start, again after it was unparked. */
export const parked_before_start = (task: number): boolean =>
  (ld(task + Task.KTHREAD) & (KTHREAD_SHOULD_PARK | KTHREAD_IS_PARKED)) !== 0 && park_here(task);

/** True if the thread should end before it has begun: it was stopped first. Called by the CPU loop at its start. */
export function stopped_before_start(task: number): boolean {
  if ((ld(task + Task.KTHREAD) & KTHREAD_STARTED) !== 0) return false; // it parked first
  a_or(task + Task.KTHREAD, KTHREAD_STARTED);
  if ((ld(task + Task.KTHREAD) & KTHREAD_SHOULD_STOP) === 0) return false;
  st(task + Task.EXIT_CODE, -EINTR);
  return true;
}

/** Other queues pass over a waiter that can't be woken; these wake one, or let it in, and rely on it. */
function abandon_wait(task: number): void {
  const lock = ld(task + Task.BLOCK_ADDR);
  switch (ld(task + Task.BLOCK_KIND)) {
    case Block.MUTEX:
      return mutex_abandon(lock, task);
    case Block.RWSEM_READ:
    case Block.RWSEM_WRITE:
      return rwsem_abandon(lock, task);
    case Block.SEMAPHORE:
      return semaphore_abandon(lock, task);
    default:
  }
}

/** The running task's last act; the CPU loop then switches away from it for ever. Context: its own, nothing held. */
export function exit_task(task: number, code: number, oopsed: boolean): void {
  if (ld(task + Task.MUTEXES) !== 0)
    report(`${task_comm(task)}/${task_pid(task)} ends and still holds: ${held_mutexes_text(task)}`, '');
  rcu_exit(task, oopsed);
  srcu_exit(task, oopsed);
  if (oopsed && (ld(task + Task.FLAGS) & PF_WQ_WORKER) !== 0) wq_worker_died(task);
  a_or(task + Task.FLAGS, PF_EXITING | (oopsed ? PF_OOPSED : 0));
  st(task + Task.EXIT_CODE, code);
  if (oopsed) abandon_wait(task);
  const flags = lock_irqsave(Mach.LOCK_TASKLIST);
  list_remove(task + Task.TASKS);
  unlock_irqrestore(Mach.LOCK_TASKLIST, flags);
  if ((ld(task + Task.FLAGS) & PF_ON_DEMAND) === 0) a_sub(Mach.NR_TASKS, 1);
  complete_all_raw(task + Task.EXITED);
  a_st(task + Task.STATE, TASK_DEAD);
}
/**
 * After the switch away from a dead task. One that oopsed may still be linked into wait queues, and a mutex that it
 * never unlocked names it for ever: such a task is never freed.
 */
export function release_task(task: number): void {
  if ((ld(task + Task.FLAGS) & PF_OOPSED) === 0 && ld(task + Task.MUTEXES) === 0) put_task_struct(task);
}
