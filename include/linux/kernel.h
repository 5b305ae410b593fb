/* <linux/kernel.h> */
#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bug.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sprintf.h>
#include <linux/stdarg.h>
#include <linux/types.h>

#define lower_32_bits(n) ((u32)((n) & 0xffffffff))
#define upper_32_bits(n) ((u32)(((n) >> 16) >> 16))
#define REPEAT_BYTE(x) ((~0ul / 0xff) * (x))
#define typecheck(type, x) ({ type __dummy; typeof(x) __dummy2; (void)(&__dummy == &__dummy2); 1; })
#define might_sleep() __might_sleep()
#define might_sleep_if(condition) do { if (condition) might_sleep(); } while (0)
extern void __might_sleep(void);
extern void panic(const char *fmt, ...) __noreturn __printf(1, 2);

#endif
