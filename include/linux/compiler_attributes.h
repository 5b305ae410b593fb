/* <linux/compiler_attributes.h>: part of <linux/compiler.h> here. */
#include <linux/compiler.h>
