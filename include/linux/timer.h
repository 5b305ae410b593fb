/* <linux/timer.h>: functions called in softirq context, at a jiffy. */
#ifndef _LINUX_TIMER_H
#define _LINUX_TIMER_H

#include <linux/container_of.h>
#include <linux/jiffies.h>

#define DEFINE_TIMER(name, func) struct timer_list name = { .function = (func) }
#define from_timer(var, callback_timer, timer_fieldname) \
	container_of(callback_timer, typeof(*var), timer_fieldname)

extern void __lockstep_timer_init(struct timer_list *timer, void (*func)(struct timer_list *), unsigned int flags);
#define timer_setup(timer, callback, flags) __lockstep_timer_init(timer, callback, flags)
#define timer_setup_on_stack(timer, callback, flags) timer_setup(timer, callback, flags)
#define destroy_timer_on_stack(timer) ((void)(timer))
extern void add_timer(struct timer_list *timer);
extern void add_timer_on(struct timer_list *timer, int cpu);
extern int mod_timer(struct timer_list *timer, unsigned long expires);
extern int timer_delete(struct timer_list *timer);
extern int timer_delete_sync(struct timer_list *timer);
extern int timer_shutdown_sync(struct timer_list *timer);
extern int timer_pending(const struct timer_list *timer);
#define del_timer(timer) timer_delete(timer)
#define del_timer_sync(timer) timer_delete_sync(timer)

#endif
