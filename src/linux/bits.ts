// pure: touches no memory, so it is no step and may be called anywhere.
// <linux/bits.h> and the bit arithmetic of <linux/bitops.h>. `unsigned long` has 32 bits; the _ULL forms are bigints.
export const BITS_PER_BYTE = 8;
export const BITS_PER_LONG = 32;
export const BITS_PER_LONG_LONG = 64;

export const BIT = (nr: number): number => (1 << nr) >>> 0;
export const BIT_ULL = (nr: number): bigint => 1n << BigInt(nr);
/** Bit `nr` of a bitmap: its mask in its word, and which word. */
export const BIT_MASK = (nr: number): number => (1 << (nr & 31)) >>> 0;
export const BIT_WORD = (nr: number): number => nr >>> 5;
export const BITS_TO_LONGS = (nr: number): number => (nr + 31) >>> 5;
export const BITS_TO_BYTES = (nr: number): number => (nr + 7) >>> 3;
/** Bits `h` down to `l`, both included: GENMASK(7, 4) is 0xf0. */
export const GENMASK = (h: number, l: number): number => ((~0 >>> (31 - h)) & (~0 << l)) >>> 0;
export const GENMASK_ULL = (h: number, l: number): bigint => ((1n << BigInt(h + 1)) - 1n) & ~((1n << BigInt(l)) - 1n);

/** Number of the highest bit that is set; of 0, nonsense. */
export const __fls = (x: number): number => 31 - Math.clz32(x);
/** Number of the lowest bit that is set; of 0, nonsense. */
export const __ffs = (x: number): number => 31 - Math.clz32(x & -x);
/** Number of the lowest bit that is clear; of ~0, nonsense. */
export const ffz = (x: number): number => __ffs(~x);
/** Counting from 1, and 0 if none is set. */
export const ffs = (x: number): number => 32 - Math.clz32(x & -x);
export const fls = (x: number): number => 32 - Math.clz32(x);
export const fls64 = (x: bigint): number => {
  const high = Number(BigInt.asUintN(32, x >> 32n));
  return high !== 0 ? 32 + fls(high) : fls(Number(BigInt.asUintN(32, x)));
};
export const __ffs64 = (x: bigint): number => {
  const low = Number(BigInt.asUintN(32, x));
  return low !== 0 ? __ffs(low) : 32 + __ffs(Number(BigInt.asUintN(32, x >> 32n)));
};

/** How many bits are set. */
export function hweight32(x: number): number {
  let n = x - ((x >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
export const hweight16 = (x: number): number => hweight32(x & 0xffff);
export const hweight8 = (x: number): number => hweight32(x & 0xff);
export const hweight_long = hweight32;
export const hweight64 = (x: bigint): number =>
  hweight32(Number(BigInt.asIntN(32, x))) + hweight32(Number(BigInt.asIntN(32, x >> 32n)));

export const rol32 = (x: number, n: number): number => ((x << (n & 31)) | (x >>> (-n & 31))) >>> 0;
export const ror32 = (x: number, n: number): number => ((x >>> (n & 31)) | (x << (-n & 31))) >>> 0;
export const rol16 = (x: number, n: number): number =>
  (((x & 0xffff) << (n & 15)) | ((x & 0xffff) >>> (-n & 15))) & 0xffff;
export const ror16 = (x: number, n: number): number =>
  (((x & 0xffff) >>> (n & 15)) | ((x & 0xffff) << (-n & 15))) & 0xffff;
export const rol8 = (x: number, n: number): number => (((x & 0xff) << (n & 7)) | ((x & 0xff) >>> (-n & 7))) & 0xff;
export const ror8 = (x: number, n: number): number => (((x & 0xff) >>> (n & 7)) | ((x & 0xff) << (-n & 7))) & 0xff;
export const rol64 = (x: bigint, n: number): bigint =>
  BigInt.asUintN(64, (x << BigInt(n & 63)) | (BigInt.asUintN(64, x) >> BigInt(-n & 63)));
export const ror64 = (x: bigint, n: number): bigint => rol64(x, -n);
/** `x` as a number of `bit + 1` bits with a sign. */
export const sign_extend32 = (x: number, bit: number): number => (x << (31 - bit)) >> (31 - bit);
export const sign_extend64 = (x: bigint, bit: number): bigint => BigInt.asIntN(bit + 1, x);
export const fls_long = fls;
/** The smallest order such that 1 << order is at least `count`; -1 for 0. */
export const get_count_order = (count: number): number => (count === 0 ? -1 : fls(count - 1));
export const get_count_order_long = get_count_order;
