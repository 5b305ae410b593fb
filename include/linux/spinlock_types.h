/* <linux/spinlock_types.h> */
#ifndef _LINUX_SPINLOCK_TYPES_H
#define _LINUX_SPINLOCK_TYPES_H

#include <linux/types.h>

#define __SPIN_LOCK_UNLOCKED(name) { .rlock = 0, .magic = LOCKSTEP_LOCK_MAGIC }
#define __RAW_SPIN_LOCK_UNLOCKED(name) { .raw_lock = 0, .magic = LOCKSTEP_LOCK_MAGIC }
#define DEFINE_SPINLOCK(name) spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name = __RAW_SPIN_LOCK_UNLOCKED(name)

#endif
