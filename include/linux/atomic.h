/* <linux/atomic.h> */
#ifndef _LINUX_ATOMIC_H
#define _LINUX_ATOMIC_H

#include <asm/barrier.h>
#include <linux/types.h>

#define ATOMIC_INIT(i) { (i) }
#define ATOMIC64_INIT(i) { (i) }
#define ATOMIC_LONG_INIT(i) { (i) }

#define xchg(ptr, v) __atomic_exchange_n(ptr, v, __ATOMIC_SEQ_CST)
#define cmpxchg(ptr, o, n)                                                               \
	({                                                                                  \
		typeof(*(ptr)) __old = (o);                                                     \
		__atomic_compare_exchange_n(ptr, &__old, n, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		__old;                                                                          \
	})
#define try_cmpxchg(ptr, oldp, n) \
	__atomic_compare_exchange_n(ptr, oldp, n, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define xchg_relaxed(ptr, v) xchg(ptr, v)
#define xchg_acquire(ptr, v) xchg(ptr, v)
#define xchg_release(ptr, v) xchg(ptr, v)
#define cmpxchg_relaxed(ptr, o, n) cmpxchg(ptr, o, n)
#define cmpxchg_acquire(ptr, o, n) cmpxchg(ptr, o, n)
#define cmpxchg_release(ptr, o, n) cmpxchg(ptr, o, n)

/* The operations of atomic_t (int), atomic64_t (s64) and atomic_long_t (long). */
#define __LOCKSTEP_ATOMIC_OP(pfx, T, type, op)                                                                        \
	static inline void pfx##_##op(T i, type *v) { __atomic_fetch_##op(&v->counter, i, __ATOMIC_SEQ_CST); }            \
	static inline T pfx##_fetch_##op(T i, type *v) { return __atomic_fetch_##op(&v->counter, i, __ATOMIC_SEQ_CST); }  \
	static inline T pfx##_fetch_##op##_relaxed(T i, type *v) { return pfx##_fetch_##op(i, v); }                       \
	static inline T pfx##_fetch_##op##_acquire(T i, type *v) { return pfx##_fetch_##op(i, v); }                       \
	static inline T pfx##_fetch_##op##_release(T i, type *v) { return pfx##_fetch_##op(i, v); }
#define __LOCKSTEP_ATOMIC_RETURN(pfx, T, type, op)                                                                    \
	static inline T pfx##_##op##_return(T i, type *v) { return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_SEQ_CST); } \
	static inline T pfx##_##op##_return_relaxed(T i, type *v) { return pfx##_##op##_return(i, v); }                   \
	static inline T pfx##_##op##_return_acquire(T i, type *v) { return pfx##_##op##_return(i, v); }                   \
	static inline T pfx##_##op##_return_release(T i, type *v) { return pfx##_##op##_return(i, v); }
#define __LOCKSTEP_ATOMIC(pfx, T, type)                                                                               \
	static inline T pfx##_read(const type *v) { return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); }              \
	static inline T pfx##_read_acquire(const type *v) { return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE); }      \
	static inline void pfx##_set(type *v, T i) { __atomic_store_n(&v->counter, i, __ATOMIC_RELAXED); }                \
	static inline void pfx##_set_release(type *v, T i) { __atomic_store_n(&v->counter, i, __ATOMIC_RELEASE); }        \
	__LOCKSTEP_ATOMIC_OP(pfx, T, type, add)                                                                           \
	__LOCKSTEP_ATOMIC_OP(pfx, T, type, sub)                                                                           \
	__LOCKSTEP_ATOMIC_OP(pfx, T, type, and)                                                                           \
	__LOCKSTEP_ATOMIC_OP(pfx, T, type, or)                                                                            \
	__LOCKSTEP_ATOMIC_OP(pfx, T, type, xor)                                                                           \
	__LOCKSTEP_ATOMIC_RETURN(pfx, T, type, add)                                                                       \
	__LOCKSTEP_ATOMIC_RETURN(pfx, T, type, sub)                                                                       \
	static inline void pfx##_inc(type *v) { pfx##_add(1, v); }                                                        \
	static inline void pfx##_dec(type *v) { pfx##_sub(1, v); }                                                        \
	static inline T pfx##_inc_return(type *v) { return pfx##_add_return(1, v); }                                      \
	static inline T pfx##_dec_return(type *v) { return pfx##_sub_return(1, v); }                                      \
	static inline T pfx##_fetch_inc(type *v) { return pfx##_fetch_add(1, v); }                                        \
	static inline T pfx##_fetch_dec(type *v) { return pfx##_fetch_sub(1, v); }                                        \
	static inline bool pfx##_inc_and_test(type *v) { return pfx##_inc_return(v) == 0; }                               \
	static inline bool pfx##_dec_and_test(type *v) { return pfx##_dec_return(v) == 0; }                               \
	static inline bool pfx##_sub_and_test(T i, type *v) { return pfx##_sub_return(i, v) == 0; }                       \
	static inline bool pfx##_add_negative(T i, type *v) { return pfx##_add_return(i, v) < 0; }                        \
	static inline T pfx##_xchg(type *v, T n) { return xchg(&v->counter, n); }                                         \
	static inline T pfx##_cmpxchg(type *v, T o, T n) { return cmpxchg(&v->counter, o, n); }                           \
	static inline bool pfx##_try_cmpxchg(type *v, T *o, T n) { return try_cmpxchg(&v->counter, o, n); }               \
	static inline T pfx##_fetch_add_unless(type *v, T a, T u)                                                         \
	{                                                                                                                 \
		T c = pfx##_read(v);                                                                                          \
		while (c != u && !pfx##_try_cmpxchg(v, &c, c + a))                                                            \
			;                                                                                                         \
		return c;                                                                                                     \
	}                                                                                                                 \
	static inline bool pfx##_add_unless(type *v, T a, T u) { return pfx##_fetch_add_unless(v, a, u) != u; }           \
	static inline bool pfx##_inc_not_zero(type *v) { return pfx##_add_unless(v, 1, 0); }                              \
	static inline T pfx##_dec_if_positive(type *v)                                                                    \
	{                                                                                                                 \
		T c = pfx##_read(v);                                                                                          \
		while (c > 0 && !pfx##_try_cmpxchg(v, &c, c - 1))                                                             \
			;                                                                                                         \
		return c - 1;                                                                                                 \
	}

typedef struct {
	long counter;
} atomic_long_t;
__LOCKSTEP_ATOMIC(atomic, int, atomic_t)
__LOCKSTEP_ATOMIC(atomic64, s64, atomic64_t)
__LOCKSTEP_ATOMIC(atomic_long, long, atomic_long_t)

#endif
