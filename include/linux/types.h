/* <linux/types.h>. `long` and pointers have 32 bits. */
#ifndef _LINUX_TYPES_H
#define _LINUX_TYPES_H

#include <linux/compiler.h>
#include <linux/stddef.h>

typedef _Bool bool;
typedef signed char s8, __s8, int8_t;
typedef unsigned char u8, __u8, uint8_t, u_char, unchar;
typedef short s16, __s16, int16_t;
typedef unsigned short u16, __u16, uint16_t, u_short, ushort;
typedef int s32, __s32, int32_t;
typedef unsigned int u32, __u32, uint32_t, u_int, uint;
typedef long long s64, __s64, int64_t;
typedef unsigned long long u64, __u64, uint64_t;
typedef unsigned long ulong, u_long, uintptr_t, size_t, __kernel_size_t;
typedef long intptr_t, ptrdiff_t, ssize_t, __kernel_ssize_t;
typedef u16 __le16, __be16, __sum16;
typedef u32 __le32, __be32, __wsum;
typedef u64 __le64, __be64;

typedef u32 gfp_t, slab_flags_t, fmode_t, dev_t, __poll_t;
typedef int pid_t;
typedef u16 umode_t;
typedef u32 uid_t, gid_t;
typedef long long loff_t;
typedef long off_t;
typedef u64 sector_t, blkcnt_t;
typedef long long time64_t;
typedef long long ktime_t;
typedef u32 phys_addr_t, dma_addr_t, resource_size_t;

#define BITS_PER_LONG 32
#define BITS_PER_LONG_LONG 64
#define BITS_PER_BYTE 8
#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define aligned_u64 __u64 __aligned(8)

struct callback_head {
	struct callback_head *next;
	void (*func)(struct callback_head *head);
};
#define rcu_head callback_head

/* Structs that TypeScript code uses too. */
#include <lockstep/layout.h>

#endif
