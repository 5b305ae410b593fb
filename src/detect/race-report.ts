// What is known of a data race: types alone, so that the library's declarations do not reach the machinery. See
// docs/races.md for what is one.

export type RaceContext = 'task' | 'softirq' | 'hardirq';

/** One of the two accesses. */
export interface RaceAccess {
  kind: 'read' | 'write' | 'read-write';
  /** READ_ONCE, an atomic and the like: such accesses do not race with each other. */
  marked: boolean;
  /** What made it if it is no plain access of a field: `READ_ONCE`, `atomic_inc`, `memcpy`, `kfree`; '' if it is one. */
  by: string;
  /** Which step of the schedule it belongs to, as `TracedStep`s are counted: from 1. */
  step: number;
  context: RaceContext;
  cpu: number;
  /** The task, or what the interrupt came on top of. */
  task: string;
  pid: number;
  /** Where it is made in the module's source; '' and 0 if that is unknown. */
  file: string;
  line: number;
  column: number;
  /** `function (file:line:column)`, innermost first, kernel code left out. */
  stack: string[];
  /** Locks held there, in the order in which they were taken. */
  locks: string[];
  /** What kept others off this CPU: 'interrupts off', 'softirqs off', 'preemption off', '' if nothing did. */
  disabled: string;
  /** What the place held before and after the access, as the field's type has it; null if more than one load or store. */
  before: string | null;
  after: string | null;
}

export interface RaceReport {
  /** Of the bytes that both accessed. */
  address: number;
  size: number;
  /** The variable or field as a person would call it: `stats.packets of shared`, or the address if nothing is known. */
  object: string;
  /** Where its memory came from: `allocated by worker (file:line:column)`, '' if it is static or unknown. */
  allocated: string;
  /** In the order in which they happened in this schedule. */
  accesses: [RaceAccess, RaceAccess];
  /** What the other order of the two gives: the same values, or which differ. */
  other_order: { differs: boolean; text: string };
}
