// pure: touches nothing that CPUs share.
// <linux/hash.h>: multiplicative hashing with the golden ratio. Context: any.
export const GOLDEN_RATIO_32 = 0x61c88647;
export const GOLDEN_RATIO_64 = 0x61c8864680b583ebn;

/** The upper `bits` (1 to 32) of the hash of a 32-bit value. */
export const hash_32 = (value: number, bits: number): number => Math.imul(value, GOLDEN_RATIO_32) >>> (32 - bits);
/** The upper `bits` (1 to 32) of the hash of a 64-bit value. */
export const hash_64 = (value: bigint, bits: number): number =>
  Number(BigInt.asUintN(64, value * GOLDEN_RATIO_64) >> BigInt(64 - bits));
/** A `long` has 32 bits. */
export const hash_long = hash_32;
export const hash_ptr = hash_32;
/** Folds an address to 32 bits, which it has. */
export const hash32_ptr = (pointer: number): number => pointer >>> 0;
