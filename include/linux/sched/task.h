/* <linux/sched/task.h>: part of <linux/sched.h> here. */
#include <linux/sched.h>
extern struct task_struct *get_task_struct(struct task_struct *task);
extern void put_task_struct(struct task_struct *task);
