// noinstr: never transformed, never interrupted.
// Which CPU this is, and the check that the answer stays true: lib/smp_processor_id.c of Linux with CONFIG_DEBUG_PREEMPT,
// which is always on. Context: any.
import { Pcpu } from '../machine/memory-map.js';
import { report, task_comm, task_pid } from '../kernel/panic.js';
import { PF_IDLE, PF_NO_SETAFFINITY, Task } from '../sched/task-layout.js';
import { cpu, current_task, my } from './context.js';
import { no_step } from './heap.js';
import { ld, ld8 } from './raw.js';

/** Bound to one CPU for good, as a per-CPU kernel thread is. */
function is_percpu_thread(task: number): boolean {
  if ((ld(task + Task.FLAGS) & PF_NO_SETAFFINITY) === 0) return false;
  const low = ld(task + Task.ALLOWED);
  const high = ld(task + Task.ALLOWED + 4);
  return (low === 0) !== (high === 0) && (low & (low - 1)) === 0 && (high & (high - 1)) === 0;
}

/**
 * Reports code that relies on its CPU and could be moved to another one at any step: preemption and interrupts are on,
 * and the task is neither bound to a CPU nor has migration disabled.
 */
export function check_preemption_disabled(what: string): void {
  if (ld(my + Pcpu.PREEMPT) !== 0 || ld(my + Pcpu.IRQ_OFF) !== 0) return;
  const task = current_task();
  if (task === 0 || (ld(task + Task.FLAGS) & PF_IDLE) !== 0) return;
  if (ld8(task + Task.MIGRATION_DISABLED) !== 0 || is_percpu_thread(task)) return;
  report(`using ${what} in preemptible [00000000] code: ${task_comm(task)}/${task_pid(task)}`);
}

/** The number of this CPU. Context: the task can't be moved, see above; who only wants a hint takes raw_smp_processor_id(). */
export function smp_processor_id(): number {
  check_preemption_disabled('smp_processor_id()');
  return cpu;
}
/** The same without the check: it may be another CPU's by now. Context: any. */
export const raw_smp_processor_id = (): number => cpu;
no_step(check_preemption_disabled, smp_processor_id, raw_smp_processor_id);
