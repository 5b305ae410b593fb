/* <linux/compiler.h>, <linux/compiler_types.h>: words for the compiler, and accesses that it must not change. */
#ifndef _LINUX_COMPILER_H
#define _LINUX_COMPILER_H

#define inline inline __attribute__((__unused__))
#define __always_inline inline __attribute__((__always_inline__))
#define noinline __attribute__((__noinline__))
#define __noreturn __attribute__((__noreturn__))
#define __must_check __attribute__((__warn_unused_result__))
#define __maybe_unused __attribute__((__unused__))
#define __always_unused __attribute__((__unused__))
#define __used __attribute__((__used__))
#define __packed __attribute__((__packed__))
#define __aligned(x) __attribute__((__aligned__(x)))
#define __pure __attribute__((__pure__))
#define __attribute_const__ __attribute__((__const__))
#define __printf(a, b) __attribute__((__format__(printf, a, b)))
#define __weak __attribute__((__weak__))
#define __section(s) __attribute__((__section__(s)))
#define __cold __attribute__((__cold__))
#define __malloc __attribute__((__malloc__))
#define __counted_by(member)
#define fallthrough __attribute__((__fallthrough__))
#define asmlinkage
#define notrace
#define noinline_for_stack noinline

/* For sparse. */
#define __user
#define __kernel
#define __iomem
#define __rcu
#define __percpu
#define __force
#define __nocast
#define __bitwise
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __acquire(x) ((void)0)
#define __release(x) ((void)0)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define barrier_data(p) __asm__ __volatile__("" ::"r"(p) : "memory")
#define unreachable() __builtin_unreachable()
#define ___PASTE(a, b) a##b
#define __PASTE(a, b) ___PASTE(a, b)
#define __UNIQUE_ID(prefix) __PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
#define __same_type(a, b) __builtin_types_compatible_p(typeof(a), typeof(b))
#define __is_constexpr(x) __builtin_constant_p(x)
#define RELOC_HIDE(p, off) ((typeof(p))((unsigned long)(p) + (off)))
#define OPTIMIZER_HIDE_VAR(var) __asm__("" : "=r"(var) : "0"(var))

/* One access, neither torn nor repeated; for data up to a word, and 64 bits. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value)                     \
	do {                                         \
		*(volatile typeof(x) *)&(x) = (value);   \
	} while (0)
#define data_race(expression) (expression)
#define ACCESS_PRIVATE(p, member) ((p)->member)

#define BUILD_BUG_ON_ZERO(e) ((int)(sizeof(struct { int : (-!!(e)); })))
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), "BUILD_BUG_ON failed: " #condition)
#define BUILD_BUG_ON_MSG(condition, message) _Static_assert(!(condition), message)
#define static_assert(expression, ...) _Static_assert(expression, "" __VA_ARGS__)
#define __must_be_array(a) BUILD_BUG_ON_ZERO(__same_type((a), &(a)[0]))

#endif
