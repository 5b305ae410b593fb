/* <linux/mutex.h>. Context: task. */
#ifndef _LINUX_MUTEX_H
#define _LINUX_MUTEX_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/spinlock_types.h>

#define __MUTEX_INITIALIZER(name)                                                        \
	{                                                                                   \
		.wait_lock = __SPIN_LOCK_UNLOCKED(name.wait_lock),                              \
		.wait_list = LIST_HEAD_INIT((name).wait_list), .magic = LOCKSTEP_MUTEX_MAGIC    \
	}
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

extern void mutex_init(struct mutex *lock);
extern void mutex_destroy(struct mutex *lock);
extern void mutex_lock(struct mutex *lock);
extern int mutex_lock_interruptible(struct mutex *lock) __must_check;
extern int mutex_lock_killable(struct mutex *lock) __must_check;
extern int mutex_trylock(struct mutex *lock);
extern void mutex_unlock(struct mutex *lock);
extern bool mutex_is_locked(struct mutex *lock);
#define mutex_lock_nested(lock, subclass) mutex_lock(lock)
#define mutex_lock_io(lock) mutex_lock(lock)

#endif
