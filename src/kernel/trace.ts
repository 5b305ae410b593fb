// noinstr: never transformed, never interrupted.
// The flight recorder: each CPU writes what happens on it into a ring of its own, for reports and for traces. No lock and
// no wait; off, or with no ring, an event is a load and a branch. Context: any, NMI included. The stepped build replaces
// this file by stepped/trace.ts, which records nothing.
//
// Only the owner writes a ring. There is no step in here, so no interrupt comes in the middle of a record; TRACE_HEAD
// moves when the record is whole, so a reader on another thread never takes a torn one for whole, nor does the reader
// of a CPU that was killed. Records are drawn in trace-layout.ts.
//
// To read the clock takes longer than a lock does. Only rare events have their own time; of the frequent ones about each
// TRACE_CLOCK_EVERY-th, and readers place the others between their neighbours.
import { Mach, PAGE_SHIFT, Pcpu, percpu_base } from '../machine/memory-map.js';
import { TRACE_CLOCK_EVERY, TRACE_TEXT_MAX } from '../machine/params.js';
import { clock_ns } from '../cpu/clock.js';
import { my } from '../cpu/context.js';
import { F64, I32, ld, st, st8, stf64 } from '../cpu/raw.js';
import { Task } from '../sched/task-layout.js';
import { Event, type Finding, Trace } from './trace-layout.js';
import { encode_utf8 } from './utf8.js';
import { format } from './vsprintf.js';

export { Event, Finding } from './trace-layout.js';

const CLOCK_MASK = (TRACE_CLOCK_EVERY << Trace.SIZE_LOG2) - 1;
const PAGE_MASK = (1 << PAGE_SHIFT) - 1;

/** Where the record with that number goes. */
const slot_of = (ring: number, head: number): number =>
  (ring & ~PAGE_MASK) + (head & ((1 << (ring & Trace.RING_LOG2)) - 1));

/**
 * Records an event with its time. a, b and c are what the comment of the event says. Takes about 50 ns: for what happens
 * less often than every microsecond.
 */
export function trace_event(event: Event, a: number, b = 0, c = 0): void {
  const ring = ld(my + Pcpu.TRACE_RING);
  if (ring !== 0) record(ring, clock_ns(), event, a, b, c);
}
/** As trace_event, for a caller that has just read the clock. */
export function trace_event_at(now: number, event: Event, a: number, b = 0, c = 0): void {
  const ring = ld(my + Pcpu.TRACE_RING);
  if (ring !== 0) record(ring, now, event, a, b, c);
}

// Below the array itself is used, not ld and st: the compiler has to see that it is the same one at each access, or an
// event takes twice as long. And there is no call: what is known before one has to be read again after it.

/** Records an event without its time: for what may happen every 20 ns. */
export function trace_fast(event: Event, a: number, b: number): void {
  const words = I32;
  const mine = my >> 2;
  const ring = words[mine + (Pcpu.TRACE_RING >> 2)]!;
  if (ring === 0) return;
  const head = words[mine + (Pcpu.TRACE_HEAD >> 2)]!;
  const at = slot_of(ring, head) >> 2;
  words[at + (Trace.WORD >> 2)] =
    event |
    (words[mine + (Pcpu.IRQ_OFF >> 2)]! << Trace.IRQS_OFF_SHIFT) |
    (words[mine + (Pcpu.PREEMPT >> 2)]! << Trace.PREEMPT_SHIFT);
  words[at + (Trace.A >> 2)] = a;
  words[at + (Trace.B >> 2)] = b;
  words[mine + (Pcpu.TRACE_HEAD >> 2)] = head + Trace.SIZE;
}
/** As trace_fast, for events with one word: a lock is taken. */
export function trace_begin(event: Event, a: number): void {
  const words = I32;
  const mine = my >> 2;
  const ring = words[mine + (Pcpu.TRACE_RING >> 2)]!;
  if (ring === 0) return;
  const head = words[mine + (Pcpu.TRACE_HEAD >> 2)]!;
  const at = slot_of(ring, head) >> 2;
  words[at + (Trace.WORD >> 2)] =
    event |
    (words[mine + (Pcpu.IRQ_OFF >> 2)]! << Trace.IRQS_OFF_SHIFT) |
    (words[mine + (Pcpu.PREEMPT >> 2)]! << Trace.PREEMPT_SHIFT);
  words[at + (Trace.A >> 2)] = a;
  words[mine + (Pcpu.TRACE_HEAD >> 2)] = head + Trace.SIZE;
}
/** As trace_begin, for the other half of a pair: a lock is released, memory is freed. Reads the clock now and then. */
export function trace_end(event: Event, a: number): void {
  const words = I32;
  const mine = my >> 2;
  const ring = words[mine + (Pcpu.TRACE_RING >> 2)]!;
  if (ring === 0) return;
  const head = words[mine + (Pcpu.TRACE_HEAD >> 2)]!;
  // Two places of the ring: where pairs follow each other, the second halves may never come to one of them.
  if ((head & CLOCK_MASK) < 2 * Trace.SIZE) return record(ring, clock_ns(), event, a, 0, 0);
  const at = slot_of(ring, head) >> 2;
  words[at + (Trace.WORD >> 2)] =
    event |
    (words[mine + (Pcpu.IRQ_OFF >> 2)]! << Trace.IRQS_OFF_SHIFT) |
    (words[mine + (Pcpu.PREEMPT >> 2)]! << Trace.PREEMPT_SHIFT);
  words[at + (Trace.A >> 2)] = a;
  words[mine + (Pcpu.TRACE_HEAD >> 2)] = head + Trace.SIZE;
}

