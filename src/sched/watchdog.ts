// Lock-ups and hung tasks.
//  - soft lock-up: the CPU takes ticks, but has not switched tasks for SOFT_LOCKUP_MS. Seen by its own tick, which
//    prints where the CPU is: the tick runs on top of what loops. After twice that time the machine panics.
//  - hard lock-up: the CPU does not take ticks. Seen by the timekeeper (machine/timekeeper.ts), which asks for an NMI
//    backtrace and, when that is not answered either, tells the host to kill the worker.
//  - hung task: in uninterruptible sleep for HUNG_TASK_MS. Seen by `khungtaskd`.
import { HUNG_TASK_MS, SOFT_LOCKUP_MS } from '../machine/params.js';
import { BootFlag, Mach, Pcpu } from '../machine/memory-map.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { clock_ns } from '../cpu/clock.js';
import { a_ld, ld, ldf64, st, STEPPED } from '../cpu/raw.js';
import { add_taint, panic, report, task_comm, task_pid, TAINT_SOFTLOCKUP } from '../kernel/panic.js';
import { blocked_text, for_each_task } from './debug.js';
import { PF_DAEMON, Task, TASK_NOLOAD, TASK_UNINTERRUPTIBLE } from './task-layout.js';

/** More CPUs than cores: each gets its share of the time only. */
export const overcommit = (): number => Math.max(1, ld(Mach.CPUS) / Math.max(1, ld(Mach.CORES)));
const limit_ms = (word: number, fallback: number): number => (ld(word) > 0 ? ld(word) : fallback) * overcommit();

/** Context: hardirq, from the tick. */
export function watchdog_tick(): void {
  if (STEPPED) return;
  const since = clock_ns() - ldf64(my + Pcpu.WD_TOUCH);
  const limit = limit_ms(Mach.SOFT_LOCKUP_MS, SOFT_LOCKUP_MS);
  if (since < limit * 1e6) {
    st(my + Pcpu.WD_REPORTED, 0);
    return;
  }
  const task = current_task();
  if (ld(my + Pcpu.WD_REPORTED) !== 0) {
    // Nothing else will end it: tasks are switched only when they give way.
    if (since >= 2 * limit * 1e6)
      panic('softlockup: CPU#%d stuck for %ds! [%s:%d]', cpu, Math.round(since / 1e9), task_comm(task), task_pid(task));
    return;
  }
  st(my + Pcpu.WD_REPORTED, 1);
  add_taint(TAINT_SOFTLOCKUP);
  report(`soft lockup - CPU#${cpu} stuck for ${Math.round(since / 1e9)}s! [${task_comm(task)}:${task_pid(task)}]`);
  if ((a_ld(Mach.FLAGS) & BootFlag.PANIC_ON_LOCKUP) !== 0) panic('softlockup: hung tasks');
}

/** Reports every task that has been in uninterruptible sleep for too long, once. Context: task (khungtaskd). */
export function check_hung_tasks(): void {
  const limit = limit_ms(Mach.HUNG_TASK_MS, HUNG_TASK_MS);
  const now = clock_ns();
  for_each_task((task) => {
    const state = a_ld(task + Task.STATE);
    if (state !== TASK_UNINTERRUPTIBLE || (state & TASK_NOLOAD) !== 0) return;
    if ((ld(task + Task.FLAGS) & PF_DAEMON) !== 0 || ld(task + Task.ON_RQ) !== 0) return;
    const slept = (now - ldf64(task + Task.SLEPT_AT)) / 1e6;
    if (slept < limit || ld(task + Task.REPORTED) !== 0) return;
    st(task + Task.REPORTED, 1);
    report(
      `task ${task_comm(task)}:${task_pid(task)} blocked for more than ${Math.round(slept / 1000)} seconds: ${blocked_text(task)}`,
      '',
    );
  });
}
