/* Before every C source of a module: how this kernel is configured, as .config would say it. */
#ifndef _LOCKSTEP_CONFIG_H
#define _LOCKSTEP_CONFIG_H

#define __LOCKSTEP__ 1
#define CONFIG_SMP 1
#define CONFIG_MODULES 1
#define CONFIG_MODULE_UNLOAD 1
#define CONFIG_PRINTK 1
#define CONFIG_BUG 1
#define CONFIG_NR_CPUS 64
#define CONFIG_32BIT 1
#define CONFIG_DEBUG_LIST 1
#define CONFIG_DEBUG_MUTEXES 1
#define CONFIG_DEBUG_SPINLOCK 1
#define CONFIG_DEBUG_ATOMIC_SLEEP 1

#endif
