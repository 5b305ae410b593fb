// noinstr: never transformed, never interrupted (it is what interrupts; the stepped machine has its own loop).
// The CPU loop of the free-running build: picks tasks, runs each until it yields, idles. This thread's generators are
// its only state outside the machine's memory; they are why a TypeScript task that has started stays on its CPU.
import { IDLE_SPIN, PARK_LIMIT_MS, UNTIL_PARK_MS } from '../machine/params.js';
import { BootFlag, Mach, Pcpu, State } from '../machine/memory-map.js';
import { my } from './context.js';
import { reset_images } from '../cc/image.js';
import { c_result, c_started, reset_c, run_c_task } from '../cc/run.js';
import { irqs_disabled, local_irq_enable } from './irqflags.js';
import { park_unless } from './park.js';
import { preempt_count } from './preempt.js';
import { a_ld, ld, st, stf64 } from './raw.js';
import { do_softirq, softirqs_left } from './softirq.js';
import { MachineStopped, step } from './step.js';
import { INTERRUPTS, Wait } from './vectors.js';
import { clock_ns } from './clock.js';
import { panic, print_oops, report, task_comm, task_pid } from '../kernel/panic.js';
import { text_at } from '../kernel/text.js';
import { idle_balance, switch_tasks } from '../sched/core.js';
import { exit_task, parked_before_start, release_task, stopped_before_start } from '../sched/kthread.js';
import { rcu_idle_enter, rcu_idle_exit } from '../sched/rcu.js';
import { PF_DAEMON, Task, TASK_DEAD } from '../sched/task-layout.js';

type Running = Generator<number, unknown, void>;
const EFAULT = 14;
const running: (Running | null)[] = [null];
const free: number[] = [];

/** Forgets the tasks of the last machine. */
export function reset_loop(): void {
  unfinished = 0;
  running.length = 1;
  free.length = 0;
  reset_images();
}

/** Of a loop that returned: the task that had given up the CPU and has not been put back yet. */
let unfinished = 0;

/**
 * Runs this CPU until the machine stops (by MachineStopped). With `until`, which must not change anything: until it is
 * true, asked between two tasks; the next call goes on. For a CPU in a thread that has other things to do.
 */
export function cpu_loop(until: (() => boolean) | null = null): void {
  let previous = unfinished;
  unfinished = 0;
  for (;;) {
    // A plain read: whoever stops the machine raises STOP as well.
    if (ld(Mach.STATE) !== State.RUNNING) throw new MachineStopped();
    if (until !== null && until()) {
      unfinished = previous;
      return;
    }
    step();
    if (softirqs_left()) do_softirq();
    const next = switch_tasks(previous);
    if (previous !== 0 && ld(previous + Task.STATE) === TASK_DEAD) release_task(previous);
    previous = next;
    if (next !== 0) run_task(next);
    else idle(until);
  }
}

function idle(until: (() => boolean) | null): void {
  if (idle_balance()) return;
  st(my + Pcpu.WAIT_REASON, Wait.IDLE);
  rcu_idle_enter();
  const work = (): boolean =>
    a_ld(my + Pcpu.RQ_NR) !== 0 ||
    (a_ld(my + Pcpu.PENDING) & INTERRUPTS) !== 0 ||
    ld(my + Pcpu.SOFTIRQ_PENDING) !== 0 ||
    (until !== null && until());
  let spins = 0;
  while (spins < IDLE_SPIN && !work()) spins++;
  if (spins === IDLE_SPIN) park_unless(work, until === null ? PARK_LIMIT_MS : UNTIL_PARK_MS);
  rcu_idle_exit();
  st(my + Pcpu.WAIT_REASON, Wait.NOTHING);
  stf64(my + Pcpu.WD_TOUCH, clock_ns());
}

/** Runs a task until it yields, ends or dies. */
function run_task(task: number): void {
  try {
    const slot = ld(task + Task.SLOT);
    const generator = slot === 0 ? start(task) : running[slot]!;
    if (generator === null) return;
    const step_result = generator.next();
    if (step_result.done === true) finish(task, step_result.value);
  } catch (error) {
    task_died(task, error);
  }
}

/** Calls the thread function; a plain one ends here. A C task comes here each time: it has no generator. */
function start(task: number): Running | null {
  const is_c = ld(task + Task.LANGUAGE) !== 0;
  if (!(is_c && c_started(task))) {
    if (stopped_before_start(task)) {
      exit_task(task, ld(task + Task.EXIT_CODE), false);
      return null;
    }
    if (parked_before_start(task)) return null;
  }
  if (is_c) {
    if (run_c_task(task)) finish(task, c_result());
    return null;
  }
  const result = (text_at(ld(task + Task.THREADFN)) as (data: number) => unknown)(ld(task + Task.DATA));
  if (typeof result !== 'object' || result === null || !('next' in result)) {
    finish(task, result);
    return null;
  }
  const slot = free.pop() ?? running.length;
  running[slot] = result as Running;
  st(task + Task.SLOT, slot);
  return result as Running;
}

function forget(task: number): void {
  const slot = ld(task + Task.SLOT);
  if (slot === 0) return;
  running[slot] = null;
  free.push(slot);
}

/** The thread function has returned. */
export function finish(task: number, value: unknown): void {
  forget(task);
  if (preempt_count() !== 0 || irqs_disabled())
    report(
      `thread ${task_comm(task)}/${task_pid(task)} ended with preempt_count 0x${preempt_count().toString(16)}, interrupts ${irqs_disabled() ? 'off' : 'on'}: ${preempt_count() !== 0 ? 'a lock is still held' : 'local_irq_restore is missing'}`,
    );
  reset_context();
  exit_task(task, typeof value === 'number' ? value | 0 : 0, false);
}

/** An exception has left the task: an oops. */
export function task_died(task: number, error: unknown): void {
  if (error instanceof MachineStopped) throw error;
  print_oops(error);
  forget(task);
  reset_c();
  // It may have come out of the middle of anything, with a lock of the kernel's held.
  if (error instanceof RangeError && /call stack/.test(error.message) && (preempt_count() !== 0 || irqs_disabled()))
    panic('kernel stack overflow in atomic context: %s/%d', task_comm(task), task_pid(task));
  if ((ld(task + Task.FLAGS) & PF_DAEMON) !== 0) panic('the kernel daemon %s has died', task_comm(task));
  if ((ld(Mach.FLAGS) & BootFlag.PANIC_ON_OOPS) !== 0) panic('Fatal exception');
  reset_context();
  exit_task(task, -EFAULT, true);
}
function reset_context(): void {
  st(my + Pcpu.PREEMPT, 0);
  st(my + Pcpu.NODE_DEPTH, 0);
  if (irqs_disabled()) local_irq_enable();
}
