/* <linux/smp.h> */
#ifndef _LINUX_SMP_H
#define _LINUX_SMP_H

#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/types.h>

typedef void (*smp_call_func_t)(void *info);

/* Reported where the task could be moved to another CPU at any moment; the raw one is only a hint there. */
extern int smp_processor_id(void);
extern int raw_smp_processor_id(void);
#define get_cpu() ({ preempt_disable(); smp_processor_id(); })
#define put_cpu() preempt_enable()
extern int smp_call_function_single(int cpu, smp_call_func_t func, void *info, int wait);
extern void smp_call_function(smp_call_func_t func, void *info, int wait);
extern void on_each_cpu(smp_call_func_t func, void *info, int wait);

#endif
