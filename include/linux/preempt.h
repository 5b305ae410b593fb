/* <linux/preempt.h> */
#ifndef _LINUX_PREEMPT_H
#define _LINUX_PREEMPT_H

#include <linux/types.h>

extern void preempt_disable(void);
extern void preempt_enable(void);
extern int preempt_count(void);
extern int in_hardirq(void);
extern int in_softirq(void);
extern int in_serving_softirq(void);
extern int in_interrupt(void);
extern int in_nmi(void);
extern int in_task(void);
#define in_irq() in_hardirq()
#define in_atomic() (preempt_count() != 0)
extern int preemptible(void);
#define preempt_enable_no_resched() preempt_enable()

#endif
