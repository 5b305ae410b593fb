/* <linux/kthread.h> */
#ifndef _LINUX_KTHREAD_H
#define _LINUX_KTHREAD_H

#include <linux/err.h>
#include <linux/sched.h>

/* Value: the task, which wake_up_process starts, or ERR_PTR(-ENOMEM). */
extern struct task_struct *kthread_create(int (*threadfn)(void *data), void *data, const char *namefmt, ...) __printf(3, 4);
#define kthread_create_on_node(threadfn, data, node, namefmt, arg...) kthread_create(threadfn, data, namefmt, ##arg)
#define kthread_run(threadfn, data, namefmt, ...)                                        \
	({                                                                                  \
		struct task_struct *__task = kthread_create(threadfn, data, namefmt, ##__VA_ARGS__); \
		if (!IS_ERR(__task))                                                            \
			wake_up_process(__task);                                                    \
		__task;                                                                         \
	})
extern void kthread_bind(struct task_struct *task, unsigned int cpu);
/* Value: what the thread function returned. */
extern int kthread_stop(struct task_struct *task);
extern bool kthread_should_stop(void);

#endif
