// The tables of a stress run: what the CPUs counted, read out of the machine's memory while it runs (a CPU that is dead
// can't tell any more).
import type { Machine } from '../machine/machine.js';
import type { Output } from './output.js';

export interface CpuRow {
  cpu: number;
  /** Rounds in which a task of the module ran on this CPU. */
  rounds: number;
  /** Counted by the module (torture_op). */
  operations: number;
  contended: number;
  migrations: number;
  switches: number;
  interrupts: number;
  worst_wait_ms: number;
  verdict: string;
}

/** Task switches of each CPU since boot. */
export const switches = (machine: Machine): number[] => machine.statistics().map((cpu) => cpu.switches);

export type Totals = Omit<CpuRow, 'cpu' | 'rounds' | 'verdict'>;
/** Sums, and the longest wait. */
export function totals(rows: readonly CpuRow[]): Totals {
  const sum = (of: (row: CpuRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    operations: sum((r) => r.operations),
    contended: sum((r) => r.contended),
    migrations: sum((r) => r.migrations),
    switches: sum((r) => r.switches),
    interrupts: sum((r) => r.interrupts),
    worst_wait_ms: Math.max(0, ...rows.map((r) => r.worst_wait_ms)),
  };
}

export const number = (n: number): string => n.toLocaleString('en-US');
const wait = (ms: number): string => (ms === 0 ? '-' : ms < 1 ? `${Math.round(ms * 1000)} us` : `${ms.toFixed(1)} ms`);
/** `1.2 M/s`. */
export function rate(n: number, seconds: number): string {
  const r = seconds > 0 ? n / seconds : 0;
  return r >= 1e6 ? `${(r / 1e6).toFixed(1)} M/s` : r >= 1e4 ? `${Math.round(r / 1e3)} k/s` : `${Math.round(r)}/s`;
}

const HEADS = [
  'rounds',
  'operations',
  'op rate',
  'contention',
  'migrations',
  'switches',
  'interrupts',
  'worst wait',
  'verdict',
];
const cells = (rounds: number, t: Totals, seconds: number, verdict: string): string[] => [
  number(rounds),
  t.operations === 0 ? '-' : number(t.operations),
  t.operations === 0 ? '-' : rate(t.operations, seconds),
  number(t.contended),
  number(t.migrations),
  number(t.switches),
  number(t.interrupts),
  wait(t.worst_wait_ms),
  verdict,
];

function print(table: string[][], left: boolean, out: Output): void {
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  table.forEach((row, r) => {
    const text = row
      .map((cell, i) =>
        i === row.length - 1 ? cell : i === 0 && left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
      )
      .join('  ');
    const verdict = row.at(-1)!;
    const bad = r > 0 && verdict !== 'ok' && !verdict.startsWith('caught');
    out.line(r === 0 ? out.paint('bold', text) : bad ? out.paint('red', text) : text);
  });
}

/** A row for each CPU and one for all: sums, the longest wait, all rounds. */
export function printCpus(
  rows: readonly CpuRow[],
  rounds: number,
  seconds: number,
  verdict: string,
  out: Output,
): void {
  print(
    [
      ['CPU', ...HEADS],
      ...rows.map((r) => [String(r.cpu), ...cells(r.rounds, r, seconds, r.verdict)]),
      ['all', ...cells(rounds, totals(rows), seconds, verdict)],
    ],
    false,
    out,
  );
}

/** A row for each test. */
export function printTests(
  tests: readonly { name: string; rounds: number; seconds: number; rows: readonly CpuRow[]; verdict: string }[],
  out: Output,
): void {
  print(
    [['test', ...HEADS], ...tests.map((t) => [t.name, ...cells(t.rounds, totals(t.rows), t.seconds, t.verdict)])],
    true,
    out,
  );
}
