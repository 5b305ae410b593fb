// A stepped machine that has been stopped: what each CPU and task does, waits for and holds, and static data of the
// module. Reads the memory, runs nothing.
import { relative } from 'node:path';
import { Pcpu, percpu_base } from '../machine/memory-map.js';
import { VECTOR_NAMES } from '../cpu/vectors.js';
import { Task, TASK_DEAD, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from '../sched/task-layout.js';
import type { Site } from '../stepped/transform.js';
import type { Tracer } from '../stepped/core.js';
import type { CpuState, MachineState, TaskState } from './outcome.js';
import type { Session, StaticDatum, Watched } from './session.js';
import { show_static } from './show.js';

const HARDIRQ = 0xf0000;
const SOFTIRQ = 0xff00;

export const site_text = ({ file, line, kind, name }: Site): string =>
  `${relative(process.cwd(), file)}:${line}: ${kind === 'call' ? `${name}()` : kind === 'loop' ? 'loop' : `${kind} ${name}`}`;

/** Follows a schedule, for the last step of each task and the next one of the machine. */
export class Follower implements Tracer {
  /** By `name/pid`. */
  readonly last = new Map<string, Site>();
  /** The step that is next, and the CPU that makes it; null at the end. */
  next: { cpu: number; site: Site } | null = null;
  #task = '';

  constructor(private readonly machine: Watched) {}

  /** It is made after this, so the one before has been made now. */
  step(id: number): void {
    const { cpu, task, pid, interrupt } = this.machine.running();
    this.#pass();
    this.next = { cpu, site: this.machine.site(id) };
    this.#task = interrupt ? '' : `${task}/${pid}`;
  }
  stands(): void {}
  note(): void {}
  /** The schedule has ended: there is no next step. */
  end(): void {
    this.#pass();
    this.next = null;
  }
  #pass(): void {
    if (this.next !== null && this.#task !== '') this.last.set(this.#task, this.next.site);
  }
}

/** What the machine is like, `step` steps from the beginning. */
export function machine_state(
  session: Session,
  step: number,
  follower: Follower,
  statics: readonly StaticDatum[],
): MachineState {
  const { k } = session;
  return {
    step,
    ns: k.core.now_ns(),
    cpus: Array.from({ length: session.cpus }, (_, c) => cpu_state(session, c, follower)),
    tasks: task_states(session, follower),
    shown: statics.map((datum) => ({ name: datum.name, lines: show_static(session, datum) })),
  };
}

function cpu_state(session: Session, cpu: number, { next }: Follower): CpuState {
  const { k } = session;
  const { ld } = k.raw;
  const area = percpu_base(cpu);
  const current = ld(area + Pcpu.RQ_CURR);
  const preempt_count = ld(area + Pcpu.PREEMPT);
  const id = k.core.stands_before(cpu);
  const site = next !== null && next.cpu === cpu ? next.site : id < 0 ? null : (session.site(id) ?? null);
  return {
    cpu,
    task: current === 0 ? 'idle' : `${k.panic.task_comm(current)}/${k.panic.task_pid(current)}`,
    context:
      (preempt_count & HARDIRQ) !== 0
        ? `interrupt (${VECTOR_NAMES[ld(area + Pcpu.IN_VECTOR) - 1] ?? ld(area + Pcpu.IN_VECTOR) - 1})`
        : (preempt_count & SOFTIRQ & 0x100) !== 0
          ? 'softirq'
          : '',
    next: site === null ? '' : site_text(site),
    waits: k.core.waits_for(cpu),
    irqs_off: ld(area + Pcpu.IRQ_OFF) !== 0,
    preempt_count,
    queued: ld(area + Pcpu.RQ_NR),
    locks: k.held.held_locks(cpu).map((a) => k.text.symbol_text(a)),
  };
}

function task_states({ k }: Session, follower: Follower): TaskState[] {
  const { ld } = k.raw;
  const tasks: TaskState[] = [];
  k.debug.for_each_task((task) => {
    const name = `${k.panic.task_comm(task)}/${k.panic.task_pid(task)}`;
    const bits = ld(task + Task.STATE);
    const cpu = ld(task + Task.CPU);
    const runs = ld(percpu_base(cpu) + Pcpu.RQ_CURR) === task;
    const queued = ld(task + Task.ON_RQ) !== 0;
    const site = follower.last.get(name);
    tasks.push({
      task: name,
      cpu,
      state: runs
        ? 'running'
        : bits === TASK_DEAD
          ? 'dead'
          : queued
            ? 'runnable'
            : (bits & TASK_UNINTERRUPTIBLE) !== 0
              ? 'sleeping, uninterruptible'
              : (bits & TASK_INTERRUPTIBLE) !== 0
                ? 'sleeping'
                : 'new',
      last: site === undefined ? '' : site_text(site),
      waits: runs || queued || bits === TASK_DEAD ? '' : k.debug.blocked_text(task),
      mutexes: k.debug.held_mutexes_text(task),
    });
  });
  return tasks;
}

/** As lines, for people. */
export function state_lines(state: MachineState): string[] {
  const lines = [`After step ${state.step}, ${(state.ns / 1000).toFixed(2)} µs:`];
  for (const c of state.cpus) {
    const about = [
      c.context === '' ? c.task : `${c.context} on top of ${c.task}`,
      ...(c.waits === '' ? [] : [c.waits]),
      ...(c.irqs_off ? ['interrupts off'] : []),
      ...(c.preempt_count === 0 ? [] : [`preempt_count 0x${c.preempt_count.toString(16)}`]),
      ...(c.queued === 0 ? [] : [`${c.queued} more in its queue`]),
    ];
    lines.push(`  CPU ${c.cpu}: ${about.join(', ')}`);
    if (c.next !== '') lines.push(`    next:  ${c.next}`);
    for (const lock of c.locks) lines.push(`    holds: ${lock}`);
  }
  lines.push('Tasks:');
  for (const t of state.tasks) {
    lines.push(`  ${t.task}: ${t.state}, CPU ${t.cpu}${t.waits === '' ? '' : `, ${t.waits}`}`);
    if (t.last !== '') lines.push(`    last:  ${t.last}`);
    if (t.mutexes !== '') lines.push(`    holds: ${t.mutexes}`);
  }
  for (const { lines: shown } of state.shown) lines.push(...shown);
  return lines;
}
