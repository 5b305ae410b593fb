/* <linux/container_of.h> */
#ifndef _LINUX_CONTAINER_OF_H
#define _LINUX_CONTAINER_OF_H

#include <linux/compiler.h>
#include <linux/stddef.h>

#define typeof_member(type, member) typeof(((type *)0)->member)
/* The struct in which *ptr lies as `member`. */
#define container_of(ptr, type, member)                                                            \
	({                                                                                             \
		_Static_assert(__same_type(*(ptr), ((type *)0)->member) || __same_type(*(ptr), void),      \
			       "pointer type mismatch in container_of()");                                     \
		(type *)((char *)(ptr) - offsetof(type, member));                                          \
	})
#define container_of_const(ptr, type, member) container_of(ptr, type, member)

#endif
