/* <linux/sched.h> */
#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <asm/current.h>
#include <asm/processor.h>

#define TASK_RUNNING 0x00
#define TASK_INTERRUPTIBLE 0x01
#define TASK_UNINTERRUPTIBLE 0x02
#define TASK_WAKEKILL 0x100
#define TASK_NOLOAD 0x400
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define TASK_COMM_LEN 16
#define MAX_SCHEDULE_TIMEOUT 0x7ffffffe

extern void set_current_state(unsigned int state);
extern void __set_current_state(unsigned int state);
extern void schedule(void);
extern int cond_resched(void);
extern bool need_resched(void);
extern long schedule_timeout(long timeout);
extern long schedule_timeout_interruptible(long timeout);
extern long schedule_timeout_uninterruptible(long timeout);
extern int wake_up_process(struct task_struct *task);
extern int signal_pending(struct task_struct *task);
extern u64 local_clock(void);
#define sched_clock() local_clock()
#define get_current_state() READ_ONCE(current->__state)
static inline pid_t task_pid_nr(struct task_struct *task) { return task->pid; }
static inline unsigned int task_cpu(const struct task_struct *task) { return READ_ONCE(task->cpu); }

#endif
