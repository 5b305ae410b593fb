/* <linux/string.h>: bytes and strings. */
#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H

#include <linux/errno.h>
#include <linux/stdarg.h>
#include <linux/types.h>

static inline void *memset(void *s, int c, size_t n)
{
	char *p = s;
	if (n)
		*(volatile char *)p = c; /* a null pointer is found here; the rest is one instruction */
	return __builtin_memset(s, c, n);
}
static inline void *memcpy(void *to, const void *from, size_t n)
{
	if (n)
		*(volatile char *)to = *(const volatile char *)from;
	return __builtin_memcpy(to, from, n);
}
static inline void *memmove(void *to, const void *from, size_t n)
{
	if (n) {
		(void)*(const volatile char *)from;
		(void)*(volatile char *)to;
	}
	return __builtin_memmove(to, from, n);
}
static inline int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
static inline void *memchr(const void *s, int c, size_t n)
{
	const unsigned char *p = s;
	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)p;
	return NULL;
}
static inline size_t strlen(const char *s)
{
	const char *end = s;
	while (*end)
		end++;
	return end - s;
}
static inline size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;
	while (n < max && s[n])
		n++;
	return n;
}
static inline int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a < (unsigned char)*b ? -1 : (unsigned char)*a > (unsigned char)*b;
}
static inline int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++, b++)
		;
	if (!n)
		return 0;
	return (unsigned char)*a < (unsigned char)*b ? -1 : (unsigned char)*a > (unsigned char)*b;
}
static inline char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}
static inline char *strrchr(const char *s, int c)
{
	const char *last = NULL;
	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}
static inline char *strcpy(char *to, const char *from)
{
	char *p = to;
	while ((*p++ = *from++))
		;
	return to;
}
static inline char *strncpy(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = *from;
		if (*from)
			from++;
	}
	return to;
}
static inline char *strcat(char *to, const char *from)
{
	strcpy(to + strlen(to), from);
	return to;
}
/* Value: characters copied, or -E2BIG if `from` was cut. */
static inline ssize_t __lockstep_strscpy(char *to, const char *from, size_t size)
{
	size_t n = 0;
	if (!size)
		return -E2BIG;
	for (; n < size - 1 && from[n]; n++)
		to[n] = from[n];
	to[n] = 0;
	return from[n] ? -E2BIG : (ssize_t)n;
}
#define __strscpy_2(to, from) __lockstep_strscpy(to, from, sizeof(to) + __must_be_array(to))
#define __strscpy_3(to, from, size) __lockstep_strscpy(to, from, size)
#define __strscpy_pick(_1, _2, _3, name, ...) name
#define strscpy(args...) __strscpy_pick(args, __strscpy_3, __strscpy_2)(args)
static inline char *strstr(const char *s, const char *needle)
{
	size_t n = strlen(needle);
	for (; strlen(s) >= n; s++)
		if (!strncmp(s, needle, n))
			return (char *)s;
	return NULL;
}
static inline bool strstarts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
static inline size_t str_has_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(s, prefix, n) == 0 ? n : 0;
}
extern char *kstrdup(const char *s, gfp_t gfp);
extern char *kstrndup(const char *s, size_t max, gfp_t gfp);
extern void *kmemdup(const void *from, size_t n, gfp_t gfp);

#endif
