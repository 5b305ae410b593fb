// What each CPU counts about itself, read out of the machine's memory by anybody at any time.
import { Pcpu, percpu_base } from './memory-map.js';

export interface CpuStatistics {
  cpu: number;
  switches: number;
  interrupts: number;
  ticks: number;
  parks: number;
  lost_wakeups: number;
  contended: number;
  worst_wait_ms: number;
  migrations: number;
  softirqs: number;
  /** Operations that modules count by torture_op(). */
  operations: number;
}

/** A CPU's own counts, out of the machine's memory. */
export function read_statistics(I32: Int32Array, F64: Float64Array, cpu: number): CpuStatistics {
  const area = percpu_base(cpu);
  const word = (a: number): number => I32[(area + a) >> 2]! >>> 0;
  return {
    cpu,
    switches: word(Pcpu.STAT_SWITCHES),
    interrupts: word(Pcpu.STAT_IRQS),
    ticks: word(Pcpu.STAT_TICKS),
    parks: word(Pcpu.STAT_PARKS),
    lost_wakeups: word(Pcpu.STAT_LOST_WAKEUPS),
    contended: word(Pcpu.STAT_CONTENDED),
    worst_wait_ms: F64[(area + Pcpu.STAT_WORST_WAIT) >> 3]!,
    migrations: word(Pcpu.STAT_MIGRATIONS),
    softirqs: word(Pcpu.STAT_SOFTIRQS),
    operations: word(Pcpu.STAT_OPS),
  };
}
