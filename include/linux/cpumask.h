/* <linux/cpumask.h>: CPUs by number; all that there are stay online. */
#ifndef _LINUX_CPUMASK_H
#define _LINUX_CPUMASK_H

#include <linux/types.h>

#define NR_CPUS CONFIG_NR_CPUS
extern unsigned int num_online_cpus(void);
#define num_possible_cpus() num_online_cpus()
#define num_present_cpus() num_online_cpus()
#define nr_cpu_ids num_online_cpus()
#define cpu_online(cpu) ((unsigned int)(cpu) < num_online_cpus())
#define cpu_possible(cpu) cpu_online(cpu)
#define for_each_online_cpu(cpu) for ((cpu) = 0; (cpu) < (int)num_online_cpus(); (cpu)++)
#define for_each_possible_cpu(cpu) for_each_online_cpu(cpu)
#define for_each_present_cpu(cpu) for_each_online_cpu(cpu)

#endif
