// The sequence counter's core, on its byte address. The public types are in linux/seqlock.ts.
// Context: any; only one writer at a time, and nothing that reads may interrupt it on its own CPU.
//
//   +0  sequence   odd while a writer is in its section; readers compare it before and after
//   +4  writer     CPU + 1 of the writer in its section, else 0: for reports, and for a reader that would wait for itself
//
// Both are written by the writer alone. A reader that finds it odd waits for the writer to leave: it spins, then naps,
// since a writer does not know who waits, and the host may have descheduled it.
import { BootFlag, Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { RACE_SEQCOUNT_READS, SEQCOUNT_NAP_MS, SEQCOUNT_SPIN } from '../machine/params.js';
import { clock_ns } from './clock.js';
import { cpu, my } from './context.js';
import { note_contended, note_waited } from './lock-wait.js';
import { marked_next, marked_section, order_acquire, order_release } from './order.js';
import { nap, ring, wait_on } from './park.js';
import { preempt_count } from './preempt.js';
import { a_add, a_ld, a_or, ld, st, STEPPED } from './raw.js';
import { lock_text } from './spinlock.js';
import { step } from './step.js';
import { Wait } from './vectors.js';
import { BUG, task_comm, task_pid, WARN } from '../kernel/panic.js';
import { Event, trace_event_at } from '../kernel/trace.js';

const WRITER = 4;

/** Return: the sequence, even: no writer was in its section. */
export function seqcount_begin(a: number): number {
  const seq = a_ld(a);
  if ((seq & 1) !== 0) return seqcount_begin_slow(a);
  begins(a);
  return seq >>> 0;
}
/** What the section reads may be torn, and is read again then: to the race detector its accesses are marked, as to KCSAN. */
function begins(a: number): void {
  order_acquire(a);
  marked_next(RACE_SEQCOUNT_READS);
}
/** Return: true if what was read since `start` may be torn. */
export function seqcount_changed(a: number, start: number): boolean {
  marked_next(0);
  // JavaScript's atomic load does not hold back earlier plain loads on such a host; a read-modify-write does.
  if ((ld(Mach.FLAGS) & BootFlag.WEAK_MEMORY) !== 0) a_or(my + Pcpu.STAT_OPS, 0);
  return a_ld(a) !== (start | 0);
}

/** A writer is in its section. Return: the sequence, even. */
export function seqcount_begin_slow(a: number): number {
  const began = clock_ns();
  trace_event_at(began, Event.LOCK_WAIT, a, ld(a + WRITER) - 1);
  const outer_reason = ld(my + Pcpu.WAIT_REASON);
  const outer_address = ld(my + Pcpu.WAIT_ADDR);
  st(my + Pcpu.WAIT_ADDR, a);
  st(my + Pcpu.WAIT_REASON, Wait.SEQCOUNT);
  note_contended();
  let seq = a_ld(a);
  for (let n = 0; (seq & 1) !== 0; n++) {
    // What this CPU interrupted can't go on before this returns. A preempted writer can, when this task is preempted.
    if (ld(a + WRITER) === cpu + 1 && preempt_count() !== 0) reads_over_writer(a);
    if (STEPPED) wait_on(Wait.SEQCOUNT, a, () => (a_ld(a) & 1) === 0);
    else if (n > SEQCOUNT_SPIN) nap(SEQCOUNT_NAP_MS);
    step();
    seq = a_ld(a);
  }
  st(my + Pcpu.WAIT_REASON, outer_reason);
  st(my + Pcpu.WAIT_ADDR, outer_address);
  const now = clock_ns();
  trace_event_at(now, Event.LOCK_WAITED, a);
  note_waited(now - began);
  begins(a);
  return seq >>> 0;
}
function reads_over_writer(a: number): never {
  BUG(
    `read of the seqcount ${lock_text(a)} on top of its writer on CPU ${cpu}: it would wait for itself (the writer must keep such readers off: irqsave, bh)`,
  );
}

/** The sequence becomes odd. */
export function seqcount_enter(a: number): void {
  // A full barrier: what the section writes comes after it.
  a_add(a, 1);
  st(a + WRITER, cpu + 1);
  marked_section(1);
}
/** The sequence becomes even. */
export function seqcount_leave(a: number): void {
  marked_section(-1);
  order_release(a);
  st(a + WRITER, 0);
  a_add(a, 1);
  if (STEPPED) ring_readers(a);
}
/** As above, and says so when another writer is in its section, or when none is. */
export function seqcount_enter_checked(a: number): void {
  const seq = a_ld(a);
  if ((seq & 1) !== 0)
    WARN(
      true,
      'write_seqcount_begin: a writer on CPU %d is in the section of the seqcount %s already: writers need a lock',
      ld(a + WRITER) - 1,
      lock_text(a),
    );
  seqcount_enter(a);
}
export function seqcount_leave_checked(a: number): void {
  if ((a_ld(a) & 1) === 0)
    WARN(true, 'write_seqcount_end: nobody is in the section of the seqcount %s, or two writers were', lock_text(a));
  seqcount_leave(a);
}

/** A waiting CPU of the stepped machine is looked at again only when it is told to. */
function ring_readers(a: number): void {
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) {
    const area = percpu_base(c);
    if (ld(area + Pcpu.WAIT_ADDR) === a) ring(area);
  }
}

/** What a reader waits for. */
export function seqcount_text(a: number): string {
  const writer = ld(a + WRITER) - 1;
  const task = writer < 0 ? 0 : ld(percpu_base(writer) + Pcpu.CURRENT);
  return `the writer of the seqcount ${lock_text(a)}${writer < 0 ? '' : ` on CPU ${writer}, which runs ${task_comm(task)}/${task_pid(task)}`}`;
}
