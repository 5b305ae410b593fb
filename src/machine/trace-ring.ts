// Reads the flight recorder's rings out of a machine's memory: of one that runs, has failed, or is dead. No lock: what may
// have been overwritten while it was read is left out, and so is the one record that may be half written. The records
// are drawn in kernel/trace-layout.ts.
import { Mach, Pcpu, percpu_base } from './memory-map.js';
import { Event, Trace } from '../kernel/trace-layout.js';
import { Task } from '../sched/task-layout.js';

/** One event, whole. */
export interface TraceEvent {
  cpu: number;
  /** Nanoseconds since boot. */
  time: number;
  /** The time is the clock's; else the event lies between its neighbours, and its place is guessed. */
  exact: boolean;
  event: Event;
  /** The running task; of SWITCH: the one that leaves. */
  pid: number;
  irqs_off: boolean;
  /** Fields as in cpu/preempt.ts; of SWITCH: the state of the task that leaves. */
  preempt_count: number;
  a: number;
  b: number;
  c: number;
  /** Of PRINTK. */
  text: string;
}

/** How far apart events are taken to be where nothing says it. */
const GUESS_NS = 20;
const TRIES = 3;

/** All that can be read of a CPU's ring, oldest first, in order. */
export function read_ring(memory: WebAssembly.Memory, cpu: number): TraceEvent[] {
  const I32 = new Int32Array(memory.buffer);
  const word = (a: number): number => Atomics.load(I32, a >> 2);
  const kept = word(percpu_base(cpu) + Pcpu.TRACE_KEPT);
  const bytes = 1 << (kept & Trace.RING_LOG2);
  const start = kept & ~0xfff;
  if (kept === 0 || start < 0 || start + bytes > memory.buffer.byteLength) return [];
  let best: TraceEvent[] = [];
  for (let i = 0; i < TRIES; i++) {
    const end = word(percpu_base(cpu) + Pcpu.TRACE_HEAD);
    const copy = new Uint8Array(bytes);
    copy.set(new Uint8Array(memory.buffer, start, bytes));
    // The record at the head is being written: over the oldest one.
    const moved = ((word(percpu_base(cpu) + Pcpu.TRACE_HEAD) - end) >>> 0) + Trace.SIZE;
    const events = moved >= bytes ? [] : whole_records(cpu, copy, end, bytes - moved);
    if (events.length >= best.length) best = events;
    if (moved <= bytes >> 1) break;
  }
  const current = word(percpu_base(cpu) + Pcpu.CURRENT);
  return complete(best, current === 0 ? 0 : word(current + Task.PID));
}

/** The records of the last `whole` bytes before count `end`, as they were written: fields may be missing yet. */
function whole_records(cpu: number, ring: Uint8Array, end: number, whole: number): TraceEvent[] {
  const view = new DataView(ring.buffer);
  const mask = ring.length - 1;
  const events: TraceEvent[] = [];
  for (let left = whole; left > 0; left -= Trace.SIZE) {
    const at = (end - left) & mask;
    const word = view.getInt32(at + Trace.WORD, true);
    const event = (word & Trace.EVENT) as Event;
    if (word === 0 || event === Event.TEXT) continue; // never written; the rest of a text whose beginning is gone
    const exact = (word & Trace.TIMED) !== 0;
    const a = view.getInt32(at + Trace.A, true);
    let text = '';
    if (event === Event.PRINTK) {
      const parts: Uint8Array[] = [];
      for (let n = 0; n < a && left > Trace.SIZE; n += Trace.TEXT_BYTES) {
        left -= Trace.SIZE;
        const from = (end - left) & mask;
        parts.push(ring.subarray(from, from + Trace.WORD), ring.subarray(from + Trace.A, from + Trace.SIZE));
      }
      text = Buffer.concat(parts).subarray(0, a).toString();
    }
    events.push({
      cpu,
      time: exact ? view.getFloat64(at + Trace.TIME, true) : NaN,
      exact,
      event,
      pid: exact ? view.getInt32(at + Trace.PID, true) : -1,
      irqs_off: (word & Trace.IRQS_OFF) !== 0,
      preempt_count: word >>> Trace.PREEMPT_SHIFT,
      a,
      b: view.getInt32(at + Trace.B, true),
      c: view.getInt32(at + Trace.C, true),
      text,
    });
  }
  return events;
}

/** Fills in what frequent events leave out: the task from the last switch, the time between the exact neighbours. */
function complete(events: TraceEvent[], current: number): TraceEvent[] {
  let pid = events.find((e) => e.exact)?.pid ?? current;
  let last = -1; // the exact event before
  for (let i = 0; i < events.length; i++) {
    const e = events[i]!;
    if (e.exact) {
      // The clock of a switch was read a little before events that were recorded earlier.
      if (last >= 0) e.time = Math.max(e.time, events[last]!.time);
      place(events, last, i);
      last = i;
    } else e.pid = pid;
    pid = e.event === Event.SWITCH ? e.a : e.pid;
  }
  place(events, last, events.length);
  return events;
}
/** Spreads the times of the events between two exact ones; -1 and the length stand for none. */
function place(events: TraceEvent[], before: number, after: number): void {
  const n = after - before;
  const from = before >= 0 ? events[before]!.time : after < events.length ? events[after]!.time - n * GUESS_NS : 0;
  const to = after < events.length ? events[after]!.time : from + n * GUESS_NS;
  for (let i = before + 1; i < after; i++) events[i]!.time = from + ((to - from) * (i - before)) / n;
}

/** The events of all CPUs in order of time. */
export function merged_events(memory: WebAssembly.Memory): TraceEvent[] {
  const cpus = Atomics.load(new Int32Array(memory.buffer), Mach.CPUS >> 2);
  const all: TraceEvent[] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    for (const event of read_ring(memory, cpu)) all.push(event);
  }
  return all.sort((a, b) => a.time - b.time || a.cpu - b.cpu);
}

/** Names of tasks by pid: those that exist now, and of the others the first letters that a switch has noted. */
export function task_names(memory: WebAssembly.Memory, events: readonly TraceEvent[]): Map<number, string> {
  const I32 = new Int32Array(memory.buffer);
  const U8 = new Uint8Array(memory.buffer);
  const names = new Map<number, string>();
  for (const { event, a, b, c } of events)
    if (event === Event.SWITCH && a !== 0) names.set(a, text_of([b, c].flatMap((w) => [w, w >> 8, w >> 16, w >> 24])));
  const word = (a: number): number => (a > 0 && a < U8.length ? Atomics.load(I32, a >> 2) : 0);
  for (let at = word(Mach.TASK_LIST), n = 0; at !== Mach.TASK_LIST && at !== 0 && n < 100_000; at = word(at), n++) {
    const task = at - Task.TASKS;
    names.set(word(task + Task.PID), text_of(U8.slice(task + Task.COMM, task + Task.COMM + 16)));
  }
  return names;
}
function text_of(bytes: Iterable<number>): string {
  let text = '';
  for (const byte of bytes) {
    if ((byte & 0xff) === 0) break;
    text += String.fromCharCode(byte & 0xff);
  }
  return text;
}
