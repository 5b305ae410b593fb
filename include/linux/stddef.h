/* <linux/stddef.h> */
#ifndef _LINUX_STDDEF_H
#define _LINUX_STDDEF_H

#undef NULL
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)
#define sizeof_field(type, member) sizeof((((type *)0)->member))
#define offsetofend(type, member) (offsetof(type, member) + sizeof_field(type, member))
#ifndef __cplusplus
enum { false = 0, true = 1 };
#endif
#define struct_group(name, members...) \
	union {                            \
		struct {                       \
			members                    \
		};                             \
		struct {                       \
			members                    \
		} name;                        \
	}
#define DECLARE_FLEX_ARRAY(type, name) \
	struct {                           \
		struct {                       \
		} __empty_##name;              \
		type name[];                   \
	}

#endif
