/* <linux/bug.h> */
#ifndef _LINUX_BUG_H
#define _LINUX_BUG_H

#include <linux/compiler.h>
#include <linux/printk.h>
#include <linux/types.h>

extern void __lockstep_bug(const char *file, int line) __noreturn;
extern void __lockstep_warn(const char *fmt, ...);

#define BUG() __lockstep_bug(__FILE__, __LINE__)
#define BUG_ON(condition) do { if (unlikely(condition)) BUG(); } while (0)
/* Value: the condition. */
#define WARN(condition, fmt...)                                                          \
	({                                                                                  \
		bool __warn = !!(condition);                                                    \
		if (unlikely(__warn))                                                           \
			__lockstep_warn(fmt);                                                       \
		unlikely(__warn);                                                               \
	})
#define WARN_ON(condition) WARN(condition, "")
#define WARN_ONCE(condition, fmt...)                                                     \
	({                                                                                  \
		static bool __warned;                                                           \
		bool __warn = !!(condition);                                                    \
		if (unlikely(__warn) && !__atomic_exchange_n(&__warned, 1, __ATOMIC_RELAXED))   \
			__lockstep_warn(fmt);                                                       \
		unlikely(__warn);                                                               \
	})
#define WARN_ON_ONCE(condition) WARN_ONCE(condition, "")
#define WARN_ON_SMP(x) WARN_ON(x)

#endif
