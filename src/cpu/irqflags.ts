// noinstr: never transformed, never interrupted.
// This CPU's interrupt flag. `flags` is 1 when interrupts were off. Context: any.
import { Pcpu } from '../machine/memory-map.js';
import { my } from './context.js';
import { ld, st } from './raw.js';
import { step } from './step.js';

export const irqs_disabled = (): boolean => ld(my + Pcpu.IRQ_OFF) !== 0;
export const local_irq_disable = (): void => st(my + Pcpu.IRQ_OFF, 1);
/** What is pending is taken before this returns (free-running) or at the next step (stepped). */
export const local_irq_enable = (): void => {
  st(my + Pcpu.IRQ_OFF, 0);
  step();
};
/** Returns the flags to give to `local_irq_restore`: Linux's macro writes them to its argument instead. */
export const local_irq_save = (): number => {
  const flags = ld(my + Pcpu.IRQ_OFF);
  st(my + Pcpu.IRQ_OFF, 1);
  return flags;
};
export const local_irq_restore = (flags: number): void => {
  st(my + Pcpu.IRQ_OFF, flags);
  if (flags === 0) step();
};
export const local_save_flags = (): number => ld(my + Pcpu.IRQ_OFF);
