// SPDX-License-Identifier: MIT
// Threads that count together, each increment under a mutex: none is lost.
//   lockstep run examples/c/counter.c threads=8 rounds=1000 --cpus 4
//   lockstep stress examples/c/counter.c --cpus 4
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static unsigned int threads = 4;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads that count");
static unsigned int rounds = 200;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "increments of each");

static DEFINE_MUTEX(counter_lock);
static unsigned int counter; /* under counter_lock */

static struct task_struct **tasks;

static int count_thread(void *data)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		mutex_lock(&counter_lock);
		counter++;
		mutex_unlock(&counter_lock);
		cond_resched();
	}
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return i;
}

static unsigned int stop_threads(unsigned int n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < n; i++)
		sum += kthread_stop(tasks[i]);
	kfree(tasks);
	return sum;
}

static int __init counter_init(void)
{
	unsigned int i;

	tasks = kcalloc(threads, sizeof(*tasks), GFP_KERNEL);
	if (!tasks)
		return -ENOMEM;
	for (i = 0; i < threads; i++) {
		tasks[i] = kthread_run(count_thread, NULL, "count/%u", i);
		if (IS_ERR(tasks[i])) {
			int error = PTR_ERR(tasks[i]);

			stop_threads(i);
			return error;
		}
	}
	return 0;
}

static void __exit counter_exit(void)
{
	unsigned int counted = stop_threads(threads);

	WARN(counter != counted, "%u were lost\n", counted - counter);
	pr_info("%u threads counted to %u\n", threads, counter);
}

module_init(counter_init);
module_exit(counter_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Threads count together under a mutex");
