/* <linux/jiffies.h> */
#ifndef _LINUX_JIFFIES_H
#define _LINUX_JIFFIES_H

#include <linux/math.h>
#include <linux/types.h>

extern unsigned long get_jiffies(void);
#define jiffies get_jiffies()
#define get_jiffies_64() ((u64)get_jiffies())
#define MAX_JIFFY_OFFSET ((LONG_MAX >> 1) - 1)

#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) ((long)((a) - (b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)
#define time_in_range(a, b, c) (time_after_eq(a, b) && time_before_eq(a, c))
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return (int)ms < 0 ? 0x3ffffffe : DIV_ROUND_UP_ULL((u64)ms * HZ, 1000);
}
static inline unsigned long usecs_to_jiffies(unsigned int us) { return DIV_ROUND_UP_ULL((u64)us * HZ, 1000000); }
static inline unsigned int jiffies_to_msecs(unsigned long j) { return (u64)j * 1000 / HZ; }
static inline unsigned int jiffies_to_usecs(unsigned long j) { return (u64)j * 1000000 / HZ; }
static inline u64 jiffies_to_nsecs(unsigned long j) { return (u64)j * (1000000000 / HZ); }

#endif
