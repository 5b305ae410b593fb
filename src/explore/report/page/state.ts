// What the machine looks like after a step, from the steps up to it: for the page's panel and lanes. No DOM.
import type { ReportStep } from '../schedule.js';

export interface CpuState {
  cpu: number;
  /** '' while nothing ran there yet, or its task has left. */
  task: string;
  context: string;
  depth: number;
  locks: readonly string[];
  irqs_off: boolean;
  preempt_count: number;
  /** It waits for something since its last step. */
  waits: boolean;
}
export interface Variable {
  name: string;
  value: string;
  /** The step that accessed it last. */
  step: number;
}
export interface MachineState {
  cpus: CpuState[];
  variables: Variable[];
}

export const idle = (cpu: number): CpuState => ({
  cpu,
  task: '',
  context: 'task',
  depth: 0,
  locks: [],
  irqs_off: false,
  preempt_count: 0,
  waits: false,
});

/** The state of the CPU of a step, after it. */
export function after_step(step: ReportStep, before: CpuState): CpuState {
  if (step.kind === 'log') return before;
  if (step.kind === 'end' || step.kind === 'leave') return { ...idle(step.cpu), depth: step.depth };
  return {
    cpu: step.cpu,
    task: step.kind === 'exit' && step.pid === 0 ? '' : step.task,
    context: step.context,
    depth: step.kind === 'enter' ? step.depth + 1 : step.depth,
    locks: step.locks_after,
    irqs_off: step.irqs_off,
    preempt_count: step.preempt_count,
    waits: step.kind === 'wait',
  };
}

/** The state after step `at`. */
export function state_at(steps: readonly ReportStep[], cpus: readonly number[], at: number): MachineState {
  const states = new Map(cpus.map((c) => [c, idle(c)]));
  const variables = new Map<string, Variable>();
  for (const step of steps.slice(0, at + 1)) {
    states.set(step.cpu, after_step(step, states.get(step.cpu)!));
    const value = step.access === 'read' ? step.before : step.after;
    if (step.place !== null && value !== null)
      variables.set(step.place.name, { name: step.place.name, value, step: step.index });
  }
  return { cpus: [...states.values()], variables: [...variables.values()] };
}
