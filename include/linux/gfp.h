/* <linux/gfp.h>: how memory is allocated. */
#ifndef _LINUX_GFP_H
#define _LINUX_GFP_H

#include <lockstep/gfp.h>
#include <linux/types.h>

#endif
