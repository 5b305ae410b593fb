// Interrupt vectors of a CPU: bit numbers of its pending word. 8 and up are for devices.
export const enum Vector {
  /** Look at the run queue again. */
  RESCHEDULE = 0,
  /** Functions wait in this CPU's call slots. */
  CALL_FUNCTION = 1,
  /** The timekeeper's tick, or this CPU's timer deadline. */
  TIMER = 2,
  /** The host put a request into the mailbox. */
  MAILBOX = 3,
  /** A model or a test interrupts. */
  TEST = 4,
  /** irq_work is queued here, or a tasklet of this CPU can run again. */
  IRQ_WORK = 5,
  /** The first hrtimer of this CPU is due. */
  HRTIMER = 6,
  /** Always pending on a machine with chaos: every step goes by cpu/chaos.ts. No interrupt. */
  CHAOS = 28,
  /** RCU: callbacks are ready here, or a quiescent state is wanted soon. */
  RCU = 7,
  /** Taken at a step even while interrupts are off: print where this CPU is. */
  NMI_BACKTRACE = 29,
  /** Taken at a step even while interrupts are off: the machine ends. */
  STOP = 30,
}
/** The kernel's own, for reports; others have the name of their handler. */
export const VECTOR_NAMES: Readonly<Record<number, string>> = {
  0: 'reschedule',
  1: 'call function',
  2: 'timer',
  3: 'mailbox',
  7: 'RCU',
  5: 'irq work',
  6: 'hrtimer',
};
/** Vectors that `local_irq_disable` does not hold back. */
export const NMI_VECTORS = (1 << Vector.NMI_BACKTRACE) | (1 << Vector.STOP);
/** Bits of the pending word that are interrupts. */
export const INTERRUPTS = ~(1 << Vector.CHAOS);

/** Why a CPU waits in `wait_on`; 0 is not at all. */
export const enum Wait {
  NOTHING = 0,
  IDLE = 1,
  SPIN_LOCK = 2,
  CALL_FUNCTION = 3,
  TIMER_CALLBACK = 4,
  RELAX = 5,
  READ_LOCK = 6,
  WRITE_LOCK = 7,
  SEQCOUNT = 8,
  TASKLET = 16,
  IRQ_WORK = 17,
  HRTIMER = 18,
}
export const WAIT_NAMES: Readonly<Record<number, string>> = {
  0: 'nothing',
  1: 'work',
  2: 'a spin lock',
  3: 'a called function',
  4: 'a running timer',
  5: 'a change',
  6: 'a reader-writer lock',
  7: 'a reader-writer lock',
  8: 'a writer in a seqcount section',
  16: 'a running tasklet',
  17: 'a running irq_work',
  18: 'a running hrtimer',
};

/** What a task or CPU yields: a pause at a step (stepped build only), a switch, a wait for another CPU (stepped only). */
export const PAUSE = 0;
export const SCHEDULE = 1;
export const WAITING = 2;
