// Whether a machine runs and what its CPUs do, read out of its memory at any time by the host.
import { INTERRUPTS } from '../cpu/vectors.js';
import { Mach, Pcpu, percpu_base } from './memory-map.js';
import { Task } from '../sched/task-layout.js';

/** If two readings agree in `count` and nothing was busy in either, nothing ran between them. */
export interface Activity {
  /** Something is runnable, armed, pending, or in a handler, which may be about to wake a task. */
  busy: boolean;
  /** Switches and interrupts since boot. */
  count: number;
}

export function read_activity(I32: Int32Array, cpus: number): Activity {
  let count = 0;
  let busy = Atomics.load(I32, Mach.NR_TIMERS >> 2) > 0;
  for (let c = 0; c < cpus; c++) {
    const area = percpu_base(c) >> 2;
    count += I32[area + (Pcpu.STAT_SWITCHES >> 2)]! + I32[area + (Pcpu.STAT_IRQS >> 2)]!;
    if (
      Atomics.load(I32, area + (Pcpu.RQ_CURR >> 2)) !== 0 ||
      Atomics.load(I32, area + (Pcpu.RQ_NR >> 2)) !== 0 ||
      (Atomics.load(I32, area + (Pcpu.PENDING >> 2)) & INTERRUPTS) !== 0 ||
      Atomics.load(I32, area + (Pcpu.IRQ_OFF >> 2)) !== 0 ||
      I32[area + (Pcpu.PREEMPT >> 2)] !== 0 ||
      I32[area + (Pcpu.SOFTIRQ_PENDING >> 2)] !== 0
    )
      busy = true;
  }
  return { busy, count };
}

/** `name/pid` of the task that the CPU runs, or is interrupted on; '' if it never ran one. */
export function running_task(I32: Int32Array, U8: Uint8Array, cpu: number): string {
  const current = Atomics.load(I32, (percpu_base(cpu) + Pcpu.CURRENT) >> 2);
  if (current <= 0 || current >= U8.length) return '';
  let name = '';
  for (let i = 0, c; i < 16 && (c = U8[current + Task.COMM + i] ?? 0) !== 0; i++) name += String.fromCharCode(c);
  return `${name}/${I32[(current + Task.PID) >> 2]!}`;
}
export const interrupts_off = (I32: Int32Array, cpu: number): boolean =>
  Atomics.load(I32, (percpu_base(cpu) + Pcpu.IRQ_OFF) >> 2) !== 0;