function record(ring: number, now: number, event: Event, a: number, b: number, c: number): void {
  const head = ld(my + Pcpu.TRACE_HEAD);
  const at = slot_of(ring, head);
  const task = ld(my + Pcpu.CURRENT);
  stf64(at + Trace.TIME, now);
  st(at + Trace.WORD, event | Trace.TIMED | context_bits());
  st(at + Trace.PID, task === 0 ? 0 : ld(task + Task.PID));
  st(at + Trace.A, a);
  st(at + Trace.B, b);
  st(at + Trace.C, c);
  st(my + Pcpu.TRACE_HEAD, head + Trace.SIZE);
}
const context_bits = (): number =>
  (ld(my + Pcpu.IRQ_OFF) << Trace.IRQS_OFF_SHIFT) | (ld(my + Pcpu.PREEMPT) << Trace.PREEMPT_SHIFT);

/**
 * The CPU goes from task `previous` (0: idle) to `next` (0: idle); `now` is the clock. Interrupts are on here and nothing
 * is held, so the bits of the preemption count hold the state that `previous` left with.
 */
export function trace_switch(now: number, previous: number, next: number): void {
  const words = I32;
  const mine = my >> 2;
  const ring = words[mine + (Pcpu.TRACE_RING >> 2)]!;
  if (ring === 0 || previous === next) return;
  const head = words[mine + (Pcpu.TRACE_HEAD >> 2)]!;
  const at = slot_of(ring, head) >> 2;
  F64[at >> 1] = now;
  // An idle task is 0 here: these words of the null page are 0.
  const from = previous >> 2;
  const to = next >> 2;
  const state = words[from + (Task.ON_RQ >> 2)]! !== 0 ? 0 : words[from + (Task.STATE >> 2)]!;
  words[at + (Trace.PID >> 2)] = words[from + (Task.PID >> 2)]!;
  words[at + (Trace.WORD >> 2)] = Event.SWITCH | Trace.TIMED | (state << Trace.PREEMPT_SHIFT);
  words[at + (Trace.A >> 2)] = words[to + (Task.PID >> 2)]!;
  words[at + (Trace.B >> 2)] = words[to + (Task.COMM >> 2)]!;
  words[at + (Trace.C >> 2)] = words[to + (Task.COMM >> 2) + 1]!;
  words[mine + (Pcpu.TRACE_HEAD >> 2)] = head + Trace.SIZE;
}

/**
 * A trace point of a module: formats as printk does and puts the text into this CPU's ring, not into the log.
 * TRACE_TEXT_MAX bytes of it are kept. Context: any.
 */
export function trace_printk(fmt: string, ...args: unknown[]): void {
  const ring = ld(my + Pcpu.TRACE_RING);
  if (ring === 0) return;
  const text = format(fmt, args);
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  const bytes = Math.min(TRACE_TEXT_MAX, encode_utf8(line, nowhere));
  record(ring, clock_ns(), Event.PRINTK, bytes, 0, 0);
  const first = ld(my + Pcpu.TRACE_HEAD);
  encode_utf8(line, (byte, i) => {
    if (i >= bytes) return;
    const inside = i % Trace.TEXT_BYTES;
    const at = slot_of(ring, first + (Math.floor(i / Trace.TEXT_BYTES) << Trace.SIZE_LOG2));
    if (inside === 0) text_record(ring);
    st8(at + inside + (inside < Trace.WORD ? 0 : Trace.A - Trace.WORD), byte);
  });
}
/** One at a time: a reader leaves out only the record that is being written. */
function text_record(ring: number): void {
  const head = ld(my + Pcpu.TRACE_HEAD);
  st(slot_of(ring, head) + Trace.WORD, Event.TEXT);
  st(my + Pcpu.TRACE_HEAD, head + Trace.SIZE);
}
const nowhere = (): void => {};

/** An oops, a warning, a report or a panic: the last event, so that what led to it is not overwritten. Context: any. */
export function trace_finding(what: Finding): void {
  trace_event(Event.FINDING, what);
  tracing_off();
}

/** Stops recording on all CPUs; what has been recorded stays. Also done by the first finding. Context: any. */
export function tracing_off(): void {
  st(Mach.TRACE_OFF, 1);
  for (let c = 0; c < ld(Mach.CPUS); c++) st(percpu_base(c) + Pcpu.TRACE_RING, 0);
}
/** Goes on recording. Context: any. */
export function tracing_on(): void {
  st(Mach.TRACE_OFF, 0);
  for (let c = 0; c < ld(Mach.CPUS); c++) st(percpu_base(c) + Pcpu.TRACE_RING, ld(percpu_base(c) + Pcpu.TRACE_KEPT));
}
/** Return: 1 unless recording was stopped; 1 also on a machine that was booted without a recorder. Context: any. */
export const tracing_is_on = (): number => (ld(Mach.TRACE_OFF) === 0 ? 1 : 0);

/**
 * Gives each CPU its ring: `Mach.TRACE_EVENTS` records, 0 for none. `pages(order)` allocates and returns an address.
 * Context: boot, CPU 0.
 */
export function trace_init(pages: (order: number) => number): void {
  const records = ld(Mach.TRACE_EVENTS);
  if (records === 0) return;
  const log2 = 31 - Math.clz32(records) + Trace.SIZE_LOG2;
  for (let c = 0; c < ld(Mach.CPUS); c++) {
    const ring = pages(Math.max(0, log2 - PAGE_SHIFT));
    if (ring === 0) return; // it is off then: a trace without some of the CPUs would mislead
    st(percpu_base(c) + Pcpu.TRACE_KEPT, ring | log2);
  }
  tracing_on();
}
