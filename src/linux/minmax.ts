// pure: touches no memory, so it is no step and may be called anywhere.
// <linux/minmax.h>, for numbers and for bigints, not mixed.
export const min = <T extends number | bigint>(a: T, b: T): T => (a < b ? a : b);
export const max = <T extends number | bigint>(a: T, b: T): T => (a > b ? a : b);
export const min3 = <T extends number | bigint>(a: T, b: T, c: T): T => min(min(a, b), c);
export const max3 = <T extends number | bigint>(a: T, b: T, c: T): T => max(max(a, b), c);
/** The smaller one that is not 0. */
export const min_not_zero = <T extends number | bigint>(a: T, b: T): T => (!a ? b : !b ? a : min(a, b));
/** `value` brought into `low` to `high`, both included. */
export const clamp = <T extends number | bigint>(value: T, low: T, high: T): T =>
  value < low ? low : value > high ? high : value;
export const in_range = <T extends number | bigint>(value: T, start: T, length: T): boolean =>
  value >= start && (value as number) - (start as number) < length;
