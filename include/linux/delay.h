/* <linux/delay.h>: busy delays (any context) and sleeps (task context). */
#ifndef _LINUX_DELAY_H
#define _LINUX_DELAY_H

#include <linux/math.h>
#include <linux/sched.h>

extern void ndelay(unsigned long ns);
extern void udelay(unsigned long us);
extern void mdelay(unsigned long ms);
extern void msleep(unsigned int ms);
/* Value: milliseconds that were left when a signal came. */
extern unsigned long msleep_interruptible(unsigned int ms);
extern void usleep_range(unsigned long min, unsigned long max);
static inline void ssleep(unsigned int seconds) { msleep(seconds * 1000); }
static inline void fsleep(unsigned long us)
{
	if (us <= 10)
		udelay(us);
	else if (us <= 20000)
		usleep_range(us, 2 * us);
	else
		msleep(DIV_ROUND_UP(us, 1000));
}

#endif
