// What decides the interleaving of a stepped machine. A strategy is asked at each decision point: when the CPU that ran
// has reached the length it was given, waits, sleeps or has ended, and when something happened that lets others run.
// Strategies are one file each in explore/strategies/; nothing else knows which one runs.

/** What the machine offers at a decision point. Reused from one call to the next. */
export interface View {
  /** CPUs that can go on, ascending; the first `count` are valid. */
  readonly cpus: Int32Array;
  count: number;
  /** The CPU that ran last, -1 at the beginning; it may not be able to go on. */
  last: number;
  /** It has made all the steps of a firm decision: it neither waits nor has ended by itself. */
  used_up: boolean;
  /** True for a CPU in `cpus` that has an interrupt pending which it could take on top of what it runs. */
  readonly pending: Uint8Array;
  /** True for a CPU on which another task waits for the one that runs: a tick could preempt it. */
  readonly contended: Uint8Array;
  /** True if a timer is armed that is due soon: time may jump to it. */
  timers: boolean;
  /** Steps of the schedule so far. */
  steps(): number;
  /** Who would go on at CPU `c`, see `Context`. */
  context(c: number): number;
  /**
   * What the next step of CPU `c` touches: a number for the field, shifted left by one, and 1 if the step may write it.
   * 0 if that is not known, or the CPU does not stand before a step.
   */
  place(c: number): number;
}

/** What `View.context` says: a number and, in the two low bits, of what. */
export const enum Context {
  /** The task with this pid. */
  TASK = 0,
  /** Whatever is queued for this CPU, or may be taken from another one: nothing runs there. */
  IDLE = 1,
  /** An interrupt that is in progress on this CPU. */
  INTERRUPT = 2,
}
export const CONTEXT_BITS = 2;

export const enum Action {
  /** Go on with what runs there. */
  RUN = 0,
  /** Take the pending interrupt first. */
  INTERRUPT = 1,
  /** A tick arrives at this CPU now. Time passes, unless a timer that is due waits to be run: deadlines keep their order. */
  TICK = 2,
  /** Time jumps to the next timer's deadline, whose interrupt is pending from then on; this CPU goes on. */
  TIMER = 3,
}

/** Filled in by the strategy. */
export interface Decision {
  cpu: number;
  action: Action;
  /** How many steps the CPU makes before the next decision, at most; 0 is one pause later. */
  steps: number;
  /** False: the run also ends when something happens that lets another CPU go on. */
  firm: boolean;
}

export interface Strategy {
  readonly name: string;
  /** A new schedule begins. */
  begin(schedule: number): void;
  decide(view: View, decision: Decision): void;
  /** The schedule is over, after this many steps. */
  end?(steps: number): void;
}
