// What a report says of one failing schedule: types alone. This is the JSON of `lockstep explore --json` (under
// `failure.report`) and of `Failure.report`; docs/schedule-report.schema.json describes the same, docs/report.md explains
// it. Text and page are drawn from it.
import type { VerdictKind } from '../outcome.js';

/** Raised when a field changes its meaning or goes; new fields do not raise it. */
export const REPORT_VERSION = 1;

export type StepKind =
  /** An access of a field, or of a word that the kernel's inlined code touches. */
  | 'read'
  | 'write'
  /** A kernel primitive. */
  | 'call'
  /** As a call, of one that took or released a lock. */
  | 'lock'
  | 'unlock'
  /** The CPU or the task waits, in the middle of the primitive before. */
  | 'wait'
  /** It has the lock that it waited for. */
  | 'acquired'
  /** An interrupt or a softirq begins on top of what the CPU does, and ends. */
  | 'enter'
  | 'exit'
  /** The task leaves the CPU. */
  | 'leave'
  /** The task has ended. */
  | 'end'
  /** A line of the kernel's log. */
  | 'log';

export interface ReportSite {
  /** Index in `sources`. */
  source: number;
  /** From 1. */
  line: number;
  column: number;
}

/** What a step reads or writes. */
export interface ReportPlace {
  /** As the source names it if that is the same for all: `shared.packets`; else the struct's and the field's names. */
  name: string;
  address: number;
  /** Bytes. */
  size: number;
}

export interface ReportStep {
  /** Position in the report's `steps`. */
  index: number;
  kind: StepKind;
  cpu: number;
  /** Name and pid of the task that runs there, also when an interrupt is on top of it. */
  task: string;
  pid: number;
  /** `task`, `softirq`, or `interrupt (timer)` and the like. */
  context: string;
  /** Interrupts in progress on the CPU. */
  depth: number;
  /** Null for what has no place in the source. */
  site: ReportSite | null;
  /** False for steps inside the kernel's own code. */
  own: boolean;
  /** What happens, in a few words: `write shared.packets = 4`. */
  text: string;
  /** What a primitive is called on, if that is known: `shared.lock`. */
  argument: string | null;
  place: ReportPlace | null;
  /** What the place held before the step and after it: decimal, or 0x… for addresses; null where that is not known. */
  before: string | null;
  after: string | null;
  /** How a read, write or call accesses the place; null where that is not known. */
  access: 'read' | 'write' | 'update' | null;
  /** The access is marked: READ_ONCE, an atomic operation and the like. */
  marked: boolean;
  /** Locks held before the step by the CPU and its task, and after it. */
  locks: string[];
  locks_after: string[];
  irqs_off: boolean;
  preempt_count: number;
  /** Virtual time in nanoseconds. */
  time_ns: number;
}

/** Accesses, or waits, that together make the failure likely. */
export interface ReportConflict {
  kind:
    | 'data race'
    | 'lost update'
    | 'stale check'
    | 'changed between reads'
    | 'overwritten'
    | 'seen half done'
    | 'unordered'
    | 'deadlock'
    | 'missed wake-up'
    | 'use after free';
  /** What it is about: a place's name, or locks. */
  subject: string;
  /** Indices in `steps`, ascending. */
  steps: number[];
  /** One sentence. */
  text: string;
}

/** Where a task was at the end. */
export interface ReportTask {
  task: string;
  pid: number;
  /** The CPU that it ran on last. */
  cpu: number;
  /** Its last step; -1 if it made none. */
  last_step: number;
  site: ReportSite | null;
  state: 'running' | 'waiting' | 'ended';
  /** What it waits for, '' if it does not. */
  waits: string;
}

export interface ReportSource {
  /** Relative to the working directory where that is above it. */
  file: string;
  /** True for the module and its helper files. */
  own: boolean;
  text: string;
}

export interface ScheduleReport {
  format: 'lockstep-schedule-report';
  version: typeof REPORT_VERSION;
  module: string;
  /** The module's file, as in `sources`. */
  file: string;
  parameters: [string, string][];
  /** Of the machine; those that ran are in the steps. */
  cpus: number;
  verdict: VerdictKind;
  message: string;
  /** What went wrong, in one or two sentences for somebody who sees it for the first time. */
  headline: string;
  token: string;
  /** The command line that replays it. */
  replay: string;
  /** Steps at the head of a very long schedule that are not in `steps`. */
  left_out: number;
  steps: ReportStep[];
  /** The most telling one first. */
  conflicts: ReportConflict[];
  tasks: ReportTask[];
  /** The whole log, as dmesg prints it. */
  log: string[];
  sources: ReportSource[];
}
