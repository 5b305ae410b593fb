/* <linux/bottom_half.h> */
#ifndef _LINUX_BOTTOM_HALF_H
#define _LINUX_BOTTOM_HALF_H

extern void local_bh_disable(void);
extern void local_bh_enable(void);

#endif
