/* <linux/array_size.h> */
#ifndef _LINUX_ARRAY_SIZE_H
#define _LINUX_ARRAY_SIZE_H

#include <linux/compiler.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]) + __must_be_array(array))

#endif
