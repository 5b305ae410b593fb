// What the CPUs have done, read out of the machine's memory while it runs (a CPU that is dead can't tell any more), and
// the closing table of a stress run.
import type { Machine } from '../machine/machine.js';
import { Pcpu, percpu_base } from '../machine/memory-map.js';
import type { Output } from './output.js';

export interface CpuRow {
  cpu: number;
  /** Rounds in which a task of the module ran on this CPU. */
  rounds: number;
  switches: number;
  interrupts: number;
  contended: number;
  migrations: number;
  worst_wait_ms: number;
  verdict: string;
}

/** Task switches of each CPU since boot. */
export function switches(machine: Machine): number[] {
  const words = new Int32Array(machine.memory.buffer);
  return Array.from({ length: machine.cpus }, (_, c) => words[(percpu_base(c) + Pcpu.STAT_SWITCHES) >> 2]!);
}

export function cpuRows(machine: Machine, rounds: readonly number[], verdicts: ReadonlyMap<number, string>): CpuRow[] {
  const words = new Int32Array(machine.memory.buffer);
  const doubles = new Float64Array(machine.memory.buffer);
  return Array.from({ length: machine.cpus }, (_, cpu) => {
    const word = (offset: number): number => words[(percpu_base(cpu) + offset) >> 2]! >>> 0;
    return {
      cpu,
      rounds: rounds[cpu] ?? 0,
      switches: word(Pcpu.STAT_SWITCHES),
      interrupts: word(Pcpu.STAT_IRQS),
      contended: word(Pcpu.STAT_CONTENDED),
      migrations: word(Pcpu.STAT_MIGRATIONS),
      worst_wait_ms: doubles[(percpu_base(cpu) + Pcpu.STAT_WORST_WAIT) >> 3]!,
      verdict: verdicts.get(cpu) ?? 'ok',
    };
  });
}

const HEADS = ['CPU', 'rounds', 'switches', 'interrupts', 'contention', 'migrations', 'worst wait', 'verdict'];
const number = (n: number): string => n.toLocaleString('en-US');
const wait = (ms: number): string => (ms === 0 ? '-' : ms < 1 ? `${Math.round(ms * 1000)} us` : `${ms.toFixed(1)} ms`);

/** A row for each CPU and one for all: sums, the longest wait, all rounds. */
export function printTable(rows: readonly CpuRow[], rounds: number, verdict: string, out: Output): void {
  const sum = (of: (row: CpuRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const cells = [
    HEADS,
    ...rows.map((r) => [
      String(r.cpu),
      number(r.rounds),
      number(r.switches),
      number(r.interrupts),
      number(r.contended),
      number(r.migrations),
      wait(r.worst_wait_ms),
      r.verdict,
    ]),
    [
      'all',
      number(rounds),
      number(sum((r) => r.switches)),
      number(sum((r) => r.interrupts)),
      number(sum((r) => r.contended)),
      number(sum((r) => r.migrations)),
      wait(Math.max(0, ...rows.map((r) => r.worst_wait_ms))),
      verdict,
    ],
  ];
  const widths = HEADS.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  cells.forEach((row, r) => {
    const text = row.map((cell, i) => (i === row.length - 1 ? cell : cell.padStart(widths[i]!))).join('  ');
    const bad = r > 0 && row.at(-1) !== 'ok';
    out.line(r === 0 ? out.paint('bold', text) : bad ? out.paint('red', text) : text);
  });
}
