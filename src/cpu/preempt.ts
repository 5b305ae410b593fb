// noinstr: never transformed, never interrupted.
// The preemption count of this CPU: one word with Linux's fields.
//
//    23    20 19    16 15         8 7          0
//   |  NMI   | HARDIRQ|  SOFTIRQ   |  PREEMPT   |
//
// It is a word of the CPU, not of the task: a task is switched only while the count is 0. Written by the owner alone.
// Context: any.
import { Pcpu } from '../machine/memory-map.js';
import { my } from './context.js';
import { ld, st } from './raw.js';
import { BUG } from '../kernel/panic.js';

export const PREEMPT_OFFSET = 1;
export const SOFTIRQ_OFFSET = 0x100;
export const SOFTIRQ_DISABLE_OFFSET = 0x200;
export const HARDIRQ_OFFSET = 0x10000;
export const NMI_OFFSET = 0x100000;
export const PREEMPT_MASK = 0xff;
export const SOFTIRQ_MASK = 0xff00;
export const HARDIRQ_MASK = 0xf0000;
export const NMI_MASK = 0xf00000;

export const preempt_count = (): number => ld(my + Pcpu.PREEMPT);
export const preempt_count_add = (n: number): void => st(my + Pcpu.PREEMPT, ld(my + Pcpu.PREEMPT) + n);
export const preempt_count_sub = (n: number): void => st(my + Pcpu.PREEMPT, ld(my + Pcpu.PREEMPT) - n);
export const preempt_disable = (): void => preempt_count_add(PREEMPT_OFFSET);
/** In the free-running build a switch waits for the next suspend point; in the stepped one for the next step. */
export const preempt_enable = (): void => {
  const count = ld(my + Pcpu.PREEMPT);
  if ((count & PREEMPT_MASK) === 0)
    BUG(`preempt_enable without preempt_disable: preempt_count is 0x${count.toString(16)}`);
  st(my + Pcpu.PREEMPT, count - PREEMPT_OFFSET);
};

export const in_nmi = (): boolean => (preempt_count() & NMI_MASK) !== 0;
export const in_hardirq = (): boolean => (preempt_count() & HARDIRQ_MASK) !== 0;
/** True also while softirqs are only disabled, as in Linux. */
export const in_softirq = (): boolean => (preempt_count() & SOFTIRQ_MASK) !== 0;
export const in_serving_softirq = (): boolean => (preempt_count() & SOFTIRQ_OFFSET) !== 0;
export const in_interrupt = (): boolean => (preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK)) !== 0;
export const in_task = (): boolean => (preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET)) === 0;
export const in_atomic = (): boolean => preempt_count() !== 0;
export const preemptible = (): boolean => preempt_count() === 0 && ld(my + Pcpu.IRQ_OFF) === 0;
