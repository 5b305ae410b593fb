// What comes out of exploring a schedule: types alone, so that the library's declarations do not reach the machinery.
import type { RaceReport } from '../detect/race-report.js';
import type { ScheduleReport } from './report/schedule.js';

export type { RaceAccess, RaceContext, RaceReport } from '../detect/race-report.js';
export type VerdictKind =
  | 'oops'
  | 'BUG'
  | 'WARN'
  | 'report'
  | 'panic'
  | 'deadlock'
  | 'livelock'
  | 'init'
  | 'data race'
  | 'use after free'
  | 'double free'
  | 'out of bounds'
  | 'sleep in atomic'
  | 'leak';

/** A data race that is meant: a pattern (see suppressions.ts), and the reason why. */
export interface Suppression {
  pattern: string;
  reason: string;
}
export interface RaceCounts {
  /** Reports that were suppressed, and the suppressions that matched nothing. */
  suppressed: number;
  unused: Suppression[];
  /** Schedules that were too large for the detector to look at as a whole. */
  lost: number;
}

/** How a schedule ended. */
export interface Outcome {
  /** Null: nothing is wrong. */
  verdict: VerdictKind | null;
  message: string;
  steps: number;
  /** What the memory held at each switch, hashed; 0 unless asked for. */
  hash: number;
  switches: number;
  /** With verdict 'data race'. */
  race?: RaceReport;
  /** A hash over the order in which the module's steps touched what they share: a number for the behaviour. */
  signature: number;
}

/** What module_init and module_exit returned; null while they have not. */
export interface Results {
  init: number | null;
  exit: number | null;
}

/** The results, and what the kernel counted. */
export type CountedResults = Results & { oopses: number; warnings: number; reports: number };

/** How far a schedule is from one that simply goes on: what the minimiser makes less. */
export interface Size {
  /** Changes from one CPU to another. */
  switches: number;
  /** Interrupts, ticks and jumps of time that were chosen. */
  interruptions: number;
  steps: number;
}

/** A schedule that failed. */
export interface Failure {
  verdict: VerdictKind;
  message: string;
  /** Replays it. */
  token: string;
  /** Which schedule of the search. */
  schedule: number;
  /** The log, as dmesg prints it. */
  log: string[];
  /** What happened, a column for each CPU: `report` as text of 100 columns. */
  interleaving: string;
  /** The same as data: see docs/report.md. */
  report: ScheduleReport;
  /** With verdict 'data race': both accesses. */
  race: RaceReport | null;
  /** What the minimiser made of the schedule that was found; null where it was not asked. */
  minimised: { before: Size; after: Size; schedules: number; complete: boolean } | null;
}

export interface CpuState {
  cpu: number;
  /** `name/pid`, `idle`. */
  task: string;
  /** What runs on top of it: `interrupt (timer)`, `softirq`; '' if nothing. */
  context: string;
  /** The step that it makes next, if it stands before one: `file:line: what`. */
  next: string;
  /** What it waits for and who has it, '' if for nothing. */
  waits: string;
  irqs_off: boolean;
  preempt_count: number;
  /** Tasks that wait for this CPU. */
  queued: number;
  /** Spin locks and rwlocks that it holds. */
  locks: string[];
}
export interface TaskState {
  task: string;
  cpu: number;
  state: 'running' | 'runnable' | 'sleeping' | 'sleeping, uninterruptible' | 'dead' | 'new';
  /** The last step that it made: `file:line: what`; '' if none. */
  last: string;
  waits: string;
  /** Mutexes that it holds. */
  mutexes: string;
}
export interface MachineState {
  /** Steps made. */
  step: number;
  /** Virtual time. */
  ns: number;
  cpus: CpuState[];
  tasks: TaskState[];
  /** A line for each field of what was asked for. */
  shown: { name: string; lines: string[] }[];
}
