// noinstr: never transformed, never interrupted.
// Waiting for a spin lock when there are more emulated CPUs than host cores. Replaced by stepped/spin-slow.ts.
//
// A ticket or MCS hand-over to a waiter that the host has descheduled costs a time slice (a strict queue keeps 1 % of
// the throughput), so the lock is released, never handed over, and whoever runs may take it; H bounds that in time.
// The first waiter alone watches the word, the others sleep on their own CPU's bell.
import {
  LOCK_HEAD_SPIN,
  LOCK_NODE_SPIN,
  LOCK_PATIENCE_MS,
  LOCK_STARVED_MS,
  LOCK_STEAL_TRIES,
} from '../machine/params.js';
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { Break, breaks, linger } from './break.js';
import { cpu, my } from './context.js';
import { clock_ns } from './clock.js';
import { a_cas, a_ld, a_st, ld, ldf64, st, stf64 } from './raw.js';
import { LockKind, note_contention } from './lock-stat.js';
import { park_unless, ring } from './park.js';
import { HANDOFF, HEAD, HOLDER, lock_text, SLEEPS, spin_holder, TAIL } from './spinlock.js';
import { step } from './step.js';
import { Wait } from './vectors.js';
import { BUG, report } from '../kernel/panic.js';
import { Event, trace_event, trace_event_at } from '../kernel/trace.js';

const LEVELS = 4;
const NODE_BYTES = 32;
// A node: the next waiter's tail code, then 1 once this waiter is the first.
const NEXT = 0;
const FIRST = 4;
const node_at = (code: number): number => percpu_base((code >>> 2) - 1) + Pcpu.NODES + (code & 3) * NODE_BYTES;

/**
 * The lock was not free. Returns holding it. Interrupts are taken while waiting if they are on.
 */
export function spin_lock_slow(a: number): void {
  const me = cpu + 1;
  if ((a_ld(a) & HOLDER) === me) BUG(`spin lock recursion: CPU ${cpu} already holds ${lock_text(a)}`);
  const began = clock_ns();
  trace_event_at(began, Event.LOCK_WAIT, a, spin_holder(a));
  const outer_reason = ld(my + Pcpu.WAIT_REASON);
  const outer_address = ld(my + Pcpu.WAIT_ADDR);
  st(my + Pcpu.WAIT_ADDR, a);
  st(my + Pcpu.WAIT_REASON, Wait.SPIN_LOCK);
  st(my + Pcpu.STAT_CONTENDED, ld(my + Pcpu.STAT_CONTENDED) + 1);
  if (!steal(a, me)) queue(a, me, began);
  st(my + Pcpu.WAIT_REASON, outer_reason);
  st(my + Pcpu.WAIT_ADDR, outer_address);
  const now = clock_ns();
  const ns = now - began;
  trace_event_at(now, Event.LOCK_WAITED, a);
  note_contention(a, LockKind.SPIN, ns);
  const waited = ns / 1e6;
  if (waited > ldf64(my + Pcpu.STAT_WORST_WAIT)) stf64(my + Pcpu.STAT_WORST_WAIT, waited);
}

function steal(a: number, me: number): boolean {
  for (let n = 0; n < LOCK_STEAL_TRIES; n++) {
    const word = a_ld(a);
    if ((word & (HOLDER | HANDOFF)) === 0) {
      if (breaks(Break.LOCK_WITHOUT_CAS)) return take_broken(a, word | me);
      if (a_cas(a, word, word | me) === word) return true;
    }
    step();
  }
  return false;
}

/** The broken control of the lock's tests. */
function take_broken(a: number, word: number): boolean {
  linger(20_000);
  a_st(a, word);
  return true;
}

function queue(a: number, me: number, began: number): void {
  const level = ld(my + Pcpu.NODE_DEPTH);
  if (level >= LEVELS) BUG('spin_lock: nested deeper than task, softirq, hardirq and NMI');
  st(my + Pcpu.NODE_DEPTH, level + 1);
  const code = (me << 2) | level;
  const mine = node_at(code);
  a_st(mine + NEXT, 0);
  a_st(mine + FIRST, 0);
  const tail = code << 23;
  let word: number;
  do word = a_ld(a);
  while (a_cas(a, word, (word & ~TAIL) | tail) !== word);
  const previous = word >>> 23;
  if (previous !== 0) {
    a_st(node_at(previous) + NEXT, code);
    const first = (): boolean => a_ld(mine + FIRST) !== 0;
    for (let n = 0; !first(); n++) {
      step();
      if (n > LOCK_NODE_SPIN) park_unless(first);
    }
  }
  watch(a, me, tail, mine, began);
  st(my + Pcpu.NODE_DEPTH, level);
}

/** First of the queue: takes the lock when it is free, and makes the next waiter the first. */
function watch(a: number, me: number, tail: number, mine: number, began: number): void {
  const free = (): boolean => (a_ld(a) & HOLDER) === 0;
  const starved = LOCK_STARVED_MS * Math.max(1, ld(Mach.CPUS) / Math.max(1, ld(Mach.CORES)));
  let since = 0;
  let late = false;
  let reported = false;
  for (let n = 0; ; n++) {
    const word = a_ld(a);
    if ((word & HOLDER) === 0) {
      const last = (word & TAIL) === tail;
      if (a_cas(a, word, last ? me : (word & TAIL) | me) !== word) continue;
      if (!last) promote_next(mine);
      return;
    }
    step();
    if (n < LOCK_HEAD_SPIN) continue;
    const want = (word & ~HEAD) | (me << 16) | SLEEPS | (late ? HANDOFF : 0);
    if (word !== want && a_cas(a, word, want) !== word) continue;
    park_unless(free);
    const now = clock_ns();
    if (since === 0) since = now;
    else late = now - since > LOCK_PATIENCE_MS * 1e6;
    if (!reported && now - began > starved * 1e6) {
      reported = true;
      report(
        `spin lock starvation: CPU ${cpu} has waited ${Math.round((now - began) / 1e9)} s for ${lock_text(a)}, held by CPU ${spin_holder(a)}`,
      );
    }
    n = LOCK_HEAD_SPIN >> 1;
  }
}

/** The lock at `a` was released, and its first waiter sleeps: `word` is what the lock's word was. */
export function wake_waiter(a: number, word: number): void {
  const waiter = ((word & HEAD) >>> 16) - 1;
  trace_event(Event.LOCK_PASS, a, waiter);
  ring(percpu_base(waiter));
}

function promote_next(mine: number): void {
  let next: number;
  // The next waiter is between its two stores: putting itself into the tail, and linking behind this node.
  while ((next = a_ld(mine + NEXT)) === 0);
  a_st(node_at(next) + FIRST, 1);
  ring(percpu_base((next >>> 2) - 1));
}
