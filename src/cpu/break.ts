// noinstr: never transformed, never interrupted.
// Controls for the tests: parts of the kernel that can be broken on purpose, because a torture test that cannot fail
// proves nothing. Set by MachineOptions.break_for_test before the boot, 0 in every other machine. Asked on slow paths
// only: before parking, when an interrupt is raised, when a wait begins.
import { Mach } from '../machine/memory-map.js';
import { ld } from './raw.js';

export const enum Break {
  /** A CPU looks for work, then announces that it sleeps: a wake-up in between is lost. */
  LOOK_BEFORE_ANNOUNCE = 1,
  /** Raising a vector reads, changes and writes the pending word: another's vector in between is lost. */
  PLAIN_PENDING = 2,
  /** A waiter for a spin lock takes it as soon as it has seen it free, without a compare-exchange. */
  LOCK_WITHOUT_CAS = 4,
  /** A function call to another CPU is announced before its slot is written. */
  CALL_BEFORE_FILL = 16,
  /** A mutex is never handed to the waiter that was passed over. */
  NO_HANDOFF = 128,
  /** del_timer_sync does not wait for a running function. */
  DEL_TIMER_SYNC = 8,
  /** The driver of attempts for C forgets the frame of the call over the sleep. */
  C_FRAME_LOST = 32,
  /** Where a C task was suspended is kept by the CPU that it was suspended on, not in the task's memory. */
  C_STATE_IN_JS = 64,
}
/** By name, for MachineOptions.break_for_test. */
export const BREAKS: Readonly<Record<string, number>> = {
  'look-before-announce': Break.LOOK_BEFORE_ANNOUNCE,
  'plain-pending': Break.PLAIN_PENDING,
  'lock-without-cas': Break.LOCK_WITHOUT_CAS,
  'call-before-fill': Break.CALL_BEFORE_FILL,
  'no-handoff': Break.NO_HANDOFF,
  'del-timer-sync': Break.DEL_TIMER_SYNC,
  'c-frame-lost': Break.C_FRAME_LOST,
  'c-state-in-js': Break.C_STATE_IN_JS,
};

export const breaks = (what: Break): boolean => (ld(Mach.BREAK) & what) !== 0;

/** A window for the race, wide enough to be hit on any host. */
export function linger(turns: number): void {
  for (let n = 0; n < turns; n++) ld(Mach.BREAK);
}
