// Softirqs: raised on a CPU, run there on the way out of an interrupt and at local_bh_enable, with interrupts on.
// The pending word is the owner's. A softirq that is raised while they run goes round again, at most
// SOFTIRQ_RESTARTS times; what is left then runs after the next interrupt, so that tasks go on.
import { SOFTIRQ_RESTARTS } from '../machine/params.js';
import { Mach, Pcpu } from '../machine/memory-map.js';
import { my } from './context.js';
import { irqs_disabled, local_irq_restore, local_irq_save } from './irqflags.js';
import {
  in_hardirq,
  in_interrupt,
  preempt_count,
  preempt_count_add,
  preempt_count_sub,
  SOFTIRQ_DISABLE_OFFSET,
  SOFTIRQ_MASK,
  SOFTIRQ_OFFSET,
} from './preempt.js';
import { ld, st } from './raw.js';
import { step } from './step.js';
import { run_timer_softirq } from '../sched/timer.js';
import { call_softirq } from '../kernel/traps.js';
import { BUG } from '../kernel/panic.js';
import { symbol_text } from '../kernel/text.js';
import { Event, trace_event } from '../kernel/trace.js';

export const enum Softirq {
  HI = 0,
  TIMER = 1,
  NET_TX = 2,
  NET_RX = 3,
  BLOCK = 4,
  IRQ_POLL = 5,
  TASKLET = 6,
  SCHED = 7,
  HRTIMER = 8,
  RCU = 9,
  NR = 10,
}

export const local_softirq_pending = (): number => ld(my + Pcpu.SOFTIRQ_PENDING);

/** Context: interrupts off. */
export function raise_softirq_irqoff(nr: number): void {
  st(my + Pcpu.SOFTIRQ_PENDING, ld(my + Pcpu.SOFTIRQ_PENDING) | (1 << nr));
}

/** Runs at the next exit from an interrupt or at local_bh_enable; the CPU loop looks too. Context: any. */
export function raise_softirq(nr: number): void {
  const flags = local_irq_save();
  raise_softirq_irqoff(nr);
  local_irq_restore(flags);
}

/** Runs what is pending, unless in an interrupt. Context: any. */
export function do_softirq(): void {
  if (in_interrupt()) return;
  const flags = local_irq_save();
  if (ld(my + Pcpu.SOFTIRQ_PENDING) !== 0) do_softirq_own_stack();
  local_irq_restore(flags);
}

/** Called and returns with interrupts off; they are on while the softirqs run. */
export function do_softirq_own_stack(): void {
  preempt_count_add(SOFTIRQ_OFFSET);
  for (let round = 0; round < SOFTIRQ_RESTARTS; round++) {
    const pending = ld(my + Pcpu.SOFTIRQ_PENDING);
    if (pending === 0) break;
    st(my + Pcpu.SOFTIRQ_PENDING, 0);
    st(my + Pcpu.STAT_SOFTIRQS, ld(my + Pcpu.STAT_SOFTIRQS) + 1);
    st(my + Pcpu.IRQ_OFF, 0);
    step();
    for (let nr = 0; nr < Softirq.NR; nr++) {
      if ((pending & (1 << nr)) === 0) continue;
      const counter = my + Pcpu.SOFTIRQ_COUNTS + nr * 4;
      st(counter, ld(counter) + 1);
      const count = preempt_count();
      trace_event(Event.SOFTIRQ_ENTER, nr, ld(Mach.SOFTIRQ_ACTIONS + nr * 4));
      if (nr === Softirq.TIMER) run_timer_softirq();
      else call_softirq(nr);
      if (preempt_count() !== count)
        BUG(
          `softirq ${nr} (${action_text(nr)}) left the preemption count as 0x${preempt_count().toString(16)}, which was 0x${count.toString(16)}`,
        );
      trace_event(Event.SOFTIRQ_EXIT, nr);
      if (irqs_disabled()) BUG(`softirq ${nr} (${action_text(nr)}) returned with interrupts off`);
    }
    st(my + Pcpu.IRQ_OFF, 1);
  }
  preempt_count_sub(SOFTIRQ_OFFSET);
}

const action_text = (nr: number): string =>
  nr === Softirq.TIMER ? 'timer' : symbol_text(ld(Mach.SOFTIRQ_ACTIONS + nr * 4));

/** Context: task or softirq. */
export function local_bh_disable(): void {
  preempt_count_add(SOFTIRQ_DISABLE_OFFSET);
}

/** Runs what became pending meanwhile. Context: task or softirq, interrupts on. */
export function local_bh_enable(): void {
  if (in_hardirq() || irqs_disabled()) BUG('local_bh_enable with interrupts off or in an interrupt handler');
  if ((preempt_count() & SOFTIRQ_MASK) < SOFTIRQ_DISABLE_OFFSET) BUG('local_bh_enable without local_bh_disable');
  preempt_count_sub(SOFTIRQ_DISABLE_OFFSET);
  if (ld(my + Pcpu.SOFTIRQ_PENDING) !== 0) do_softirq();
}
