/* <linux/percpu.h>: per-CPU data by allocation. */
#ifndef _LINUX_PERCPU_H
#define _LINUX_PERCPU_H

#include <linux/gfp.h>
#include <linux/preempt.h>
#include <linux/smp.h>

extern void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp);
extern void free_percpu(void __percpu *p);
extern void *__lockstep_per_cpu_ptr(const void __percpu *p, unsigned int cpu);
#define __alloc_percpu(size, align) __alloc_percpu_gfp(size, align, GFP_KERNEL)
#define alloc_percpu_gfp(type, gfp) ((typeof(type) __percpu *)__alloc_percpu_gfp(sizeof(type), __alignof__(type), gfp))
#define alloc_percpu(type) alloc_percpu_gfp(type, GFP_KERNEL)
#define per_cpu_ptr(p, cpu) ((typeof(p))__lockstep_per_cpu_ptr(p, cpu))
#define this_cpu_ptr(p) per_cpu_ptr(p, smp_processor_id())
#define raw_cpu_ptr(p) per_cpu_ptr(p, raw_smp_processor_id())
#define get_cpu_ptr(p) ({ preempt_disable(); this_cpu_ptr(p); })
#define put_cpu_ptr(p) do { (void)(p); preempt_enable(); } while (0)

#endif
