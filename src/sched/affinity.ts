// Which CPUs a task may use; linux/sched.ts has the public names. The mask (ALLOWED) and MIGRATION_DISABLED change under
// the lock of the task's queue.
//
// In the free-running build a TypeScript task that has started lives on its CPU: its generator is an object of that CPU's
// thread. Its mask can be changed as long as that CPU stays in it; else the change is refused with -EBUSY, and the log
// says why. Tasks that have not started, tasks in C, and all tasks of the stepped build move.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { current_task } from '../cpu/context.js';
import { ld, ld8, st, st8 } from '../cpu/raw.js';
import { unlock_irqrestore } from '../cpu/spinlock.js';
import { task_comm, task_pid, WARN } from '../kernel/panic.js';
import { printk_emit } from '../kernel/printk.js';
import { can_move, cpu_in_mask, leave_forbidden_cpu, lock_task_rq } from './core.js';
import { delegate, give_way, ready, type Sleeping } from './sleep.js';
import { Task } from './task-layout.js';

const EBUSY = 16;
const EINVAL = 22;
const KERN_WARNING = 4;

const in_mask = (mask: number, n: number): boolean => ((ld(mask + ((n >> 5) << 2)) >>> (n & 31)) & 1) !== 0;
function has_online(mask: number): boolean {
  for (let half = 0; half < 8; half += 4) if ((ld(mask + half) & ld(Mach.ONLINE_MASK + half)) !== 0) return true;
  return false;
}
function say_fixed(task: number): void {
  if (ld8(task + Task.TOLD_FIXED) !== 0) return;
  st8(task + Task.TOLD_FIXED, 1);
  printk_emit(
    KERN_WARNING,
    `set_cpus_allowed_ptr: ${task_comm(task)}/${task_pid(task)} has started on CPU ${ld(task + Task.CPU)} and is written in TypeScript: when CPUs run in parallel it stays there (-EBUSY). Give it its CPUs before the first wake-up: kthread_create_on_cpu, kthread_bind_mask; or explore the module, where it moves`,
  );
}

/** Changes the mask. Return: 0, -EINVAL, -EBUSY; then it is as it was. */
export function set_allowed(task: number, mask: number): number {
  if (!has_online(mask)) return -EINVAL;
  const flags = lock_task_rq(task);
  const home = ld(task + Task.CPU);
  const area = percpu_base(home);
  let error = 0;
  if (!in_mask(mask, home)) {
    const pinned = ld8(task + Task.MIGRATION_DISABLED) !== 0 && task === current_task();
    if (pinned || !can_move(task)) error = -EBUSY;
  }
  if (error !== 0) {
    unlock_irqrestore(area + Pcpu.RQ_LOCK, flags);
    if (!can_move(task)) say_fixed(task);
    else WARN(true, 'set_cpus_allowed_ptr by a task that has migration disabled: it could never come back');
    return error;
  }
  st(task + Task.ALLOWED, ld(mask));
  st(task + Task.ALLOWED + 4, ld(mask + 4));
  leave_forbidden_cpu(task, flags);
  return 0;
}
/**
 * Gives the task another mask; the caller itself is on one of its CPUs when this returns, another task is before it makes
 * its next step (stepped) or from its next suspend point on (free-running: only tasks in C). Linux waits for that.
 * Context: task. Return: 0; -EINVAL if no CPU of the mask is online; -EBUSY if the task can't leave its CPU: the caller has
 * migration disabled (as in Linux), or the free-running build can't move it.
 */
export function set_cpus_allowed(task: number, mask: number): Sleeping<number> {
  const error = set_allowed(task, mask);
  if (error !== 0 || ld8(current_task() + Task.MUST_MOVE) === 0) return ready(error);
  return delegate(give_way());
}

/** Context: task. Keeps the caller on its CPU, preemptible, until migrate_enable. Nests. */
export function migrate_disable(): void {
  const task = current_task();
  const depth = ld8(task + Task.MIGRATION_DISABLED);
  if (depth === 255) {
    WARN(true, 'migrate_disable: nested too deeply');
    return;
  }
  st8(task + Task.MIGRATION_DISABLED, depth + 1);
}
/** The end of it: if the mask was changed meanwhile the task moves at its next step or suspend point. */
export function migrate_enable(): void {
  const task = current_task();
  const depth = ld8(task + Task.MIGRATION_DISABLED);
  if (depth === 0) {
    WARN(true, 'migrate_enable without migrate_disable');
    return;
  }
  const flags = lock_task_rq(task);
  st8(task + Task.MIGRATION_DISABLED, depth - 1);
  if (depth === 1 && !cpu_in_mask(task, ld(task + Task.CPU))) leave_forbidden_cpu(task, flags);
  else unlock_irqrestore(percpu_base(ld(task + Task.CPU)) + Pcpu.RQ_LOCK, flags);
}
export const task_cpu_raw = (task: number): number => ld(task + Task.CPU);
