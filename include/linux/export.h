/* <linux/export.h>: symbols for other modules, in C and in TypeScript. */
#ifndef _LINUX_EXPORT_H
#define _LINUX_EXPORT_H

#include <linux/compiler.h>

struct kernel_symbol {
	const void *value;
	const char *name;
};
#define EXPORT_SYMBOL(symbol)                                                            \
	static const struct kernel_symbol __ksymtab_##symbol __used __section("__ksymtab") = \
		{ (const void *)&symbol, #symbol }
#define EXPORT_SYMBOL_GPL(symbol) EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_NS(symbol, ns) EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_NS_GPL(symbol, ns) EXPORT_SYMBOL(symbol)
#define THIS_MODULE ((struct module *)0)

#endif
