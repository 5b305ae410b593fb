/* <linux/irqflags.h>: this CPU's interrupts. */
#ifndef _LINUX_IRQFLAGS_H
#define _LINUX_IRQFLAGS_H

#include <linux/types.h>

extern void local_irq_disable(void);
extern void local_irq_enable(void);
extern unsigned long __local_irq_save(void);
extern unsigned long __local_save_flags(void);
extern void local_irq_restore(unsigned long flags);
extern int irqs_disabled(void);
#define local_irq_save(flags) ((void)((flags) = __local_irq_save()))
#define local_save_flags(flags) ((void)((flags) = __local_save_flags()))

#endif
