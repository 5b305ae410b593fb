/* <linux/wait.h>: wait queues. */
#ifndef _LINUX_WAIT_H
#define _LINUX_WAIT_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#define WQ_FLAG_EXCLUSIVE 0x01
#define __WAIT_QUEUE_HEAD_INITIALIZER(name) \
	{ .lock = __SPIN_LOCK_UNLOCKED(name.lock), .head = LIST_HEAD_INIT((name).head) }
#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name = __WAIT_QUEUE_HEAD_INITIALIZER(name)

extern void init_waitqueue_head(struct wait_queue_head *wq_head);
extern void init_wait_entry(struct wait_queue_entry *wq_entry, int flags);
extern int __wake_up(struct wait_queue_head *wq_head, unsigned int mode, int nr, void *key);
extern int waitqueue_active(struct wait_queue_head *wq_head);
extern void add_wait_queue(struct wait_queue_head *wq_head, struct wait_queue_entry *wq_entry);
extern void remove_wait_queue(struct wait_queue_head *wq_head, struct wait_queue_entry *wq_entry);
extern void prepare_to_wait(struct wait_queue_head *wq_head, struct wait_queue_entry *wq_entry, int state);
extern long prepare_to_wait_event(struct wait_queue_head *wq_head, struct wait_queue_entry *wq_entry, int state);
extern void finish_wait(struct wait_queue_head *wq_head, struct wait_queue_entry *wq_entry);

#define wake_up(x) __wake_up(x, TASK_NORMAL, 1, NULL)
#define wake_up_nr(x, nr) __wake_up(x, TASK_NORMAL, nr, NULL)
#define wake_up_all(x) __wake_up(x, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(x) __wake_up(x, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_nr(x, nr) __wake_up(x, TASK_INTERRUPTIBLE, nr, NULL)
#define wake_up_interruptible_all(x) __wake_up(x, TASK_INTERRUPTIBLE, 0, NULL)
#define wake_up_interruptible_sync(x) wake_up_interruptible(x)

#define DEFINE_WAIT(name)            \
	struct wait_queue_entry name;    \
	init_wait_entry(&name, 0)
#define init_wait(entry) init_wait_entry(entry, 0)

/*
 * Sleeps in `state` until the condition holds; it is looked at before each sleep. Value: what is left of `initial`
 * (jiffies, with `sleep` a schedule_timeout), or -ERESTARTSYS.
 */
#define __lockstep_wait(wq, condition, state, flags, initial, sleep)                     \
	({                                                                                  \
		struct wait_queue_head *__wq = &(wq);                                           \
		struct wait_queue_entry __entry;                                                \
		long __left = (initial);                                                        \
		init_wait_entry(&__entry, flags);                                               \
		for (;;) {                                                                      \
			long __signal = prepare_to_wait_event(__wq, &__entry, state);               \
			if (condition)                                                              \
				break;                                                                  \
			if (__signal) {                                                             \
				__left = __signal;                                                      \
				break;                                                                  \
			}                                                                           \
			sleep;                                                                      \
		}                                                                               \
		finish_wait(__wq, &__entry);                                                    \
		__left;                                                                         \
	})
#define wait_event(wq, condition)                                                        \
	do {                                                                                \
		might_sleep();                                                                  \
		if (!(condition))                                                               \
			(void)__lockstep_wait(wq, condition, TASK_UNINTERRUPTIBLE, 0, 0, schedule()); \
	} while (0)
#define __lockstep_wait_signal(wq, condition, state, flags)                              \
	({                                                                                  \
		int __result = 0;                                                               \
		might_sleep();                                                                  \
		if (!(condition))                                                               \
			__result = __lockstep_wait(wq, condition, state, flags, 0, schedule());     \
		__result;                                                                       \
	})
#define wait_event_interruptible(wq, condition) __lockstep_wait_signal(wq, condition, TASK_INTERRUPTIBLE, 0)
#define wait_event_interruptible_exclusive(wq, condition) \
	__lockstep_wait_signal(wq, condition, TASK_INTERRUPTIBLE, WQ_FLAG_EXCLUSIVE)
#define wait_event_killable(wq, condition) __lockstep_wait_signal(wq, condition, TASK_KILLABLE, 0)
/* Holds at the end of the time: at least 1 is left then, as the caller must not take it for a time-out. */
#define __lockstep_held(condition)                                                       \
	({                                                                                  \
		bool __held = (condition);                                                      \
		if (__held && !__left)                                                          \
			__left = 1;                                                                 \
		__held || !__left;                                                              \
	})
#define __lockstep_wait_timeout(wq, condition, state, timeout)                           \
	({                                                                                  \
		long __left = (timeout);                                                        \
		might_sleep();                                                                  \
		if (!__lockstep_held(condition))                                                \
			__left = __lockstep_wait(wq, __lockstep_held(condition), state, 0, timeout, \
						 __left = schedule_timeout(__left));                            \
		__left;                                                                         \
	})
#define wait_event_timeout(wq, condition, timeout) \
	__lockstep_wait_timeout(wq, condition, TASK_UNINTERRUPTIBLE, timeout)
#define wait_event_interruptible_timeout(wq, condition, timeout) \
	__lockstep_wait_timeout(wq, condition, TASK_INTERRUPTIBLE, timeout)

#endif
