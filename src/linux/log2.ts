// pure: touches no memory, so it is no step and may be called anywhere.
// <linux/log2.h>, for 32-bit numbers.

/** Floor of the logarithm; of 0 it is -1. */
export const ilog2 = (n: number): number => 31 - Math.clz32(n);
export const is_power_of_2 = (n: number): boolean => n !== 0 && (n & (n - 1)) === 0;
/** The power of two that is `n` or the next one; `n` from 1 to 2^31. */
export const roundup_pow_of_two = (n: number): number => (n <= 1 ? 1 : 2 ** (32 - Math.clz32(n - 1)));
export const rounddown_pow_of_two = (n: number): number => 2 ** ilog2(n);
/** Ceiling of the logarithm; of 0 and 1 it is 0. */
export const order_base_2 = (n: number): number => (n <= 1 ? 0 : 32 - Math.clz32(n - 1));
