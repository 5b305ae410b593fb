/* <linux/linkage.h> */
#include <linux/compiler.h>
