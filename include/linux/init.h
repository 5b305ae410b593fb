/* <linux/init.h>. Nothing is freed after init: the marks mean nothing. */
#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H

#include <linux/compiler.h>

#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#define __ro_after_init
#define __read_mostly

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

/* The loader finds them as init_module and cleanup_module, the names that a module may also give its functions itself. */
#define module_init(f)                                                                   \
	static inline initcall_t __maybe_unused __inittest(void) { return f; }              \
	int init_module(void) __attribute__((alias(#f)));
#define module_exit(f)                                                                   \
	static inline exitcall_t __maybe_unused __exittest(void) { return f; }              \
	void cleanup_module(void) __attribute__((alias(#f)));

#endif
