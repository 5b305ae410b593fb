/* <linux/moduleparam.h>: `name=value` at load time. Permissions are kept, there is no sysfs. */
#ifndef _LINUX_MODULEPARAM_H
#define _LINUX_MODULEPARAM_H

#include <linux/init.h>
#include <linux/stat.h>
#include <linux/types.h>

#define __MODULE_INFO(tag, name, info)                                                   \
	static const char __UNIQUE_ID(name)[] __used __section(".modinfo") __aligned(1) = #tag "=" info

/* Read by src/cc/param.ts. */
struct kernel_param {
	const char *name;
	const char *type;
	const void *arg;
	unsigned int perm;
	/* Of arrays: most values, and where the number of values goes. */
	unsigned int max;
	int *num;
};
#define __lockstep_param(pname, ptype, parg, pperm, pmax, pnum)                          \
	static const struct kernel_param __param_##pname __used __section("__param") = {     \
		.name = #pname, .type = ptype, .arg = (const void *)(parg), .perm = (pperm),    \
		.max = (pmax), .num = (int *)(pnum) };                                          \
	__MODULE_INFO(parmtype, pname##type, #pname ":" ptype)

/* What a variable of each type must be. */
#define __param_check_byte(p) unsigned char *: 1
#define __param_check_short(p) short *: 1
#define __param_check_ushort(p) unsigned short *: 1
#define __param_check_int(p) int *: 1
#define __param_check_uint(p) unsigned int *: 1
#define __param_check_hexint(p) unsigned int *: 1
#define __param_check_long(p) long *: 1
#define __param_check_ulong(p) unsigned long *: 1
#define __param_check_llong(p) long long *: 1
#define __param_check_ullong(p) unsigned long long *: 1
#define __param_check_charp(p) char **: 1
#define __param_check_bool(p) bool *: 1
#define __param_check(pname, p, type)                                                    \
	_Static_assert(_Generic((p), __param_check_##type(p), default: 0),                   \
		       "module_param(" #pname "): the variable is not of the type " #type)

#define module_param_named(name, value, type, perm)                                      \
	__param_check(name, &(value), type);                                                \
	__lockstep_param(name, #type, &(value), perm, 0, 0)
#define module_param(name, type, perm) module_param_named(name, name, type, perm)
#define module_param_unsafe(name, type, perm) module_param(name, type, perm)
#define module_param_array_named(name, array, type, nump, perm)                          \
	__param_check(name, &(array)[0], type);                                             \
	__lockstep_param(name, #type, array, perm, sizeof(array) / sizeof((array)[0]), nump)
#define module_param_array(name, type, nump, perm) module_param_array_named(name, name, type, nump, perm)
#define module_param_string(name, string, len, perm) __lockstep_param(name, "string", string, perm, len, 0)
#define MODULE_PARM_DESC(_parm, desc) __MODULE_INFO(parm, _parm, #_parm ":" desc)

#endif
