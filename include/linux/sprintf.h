/* <linux/sprintf.h> */
#ifndef _LINUX_SPRINTF_H
#define _LINUX_SPRINTF_H

#include <linux/stdarg.h>
#include <linux/types.h>

extern int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
extern int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
extern int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
extern int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
extern int sprintf(char *buf, const char *fmt, ...) __printf(2, 3);
extern int vsprintf(char *buf, const char *fmt, va_list args) __printf(2, 0);
extern char *kasprintf(gfp_t gfp, const char *fmt, ...) __printf(2, 3);
extern char *kvasprintf(gfp_t gfp, const char *fmt, va_list args) __printf(2, 0);

#endif
