// ksoftirqd: one thread for each CPU, made when softirqs keep coming for the first time there. It runs them as a task of
// the fair class, so that other tasks get their share. Interrupts on their way out go on running softirqs beside it.
import { Pcpu } from '../machine/memory-map.js';
import { cpu, my } from '../cpu/context.js';
import { ld, st } from '../cpu/raw.js';
import { do_softirq } from '../cpu/softirq.js';
import { SCHEDULE } from '../cpu/vectors.js';
import { text_handle } from '../kernel/text.js';
import { set_current_state, wake_up_process, __set_current_state } from './core.js';
import { create_daemon } from './kthread.js';
import { cond_resched, schedule_debug, type Sleeping } from './sleep.js';
import { PF_DAEMON, Task, TASK_IDLE, TASK_RUNNING } from './task-layout.js';

/** What is pending is this CPU's ksoftirqd's: it runs, or is about to. Context: any, on that CPU. */
export function ksoftirqd_runs(): boolean {
  const task = ld(my + Pcpu.KSOFTIRQD);
  return task !== 0 && ld(task + Task.STATE) === TASK_RUNNING;
}

/** Context: softirqs of this CPU are disabled. Without memory for the thread the CPU loop goes on as it can. */
export function wakeup_softirqd(): void {
  let task = ld(my + Pcpu.KSOFTIRQD);
  if (task === 0) {
    task = create_daemon(text_handle(ksoftirqd), cpu, `ksoftirqd/${cpu}`, PF_DAEMON, cpu);
    if (task === 0) return;
    st(my + Pcpu.KSOFTIRQD, task);
  }
  wake_up_process(task);
}

/** The thread; keeps nothing across the sleep at the head of its loop. */
export function* ksoftirqd(): Sleeping<number> {
  for (;;) {
    set_current_state(TASK_IDLE);
    if (ld(my + Pcpu.SOFTIRQ_PENDING) === 0) {
      schedule_debug();
      yield SCHEDULE;
      continue;
    }
    __set_current_state(TASK_RUNNING);
    do_softirq();
    yield* cond_resched();
  }
}
