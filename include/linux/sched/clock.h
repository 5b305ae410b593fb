/* <linux/sched/clock.h>: part of <linux/sched.h> here. */
#include <linux/sched.h>
