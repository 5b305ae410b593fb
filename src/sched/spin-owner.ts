// noinstr: never transformed, never interrupted (but at its own steps).
// Optimistic spinning of the sleeping locks: while the owner runs on another CPU it will soon be through, and going to
// sleep and being woken takes longer. Not in the stepped build, where whoever waits is not run meanwhile.
//
// Only as many CPUs spin as the host has cores to spare (Mach.SPINNERS counts them), and only for a short time: a CPU
// that spins may take the core that the owner's CPU needs. Context: task.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { MUTEX_SPIN } from '../machine/params.js';
import { a_add, a_ld, a_sub, ld } from '../cpu/raw.js';
import { step } from '../cpu/step.js';
import { need_resched } from './sleep.js';
import { Task } from './task-layout.js';

/** Return: true if this task may spin; spin_end() then. */
export function spin_begin(): boolean {
  if (need_resched() || ld(Mach.CPUS) === 1) return false;
  if (a_add(Mach.SPINNERS, 1) < Math.max(1, ld(Mach.CORES) - 1)) return true;
  a_sub(Mach.SPINNERS, 1);
  return false;
}
export function spin_end(): void {
  a_sub(Mach.SPINNERS, 1);
}

/** One turn, the `n`th. Return: false when it is time to sleep. */
export function spin_while_running(owner: number, n: number): boolean {
  if (n >= MUTEX_SPIN || need_resched() || !runs(owner)) return false;
  step();
  return true;
}
/** The owner may have ended meanwhile, and its memory be anything: what the CPU says counts. */
function runs(task: number): boolean {
  const on = ld(task + Task.CPU);
  return on >= 0 && on < ld(Mach.CPUS) && a_ld(percpu_base(on) + Pcpu.RQ_CURR) === task;
}
