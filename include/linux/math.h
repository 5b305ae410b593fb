/* <linux/math.h> */
#ifndef _LINUX_MATH_H
#define _LINUX_MATH_H

#include <linux/types.h>

#define __round_mask(x, y) ((typeof(x))((y) - 1))
#define round_up(x, y) ((((x) - 1) | __round_mask(x, y)) + 1)
#define round_down(x, y) ((x) & ~__round_mask(x, y))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d) (((unsigned long long)(n) + (d) - 1) / (d))
#define DIV_ROUND_CLOSEST(x, d)                                                          \
	({                                                                                  \
		typeof(x) __x = (x);                                                            \
		typeof(d) __d = (d);                                                            \
		((typeof(x))-1 > 0 || (typeof(d))-1 > 0 || (__x > 0) == (__d > 0)) ? (__x + __d / 2) / __d \
										  : (__x - __d / 2) / __d;                                       \
	})
#define roundup(x, y)                                                                    \
	({                                                                                  \
		typeof(y) __y = (y);                                                            \
		(((x) + (__y - 1)) / __y) * __y;                                                \
	})
#define rounddown(x, y)                                                                  \
	({                                                                                  \
		typeof(x) __x = (x);                                                            \
		__x - (__x % (y));                                                              \
	})
#define abs(x)                                                                           \
	({                                                                                  \
		typeof(x) __v = (x);                                                            \
		__v < 0 ? -__v : __v;                                                           \
	})
#define mult_frac(x, n, d)                                                               \
	({                                                                                  \
		typeof(x) __x = (x);                                                            \
		typeof(n) __n = (n);                                                            \
		typeof(d) __d = (d);                                                            \
		__x / __d * __n + __x % __d * __n / __d;                                        \
	})

#endif
