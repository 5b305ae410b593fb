/* <linux/minmax.h>: both sides of one type, each evaluated once. */
#ifndef _LINUX_MINMAX_H
#define _LINUX_MINMAX_H

#include <linux/compiler.h>

#define __lockstep_choose(x, op, y)                                                     \
	({                                                                                  \
		__auto_type __x = (x);                                                          \
		__auto_type __y = (y);                                                          \
		__x op __y ? __x : __y;                                                         \
	})
#define min(x, y) __lockstep_choose(x, <, y)
#define max(x, y) __lockstep_choose(x, >, y)
#define min_t(type, x, y) __lockstep_choose((type)(x), <, (type)(y))
#define max_t(type, x, y) __lockstep_choose((type)(x), >, (type)(y))
#define min3(x, y, z) min((typeof(x))min(x, y), z)
#define max3(x, y, z) max((typeof(x))max(x, y), z)
#define min_not_zero(x, y)                                                              \
	({                                                                                  \
		__auto_type __a = (x);                                                          \
		__auto_type __b = (y);                                                          \
		__a == 0 ? __b : __b == 0 ? __a : min(__a, __b);                                \
	})
#define clamp(value, low, high) min((typeof(value))max(value, low), high)
#define clamp_t(type, value, low, high) min_t(type, max_t(type, value, low), high)
#define clamp_val(value, low, high) clamp_t(typeof(value), value, low, high)
#define swap(a, b)                                                                      \
	do {                                                                                \
		typeof(a) __swapped = (a);                                                      \
		(a) = (b);                                                                      \
		(b) = __swapped;                                                                \
	} while (0)

#endif
