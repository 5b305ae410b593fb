// noinstr: never transformed, never interrupted.
// Parking a CPU: one word per CPU for everything it may wait for. A CPU parked on a lock's word would miss its IPIs,
// and legal code would deadlock.
//
// The sleeper announces itself (BELL = 1), then looks again; the waker publishes its reason, then looks for a sleeper.
// Both sides are sequentially consistent, so at least one of them sees the other. With either pair of lines swapped a
// wake-up can be lost; the test's broken control does exactly that.
//
// Replaced by stepped/park.ts in the stepped build, where a waiting CPU is ineligible instead.
import { PARK_LIMIT_MS, RING_GRACE_MS, WAIT_SPIN } from '../machine/params.js';
import { Mach, Pcpu, State } from '../machine/memory-map.js';
import { Break, breaks, linger } from './break.js';
import { my } from './context.js';
import { a_ld, a_st, a_xchg, futex_wait, futex_wake, ld, st } from './raw.js';
import { step } from './step.js';
import { INTERRUPTS, type Wait } from './vectors.js';

/** Wakes the CPU whose area this is, if it is parked. The reason must have been published before. Context: any. */
export function ring(area: number): void {
  if (a_ld(area + Pcpu.BELL) === 1 && a_xchg(area + Pcpu.BELL, 0) === 1) futex_wake(area + Pcpu.BELL, 1);
}

/** True when a parked CPU has to get up whatever it waits for. */
export function disturbed(): boolean {
  const pending = a_ld(my + Pcpu.PENDING) & INTERRUPTS;
  if (pending === 0) return false;
  return ld(my + Pcpu.IRQ_OFF) === 0 || a_ld(Mach.STATE) !== State.RUNNING;
}

/**
 * Parks this CPU until its bell rings, unless `ready()` or an interrupt that may be taken is there already. Returns at
 * the latest after PARK_LIMIT_MS; a time-out that finds `ready()` true, and no bell after it, is counted as a lost
 * wake-up.
 */
export function park_unless(ready: () => boolean, limit: number = PARK_LIMIT_MS): void {
  if (breaks(Break.LOOK_BEFORE_ANNOUNCE)) return park_broken(ready, limit);
  a_st(my + Pcpu.BELL, 1);
  if (!ready() && !disturbed()) sleep(ready, limit);
  a_st(my + Pcpu.BELL, 0);
}
function sleep(ready: () => boolean, limit: number): void {
  st(my + Pcpu.STAT_PARKS, ld(my + Pcpu.STAT_PARKS) + 1);
  if (futex_wait(my + Pcpu.BELL, 1, limit) !== 'timed-out' || !(ready() || disturbed())) return;
  // The waker may be between its reason and the bell, and without a core of the host: it gets some time.
  if (futex_wait(my + Pcpu.BELL, 1, RING_GRACE_MS) === 'timed-out')
    st(my + Pcpu.STAT_LOST_WAKEUPS, ld(my + Pcpu.STAT_LOST_WAKEUPS) + 1);
}
/** The broken control: the two lines swapped. */
function park_broken(ready: () => boolean, limit: number): void {
  if (ready() || disturbed()) return;
  linger(2000);
  a_st(my + Pcpu.BELL, 1);
  sleep(ready, limit);
  a_st(my + Pcpu.BELL, 0);
}

/**
 * Waits for another CPU: spins a bounded time, taking interrupts if they are on, then parks. Whoever makes
 * `condition` true must `ring` this CPU afterwards. Reason and address are for reports.
 */
export function wait_on(reason: Wait, address: number, condition: () => boolean): void {
  if (condition()) return;
  const outer_reason = ld(my + Pcpu.WAIT_REASON);
  const outer_address = ld(my + Pcpu.WAIT_ADDR);
  st(my + Pcpu.WAIT_ADDR, address);
  st(my + Pcpu.WAIT_REASON, reason);
  for (let n = 0; !condition(); n++) {
    step();
    if (n >= WAIT_SPIN) park_unless(condition);
  }
  st(my + Pcpu.WAIT_REASON, outer_reason);
  st(my + Pcpu.WAIT_ADDR, outer_address);
}

/** For a loop that waits for another CPU's write: lets interrupts in. Context: any. */
export function cpu_relax(): void {
  step();
}

/** Sleeps `ms` at most, a fraction too, where nobody will ring but for an interrupt: the writer of a seqcount does not. */
export function nap(ms: number): void {
  a_st(my + Pcpu.BELL, 1);
  if (!disturbed()) futex_wait(my + Pcpu.BELL, 1, ms);
  a_st(my + Pcpu.BELL, 0);
}
