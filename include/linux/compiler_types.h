/* <linux/compiler_types.h>: part of <linux/compiler.h> here. */
#include <linux/compiler.h>
