// pure: touches no memory, so it is no step and may be called anywhere.
// Of <asm/byteorder.h> and <linux/swab.h>: values. The machine is little-endian. 16 and 32 bits are numbers, 64 bits bigints;
// results are unsigned.
export const swab16 = (x: number): number => ((x & 0xff) << 8) | ((x >>> 8) & 0xff);
export const swab32 = (x: number): number =>
  ((x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)) >>> 0;
export const swab64 = (x: bigint): bigint =>
  (BigInt(swab32(Number(BigInt.asUintN(32, x)))) << 32n) | BigInt(swab32(Number(BigInt.asUintN(32, x >> 32n))));

export const cpu_to_le16 = (x: number): number => x & 0xffff;
export const cpu_to_le32 = (x: number): number => x >>> 0;
export const cpu_to_le64 = (x: bigint): bigint => BigInt.asUintN(64, x);
export const le16_to_cpu = cpu_to_le16;
export const le32_to_cpu = cpu_to_le32;
export const le64_to_cpu = cpu_to_le64;

export const cpu_to_be16 = swab16;
export const cpu_to_be32 = swab32;
export const cpu_to_be64 = swab64;
export const be16_to_cpu = swab16;
export const be32_to_cpu = swab32;
export const be64_to_cpu = swab64;

export const htons = swab16;
export const htonl = swab32;
export const ntohs = swab16;
export const ntohl = swab32;
