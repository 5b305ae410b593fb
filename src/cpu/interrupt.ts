// Interrupt entry and exit of a CPU. Hooks for tracing, RCU and accounting hang in `irq_enter` and `irq_exit`, once.
// In the free-running build a handler is a call on top of what it interrupts; in the stepped build the machine pushes
// `run_interrupt` as an activation of its own.
import { Mach, Pcpu } from '../machine/memory-map.js';
import { cpu, my } from './context.js';
import { do_softirq_own_stack } from './softirq.js';
import { HARDIRQ_OFFSET, in_interrupt, preempt_count, preempt_count_add, preempt_count_sub } from './preempt.js';
import { a_and, a_ld, ld, st } from './raw.js';
import { order_hardirq_begin, order_interrupt_end } from './order.js';
import { generic_smp_call_function_interrupt } from './smp.js';
import { INTERRUPTS, NMI_VECTORS, Vector, VECTOR_NAMES } from './vectors.js';
import { rcu_interrupt } from '../sched/rcu-callbacks.js';
import { hrtimer_interrupt } from '../sched/hrtimer.js';
import { irq_work_run, irq_work_tick } from '../sched/irq-work.js';
import { tasklet_interrupt } from '../sched/tasklet.js';
import { tick } from '../sched/tick.js';
import { mailbox_interrupt } from '../kernel/mailbox.js';
import { call_device_vector, fatal_in_interrupt } from '../kernel/traps.js';
import { BUG } from '../kernel/panic.js';
import { symbol_text } from '../kernel/text.js';
import { Event, trace_event } from '../kernel/trace.js';

/** Takes all that is pending. Context: interrupts on, at a step (free-running build). */
export function take_interrupts(): void {
  do {
    st(my + Pcpu.IRQ_OFF, 1);
    const pending = a_ld(my + Pcpu.PENDING) & INTERRUPTS & ~NMI_VECTORS;
    if (pending === 0) {
      st(my + Pcpu.IRQ_OFF, 0);
      return;
    }
    const vector = 31 - Math.clz32(pending & -pending);
    a_and(my + Pcpu.PENDING, ~(1 << vector));
    try {
      run_interrupt(vector);
    } catch (error) {
      fatal_in_interrupt(error, vector);
    }
  } while ((ld(my + Pcpu.PENDING) & INTERRUPTS) !== 0);
}

/**
 * One interrupt from entry to exit. Called with interrupts off, returns with them on: an interrupt is taken only when
 * they were on.
 */
export function run_interrupt(vector: number): void {
  irq_enter();
  const outer = ld(my + Pcpu.IN_VECTOR);
  st(my + Pcpu.IN_VECTOR, vector + 1);
  const counter = my + Pcpu.IRQ_COUNTS + vector * 4;
  st(counter, ld(counter) + 1);
  const count = preempt_count();
  trace_event(Event.IRQ_ENTER, vector);
  order_hardirq_begin();
  handle_vector(vector);
  if (preempt_count() !== count || ld(my + Pcpu.IRQ_OFF) === 0) handler_left_unbalanced(vector, count);
  order_interrupt_end();
  trace_event(Event.IRQ_EXIT, vector);
  st(my + Pcpu.IN_VECTOR, outer);
  irq_exit();
}

function irq_enter(): void {
  preempt_count_add(HARDIRQ_OFFSET);
  st(my + Pcpu.STAT_IRQS, ld(my + Pcpu.STAT_IRQS) + 1);
}

function irq_exit(): void {
  preempt_count_sub(HARDIRQ_OFFSET);
  if (ld(my + Pcpu.SOFTIRQ_PENDING) !== 0 && !in_interrupt()) do_softirq_own_stack();
  st(my + Pcpu.IRQ_OFF, 0);
}

function handle_vector(vector: number): void {
  switch (vector) {
    case Vector.RESCHEDULE:
      return; // the run queue's owner looks at it on the way out
    case Vector.CALL_FUNCTION:
      generic_smp_call_function_interrupt();
      return;
    case Vector.TIMER:
      tick();
      if (ld(my + Pcpu.IRQ_WORK_LAZY) !== 0) irq_work_tick();
      return;
    case Vector.HRTIMER:
      hrtimer_interrupt();
      return;
    case Vector.IRQ_WORK:
      irq_work_run();
      tasklet_interrupt();
      return;
    case Vector.MAILBOX:
      mailbox_interrupt();
      return;
    case Vector.RCU:
      rcu_interrupt();
      return;
    default:
      call_device_vector(vector);
  }
}

function handler_left_unbalanced(vector: number, count: number): never {
  const what =
    preempt_count() !== count
      ? `the preemption count as 0x${preempt_count().toString(16)}, which was 0x${count.toString(16)}`
      : 'interrupts on, which were off';
  BUG(
    `the handler of vector ${vector} (${VECTOR_NAMES[vector] ?? symbol_text(ld(Mach.VECTOR_HANDLERS + vector * 4))}) on CPU ${cpu} left ${what}: a lock was taken and not released, or the other way round`,
  );
}
