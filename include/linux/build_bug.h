/* <linux/build_bug.h>: part of <linux/compiler.h> here. */
#include <linux/compiler.h>
