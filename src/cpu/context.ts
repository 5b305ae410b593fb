// noinstr: never transformed, never interrupted.
// This CPU's own context: the only module-level state that kernel code has. In the free-running build it is set once,
// when the worker becomes a CPU; in the stepped build at every switch to another CPU of the machine.
import { Pcpu, percpu_base } from '../machine/memory-map.js';
import { ld } from './raw.js';

/** This CPU's number. */
export let cpu = 0;
/** Byte address of this CPU's area: `ld(my + Pcpu.PREEMPT)`. */
export let my = 0;

type Entered = (my: number) => void;
const listeners: Entered[] = [];

/** Runs `f` whenever this thread becomes another CPU: for copies of `my` in holder objects. */
export function on_enter_cpu(f: Entered): void {
  listeners.push(f);
}

export function enter_cpu(number: number): void {
  cpu = number;
  my = percpu_base(number);
  for (const f of listeners) f(my);
}

/** The stepped build's switch between the CPUs of one thread: nobody there keeps copies. */
export function switch_cpu(number: number): void {
  cpu = number;
  my = percpu_base(number);
}

/** Address of the running task's `task_struct`. */
export const current_task = (): number => ld(my + Pcpu.CURRENT);
