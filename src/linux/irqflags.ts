// <linux/irqflags.h>: this CPU's interrupt flag. See cpu/irqflags.ts.
export {
  irqs_disabled,
  local_irq_disable,
  local_irq_enable,
  local_irq_restore,
  local_irq_save,
  local_save_flags,
} from '../cpu/irqflags.js';
/** What flags of local_irq_save say: whether interrupts were off. */
export const irqs_disabled_flags = (flags: number): boolean => flags !== 0;
