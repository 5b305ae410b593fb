/* <linux/spinlock.h>. Context: any; see the kernel's own rules about irqsave and bh. */
#ifndef _LINUX_SPINLOCK_H
#define _LINUX_SPINLOCK_H

#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/spinlock_types.h>

extern void spin_lock_init(spinlock_t *lock);
extern void spin_lock(spinlock_t *lock);
extern void spin_unlock(spinlock_t *lock);
extern int spin_trylock(spinlock_t *lock);
extern void spin_lock_irq(spinlock_t *lock);
extern void spin_unlock_irq(spinlock_t *lock);
extern int spin_trylock_irq(spinlock_t *lock);
extern void spin_lock_bh(spinlock_t *lock);
extern void spin_unlock_bh(spinlock_t *lock);
extern int spin_trylock_bh(spinlock_t *lock);
extern int spin_is_locked(spinlock_t *lock);
extern int spin_is_contended(spinlock_t *lock);
extern void assert_spin_locked(spinlock_t *lock);
extern unsigned long __spin_lock_irqsave(spinlock_t *lock);
extern long __spin_trylock_irqsave(spinlock_t *lock);
extern void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);
#define spin_lock_irqsave(lock, flags) ((void)((flags) = __spin_lock_irqsave(lock)))
#define spin_trylock_irqsave(lock, flags)                                                \
	({                                                                                  \
		long __flags = __spin_trylock_irqsave(lock);                                    \
		if (__flags >= 0)                                                               \
			(flags) = __flags;                                                          \
		__flags >= 0;                                                                   \
	})
#define spin_lock_nested(lock, subclass) spin_lock(lock)
#define spin_lock_irqsave_nested(lock, flags, subclass) spin_lock_irqsave(lock, flags)

#define raw_spin_lock_init(lock) spin_lock_init((spinlock_t *)(lock))
#define raw_spin_lock(lock) spin_lock((spinlock_t *)(lock))
#define raw_spin_unlock(lock) spin_unlock((spinlock_t *)(lock))
#define raw_spin_trylock(lock) spin_trylock((spinlock_t *)(lock))
#define raw_spin_lock_irq(lock) spin_lock_irq((spinlock_t *)(lock))
#define raw_spin_unlock_irq(lock) spin_unlock_irq((spinlock_t *)(lock))
#define raw_spin_lock_bh(lock) spin_lock_bh((spinlock_t *)(lock))
#define raw_spin_unlock_bh(lock) spin_unlock_bh((spinlock_t *)(lock))
#define raw_spin_lock_irqsave(lock, flags) spin_lock_irqsave((spinlock_t *)(lock), flags)
#define raw_spin_unlock_irqrestore(lock, flags) spin_unlock_irqrestore((spinlock_t *)(lock), flags)

#endif
