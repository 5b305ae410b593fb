// <linux/irq_work.h>: a function run in interrupt context as soon as it can be. Context of all but irq_work_sync: any.
import { cpu } from '../cpu/context.js';
import { atomic_text_handle } from '../kernel/text.js';
import {
  init_irq_work_raw,
  irq_work_is_busy_raw,
  irq_work_is_pending_raw,
  irq_work_queue_raw,
  irq_work_sync_raw,
} from '../sched/irq-work.js';
import { IRQ_WORK_HARD_IRQ, IRQ_WORK_LAZY } from '../sched/work-layout.js';
import { DEFINE_STATIC, fn, ptr, Struct, u32 } from './types.js';

export class irq_work extends Struct('irq_work', { next: ptr('struct irq_work'), flags: u32, func: fn }) {}
/** Called with the address of the irq_work: container_of gives what it lies in. Context: hardirq. */
export type irq_work_func_t = (work: number) => void;

const handle = (func: irq_work_func_t): number => atomic_text_handle(func, 'the function of an irq_work');

/** Static data, with its (exported) function. */
export const DEFINE_IRQ_WORK = (func: irq_work_func_t): irq_work => DEFINE_STATIC(irq_work, { func });
/** Sets it up; it must not be pending. `func` is exported. */
export const init_irq_work = (work: irq_work, func: irq_work_func_t): void =>
  init_irq_work_raw(work['@addr'], handle(func), 0);
/** IRQ_WORK_INIT_LAZY: one that waits for this CPU's next tick (an idle CPU gets one for it). */
export const init_irq_work_lazy = (work: irq_work, func: irq_work_func_t): void =>
  init_irq_work_raw(work['@addr'], handle(func), IRQ_WORK_LAZY);
/** IRQ_WORK_INIT_HARD: no difference here, all run in the interrupt. */
export const init_irq_work_hard = (work: irq_work, func: irq_work_func_t): void =>
  init_irq_work_raw(work['@addr'], handle(func), IRQ_WORK_HARD_IRQ);
/** On this CPU. Return: false if it is pending already. */
export const irq_work_queue = (work: irq_work): boolean => irq_work_queue_raw(work['@addr'], cpu);
/** On that CPU; a lazy one is not lazy on another CPU. Return: false if it is pending already. */
export const irq_work_queue_on = (work: irq_work, on: number): boolean => irq_work_queue_raw(work['@addr'], on);
/** Waits until it is neither pending nor running. Context: interrupts on; not its own function. */
export const irq_work_sync = (work: irq_work): void => irq_work_sync_raw(work['@addr']);
export const irq_work_is_pending = (work: irq_work): boolean => irq_work_is_pending_raw(work['@addr']);
export const irq_work_is_busy = (work: irq_work): boolean => irq_work_is_busy_raw(work['@addr']);
