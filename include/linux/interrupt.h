/* <linux/interrupt.h>: softirqs' tasklets. */
#ifndef _LINUX_INTERRUPT_H
#define _LINUX_INTERRUPT_H

#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/container_of.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/types.h>

#define DECLARE_TASKLET(name, _callback) \
	struct tasklet_struct name = { .count = ATOMIC_INIT(0), .callback = (_callback), .use_callback = true }
#define DECLARE_TASKLET_DISABLED(name, _callback) \
	struct tasklet_struct name = { .count = ATOMIC_INIT(1), .callback = (_callback), .use_callback = true }
#define DECLARE_TASKLET_OLD(name, _func) struct tasklet_struct name = { .count = ATOMIC_INIT(0), .func = (_func) }
#define from_tasklet(var, callback_tasklet, tasklet_fieldname) \
	container_of(callback_tasklet, typeof(*var), tasklet_fieldname)

extern void tasklet_setup(struct tasklet_struct *t, void (*callback)(struct tasklet_struct *));
extern void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long), unsigned long data);
extern void tasklet_schedule(struct tasklet_struct *t);
extern void tasklet_hi_schedule(struct tasklet_struct *t);
extern void tasklet_disable_nosync(struct tasklet_struct *t);
extern void tasklet_enable(struct tasklet_struct *t);

#endif
