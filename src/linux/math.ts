// pure: touches no memory, so it is no step and may be called anywhere.
// <linux/math.h>, <linux/align.h> and <linux/math64.h>: arithmetic on integers as C divides them.

/** Quotient rounded up; `n` not negative. */
export const DIV_ROUND_UP = (n: number, d: number): number => Math.floor((n + d - 1) / d);
/** Rounded to the nearest, halves away from zero. */
export const DIV_ROUND_CLOSEST = (n: number, d: number): number =>
  n > 0 === d > 0 ? Math.trunc((n + Math.trunc(d / 2)) / d) : Math.trunc((n - Math.trunc(d / 2)) / d);
/** To a multiple of any `y`. */
export const roundup = (x: number, y: number): number => DIV_ROUND_UP(x, y) * y;
export const rounddown = (x: number, y: number): number => x - (x % y);
/** To a multiple of `y`, a power of two. */
export const round_up = (x: number, y: number): number => Math.ceil(x / y) * y;
export const round_down = (x: number, y: number): number => Math.floor(x / y) * y;
export const ALIGN = round_up;
export const ALIGN_DOWN = round_down;
export const PTR_ALIGN = round_up;
export const IS_ALIGNED = (x: number, a: number): boolean => x % a === 0;

export const abs = <T extends number | bigint>(x: T): T => (x < 0 ? -x : x) as T;
/** Floor of the square root, 0 to 2^32 - 1. */
export const int_sqrt = (x: number): number => Math.floor(Math.sqrt(x));

export const div_u64 = (n: bigint, d: number): bigint => BigInt.asUintN(64, n) / BigInt(d >>> 0);
export const div64_u64 = (n: bigint, d: bigint): bigint => BigInt.asUintN(64, n) / BigInt.asUintN(64, d);
export const div_s64 = (n: bigint, d: number): bigint => n / BigInt(d | 0);
export const upper_32_bits = (n: bigint): number => Number(BigInt.asUintN(32, n >> 32n));
export const lower_32_bits = (n: bigint): number => Number(BigInt.asUintN(32, n));
