// noinstr: never transformed, never interrupted.
// What holds a grace period up, for reports: the stall detector, and the text for tasks that wait for its end.
// Looked at by every tick and by khungtaskd while a grace period is in progress; reads without RCU_LOCK, which a stalled
// machine may never get.
import { RCU_STALL_MS } from '../machine/params.js';
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { clock_ns } from '../cpu/clock.js';
import { cpu } from '../cpu/context.js';
import { a_add, a_cas, a_ld, ld, ldf64 } from '../cpu/raw.js';
import { raise_vector } from '../cpu/step.js';
import { Vector } from '../cpu/vectors.js';
import { add_taint, task_comm, task_pid, TAINT_WARN } from '../kernel/panic.js';
import { printk_emit } from '../kernel/printk.js';
import { blocked_text } from './debug.js';
import { BLOCKS_GP } from './rcu.js';
import { Task, TASK_RUNNING } from './task-layout.js';
import { overcommit } from './watchdog.js';

const KERN_ERR = 3;
const SEQ_STATE = 3;
const MAX_NAMED = 64;
const name = (task: number): string => `${task_comm(task)}/${task_pid(task)}`;

/** Calls `f` for each task that was switched out in a section that the grace period waits for. */
function for_each_blocker(f: (task: number) => void): void {
  let n = 0;
  for (let at = ld(Mach.RCU_READERS); at !== Mach.RCU_READERS && at !== 0 && n < MAX_NAMED; at = ld(at), n++) {
    const task = at - Task.RCU_LINK;
    if ((a_ld(task + Task.RCU_SPECIAL) & BLOCKS_GP) !== 0) f(task);
  }
}
/** ` because of ...`: the readers that the grace period in progress waits for; '' if none are known. */
export function rcu_holdup_text(): string {
  const who: string[] = [];
  const cpus = ld(Mach.CPUS);
  for (let c = 0; c < cpus; c++) {
    const area = percpu_base(c);
    if (a_ld(area + Pcpu.RCU_QS_WANTED) !== 0) who.push(`CPU ${c}, which runs ${name(ld(area + Pcpu.CURRENT))}`);
  }
  for_each_blocker((task) => who.push(`the reader ${name(task)}`));
  return who.length === 0 ? '' : `, held up by ${who.join(', ')}`;
}

/** Reports a grace period that has been in progress for too long, once, and again after three times as long. */
export function rcu_check_stall(): void {
  if ((a_ld(Mach.RCU_GP_SEQ) & SEQ_STATE) === 0) return;
  const limit = (ld(Mach.RCU_STALL_MS) > 0 ? ld(Mach.RCU_STALL_MS) : RCU_STALL_MS) * overcommit() * 1e6;
  const since = clock_ns() - ldf64(Mach.RCU_GP_START);
  const stalls = a_ld(Mach.RCU_STALLS);
  if (since < limit * (1 + 3 * stalls) || a_cas(Mach.RCU_STALLS, stalls, stalls + 1) !== stalls) return;
  const seq = a_ld(Mach.RCU_GP_SEQ);
  const cpus: number[] = [];
  for (let c = 0; c < ld(Mach.CPUS); c++) if (a_ld(percpu_base(c) + Pcpu.RCU_QS_WANTED) !== 0) cpus.push(c);
  const tasks: number[] = [];
  for_each_blocker((task) => tasks.push(task));
  if (cpus.length + tasks.length === 0) return; // it ends just now
  a_add(Mach.REPORTS, 1);
  add_taint(TAINT_WARN);
  const self = cpus.includes(cpu);
  printk_emit(
    KERN_ERR,
    self
      ? 'rcu: INFO: rcu_preempt self-detected stall on CPU'
      : 'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  );
  for (const c of cpus) {
    const task = ld(percpu_base(c) + Pcpu.CURRENT);
    printk_emit(KERN_ERR, `rcu: \t${c}-....: runs ${name(task)}, rcu_read_lock depth ${ld(task + Task.RCU_NESTING)}`);
  }
  if (tasks.length > 0)
    printk_emit(
      KERN_ERR,
      `rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-${ld(Mach.CPUS) - 1}): ${tasks.map((t) => `P${task_pid(t)}`).join(' ')}`,
    );
  printk_emit(
    KERN_ERR,
    `rcu: \t(detected by ${cpu}, t=${Math.round(since / 1e6)} ms, g=${seq >> 2}, ncpus=${ld(Mach.CPUS)})`,
  );
  for (const t of tasks)
    printk_emit(
      KERN_ERR,
      `task:${name(t)} on CPU ${ld(t + Task.CPU)}, rcu_read_lock depth ${ld(t + Task.RCU_NESTING)}: ` +
        (a_ld(t + Task.STATE) === TASK_RUNNING ? 'was preempted there' : blocked_text(t)),
    );
  for (const c of cpus) raise_vector(percpu_base(c), Vector.NMI_BACKTRACE);
}
