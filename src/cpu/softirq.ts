// Softirqs: raised on a CPU, run there on the way out of an interrupt and at local_bh_enable, with interrupts on.
// The pending word is the owner's. A softirq that is raised while they run goes round again, but no more than
// SOFTIRQ_RESTARTS times, for SOFTIRQ_JIFFIES, and until a task shall run: the rest is ksoftirqd's, so that tasks go on.
import { SOFTIRQ_JIFFIES, SOFTIRQ_RESTARTS } from '../machine/params.js';
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
import { order_interrupt_end, order_softirq_begin } from './order.js';
import { ld, st } from './raw.js';
import { step } from './step.js';
import { ksoftirqd_runs, wakeup_softirqd } from '../sched/ksoftirqd.js';
import { run_hrtimer_softirq } from '../sched/hrtimer.js';
import { tasklet_action } from '../sched/tasklet.js';
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

/** Something is pending that ksoftirqd will not run by itself. Context: the CPU loop. */
export const softirqs_left = (): boolean => ld(my + Pcpu.SOFTIRQ_PENDING) !== 0 && !ksoftirqd_runs();

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
  order_softirq_begin();
  const end = ld(Mach.JIFFIES) + SOFTIRQ_JIFFIES;
  for (let round = 0; ; round++) {
    const pending = ld(my + Pcpu.SOFTIRQ_PENDING);
    if (pending === 0) break;
    if (round > 0 && (round === SOFTIRQ_RESTARTS || ld(my + Pcpu.NEED_RESCHED) !== 0 || ld(Mach.JIFFIES) - end >= 0)) {
      wakeup_softirqd();
      break;
    }
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
      else if (nr === Softirq.HRTIMER) run_hrtimer_softirq();
      else if (nr === Softirq.TASKLET || nr === Softirq.HI) tasklet_action(nr);
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
  order_interrupt_end();
  preempt_count_sub(SOFTIRQ_OFFSET);
}

const OWN_NAMES: Readonly<Record<number, string>> = { 0: 'hi tasklets', 1: 'timer', 6: 'tasklets', 8: 'hrtimer' };
const action_text = (nr: number): string => OWN_NAMES[nr] ?? symbol_text(ld(Mach.SOFTIRQ_ACTIONS + nr * 4));

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
