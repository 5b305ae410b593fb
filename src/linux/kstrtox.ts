// <linux/kstrtox.h>: text to numbers. Linux's functions return an error and write the number through a pointer; here
// both come back:
//
//   const parsed = kstrtoint(buffer, 10);
//   if (parsed.error) return parsed.error;          // -EINVAL: no number; -ERANGE: too large for the type
//   use(parsed.value);
//
// The text is a JS string, or an address or view of a NUL-terminated one. Base 0 takes 0x for 16 and 0 for 8; base 16
// takes 0x too. One newline at the end is allowed, blanks are not. Context: any.
import { EINVAL, ERANGE } from './errno.js';
import { js_string, type Str } from './string.js';

export interface Parsed<V> {
  /** 0 or a negative error number. */
  readonly error: number;
  /** 0 if there is an error. */
  readonly value: V;
}

function digit(c: string): number {
  const x = c.charCodeAt(0);
  if (x >= 0x30 && x <= 0x39) return x - 0x30;
  const lower = x | 0x20;
  return lower >= 0x61 && lower <= 0x7a ? lower - 0x61 + 10 : 99;
}

/** The number as a bigint, or an error. */
function parse(s: Str, base: number, signed: boolean): bigint | number {
  let text = js_string(s, 'kstrtox');
  let negative = false;
  if (text.startsWith('+')) text = text.slice(1);
  else if (signed && text.startsWith('-')) {
    negative = true;
    text = text.slice(1);
  }
  if (text.endsWith('\n')) text = text.slice(0, -1);
  const hex = /^0[xX]/.test(text) && digit(text[2] ?? ' ') < 16;
  const radix = base !== 0 ? base : hex ? 16 : text.startsWith('0') ? 8 : 10;
  if (radix === 16 && hex) text = text.slice(2);
  if (text === '') return -EINVAL;
  let value = 0n;
  const big = BigInt(radix);
  for (const c of text) {
    const d = digit(c);
    if (d >= radix) return -EINVAL;
    value = value * big + BigInt(d);
    // What follows may still be no digit, but Linux too says first what it sees first.
    if (value >= 1n << 64n) return -ERANGE;
  }
  return negative ? -value : value;
}

function narrow(s: Str, base: number, low: bigint, high: bigint): Parsed<number> {
  const value = parse(s, base, low < 0n);
  if (typeof value === 'number') return { error: value, value: 0 };
  if (value < low || value > high) return { error: -ERANGE, value: 0 };
  return { error: 0, value: Number(value) };
}
function wide(s: Str, base: number, low: bigint, high: bigint): Parsed<bigint> {
  const value = parse(s, base, low < 0n);
  if (typeof value === 'number') return { error: value, value: 0n };
  if (value < low || value > high) return { error: -ERANGE, value: 0n };
  return { error: 0, value };
}

export const kstrtou8 = (s: Str, base: number): Parsed<number> => narrow(s, base, 0n, 0xffn);
export const kstrtos8 = (s: Str, base: number): Parsed<number> => narrow(s, base, -0x80n, 0x7fn);
export const kstrtou16 = (s: Str, base: number): Parsed<number> => narrow(s, base, 0n, 0xffffn);
export const kstrtos16 = (s: Str, base: number): Parsed<number> => narrow(s, base, -0x8000n, 0x7fffn);
export const kstrtouint = (s: Str, base: number): Parsed<number> => narrow(s, base, 0n, 0xffff_ffffn);
export const kstrtoint = (s: Str, base: number): Parsed<number> => narrow(s, base, -0x8000_0000n, 0x7fff_ffffn);
export const kstrtou32 = kstrtouint;
export const kstrtos32 = kstrtoint;
/** long has 32 bits. */
export const kstrtoul = kstrtouint;
export const kstrtol = kstrtoint;
export const kstrtoull = (s: Str, base: number): Parsed<bigint> => wide(s, base, 0n, (1n << 64n) - 1n);
export const kstrtoll = (s: Str, base: number): Parsed<bigint> => wide(s, base, -(1n << 63n), (1n << 63n) - 1n);
export const kstrtou64 = kstrtoull;
export const kstrtos64 = kstrtoll;

/** y, Y, t, T, 1 and on are true; n, N, f, F, 0 and off are false. Only the first one or two characters count. */
export function kstrtobool(s: Str): Parsed<boolean> {
  const text = js_string(s, 'kstrtobool');
  const first = text[0] ?? ' ';
  const second = (text[1] ?? ' ').toLowerCase();
  if ('yYtT1'.includes(first)) return { error: 0, value: true };
  if ('nNfF0'.includes(first)) return { error: 0, value: false };
  if ('oO'.includes(first) && second === 'n') return { error: 0, value: true };
  if ('oO'.includes(first) && second === 'f') return { error: 0, value: false };
  return { error: -EINVAL, value: false };
}
