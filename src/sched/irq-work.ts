// irq_work: a function that any context, an interrupt or a section with interrupts off included, has run in interrupt
// context as soon as that can be. linux/irq_work.ts has the public names.
//
// FLAGS: PENDING from the claim until just before the function runs; BUSY until it has run. Who sets PENDING owns NEXT and
// pushes the item onto the list of a CPU, which takes the whole list at once. Lazy ones wait for that CPU's tick.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, my } from '../cpu/context.js';
import { wait_on } from '../cpu/park.js';
import { in_hardirq } from '../cpu/preempt.js';
import { order_acquire, order_release } from '../cpu/order.js';
import { a_add, a_and, a_cas, a_ld, a_or, a_sub, a_xchg, ld, st } from '../cpu/raw.js';
import { ring_waiters } from '../cpu/ring-waiters.js';
import { lock_text } from '../cpu/spinlock.js';
import { raise_vector } from '../cpu/step.js';
import { Vector, Wait } from '../cpu/vectors.js';
import { BUG, WARN } from '../kernel/panic.js';
import { call_text } from '../kernel/text.js';
import { Event, trace_event } from '../kernel/trace.js';
import { publish_lazy } from './timer.js';
import { IRQ_WORK_BUSY, IRQ_WORK_LAZY, IRQ_WORK_PENDING, IrqWork } from './work-layout.js';

export function init_irq_work_raw(work: number, fn: number, flags: number): void {
  st(work + IrqWork.NEXT, 0);
  st(work + IrqWork.FLAGS, flags);
  st(work + IrqWork.FUNC, fn);
}

function claim(work: number): boolean {
  if (ld(work + IrqWork.FUNC) === 0)
    BUG(`irq_work_queue: ${lock_text(work)} has no function: set it up with init_irq_work`);
  return (a_or(work + IrqWork.FLAGS, IRQ_WORK_PENDING | IRQ_WORK_BUSY) & IRQ_WORK_PENDING) === 0;
}
function push(list: number, work: number): void {
  for (;;) {
    const first = a_ld(list);
    st(work + IrqWork.NEXT, first);
    if (a_cas(list, first, work) === first) return;
  }
}

/** Queues it at CPU `on`. Context: any. Return: false if it is pending already, there or elsewhere. */
export function irq_work_queue_raw(work: number, on: number): boolean {
  if (WARN(on < 0 || on >= ld(Mach.CPUS), 'irq_work_queue_on: there is no CPU %d', on)) return false;
  order_release(work);
  if (!claim(work)) return false;
  const area = percpu_base(on);
  if (on === cpu && (ld(work + IrqWork.FLAGS) & IRQ_WORK_LAZY) !== 0) {
    // It keeps the machine from being idle, as a timer does.
    a_add(Mach.NR_TIMERS, 1);
    push(area + Pcpu.IRQ_WORK_LAZY, work);
    publish_lazy();
  } else {
    push(area + Pcpu.IRQ_WORK, work);
    raise_vector(area, Vector.IRQ_WORK);
  }
  return true;
}

/** Newest first, as in Linux. */
function run_list(first: number, lazy: boolean): void {
  for (let next = first; next !== 0;) {
    const work = next;
    next = ld(work + IrqWork.NEXT);
    a_and(work + IrqWork.FLAGS, ~IRQ_WORK_PENDING); // from here on it may be queued again
    trace_event(Event.WORK_START, work, ld(work + IrqWork.FUNC));
    order_acquire(work);
    order_acquire(work + 4);
    call_text(ld(work + IrqWork.FUNC), work);
    order_release(work + 4);
    trace_event(Event.WORK_END, work, 0);
    finished(work, lazy);
  }
}
function finished(work: number, lazy: boolean): void {
  if (lazy) a_sub(Mach.NR_TIMERS, 1);
  // The function may have freed what the item lies in only if nobody waits for it: as in Linux, BUSY is still its.
  const flags = a_ld(work + IrqWork.FLAGS);
  if ((flags & IRQ_WORK_PENDING) === 0) a_cas(work + IrqWork.FLAGS, flags, flags & ~IRQ_WORK_BUSY);
  ring_waiters(Wait.IRQ_WORK);
}
/** Context: hardirq. */
export function irq_work_run(): void {
  if (ld(my + Pcpu.IRQ_WORK) !== 0) run_list(a_xchg(my + Pcpu.IRQ_WORK, 0), false);
}
/** The tick's part. Context: hardirq. */
export function irq_work_tick(): void {
  const first = a_xchg(my + Pcpu.IRQ_WORK_LAZY, 0);
  publish_lazy();
  run_list(first, true);
}

/** Waits, busy, until it is neither pending nor running. Context: interrupts on, not its own function. */
export function irq_work_sync_raw(work: number): void {
  if (in_hardirq()) WARN(true, 'irq_work_sync in a hard interrupt can deadlock');
  wait_on(Wait.IRQ_WORK, work, () => (a_ld(work + IrqWork.FLAGS) & IRQ_WORK_BUSY) === 0);
  order_acquire(work + 4);
}
export const irq_work_is_pending_raw = (work: number): boolean => (a_ld(work + IrqWork.FLAGS) & IRQ_WORK_PENDING) !== 0;
export const irq_work_is_busy_raw = (work: number): boolean => (a_ld(work + IrqWork.FLAGS) & IRQ_WORK_BUSY) !== 0;
