// <linux/ctype.h>: what kind of character a code is. The code is a byte (or the first of a JS string); beyond ASCII the
// table is Latin-1, as in Linux. Pure.
import { no_step } from '../cpu/heap.js';

type Char = number | string;
const code = (c: Char): number => (typeof c === 'number' ? c & 0xff : c.charCodeAt(0) & 0xff);

export function isdigit(c: Char): boolean {
  const x = code(c);
  return x >= 0x30 && x <= 0x39;
}
export function islower(c: Char): boolean {
  const x = code(c);
  return (x >= 0x61 && x <= 0x7a) || (x >= 0xdf && x !== 0xf7);
}
export function isupper(c: Char): boolean {
  const x = code(c);
  return (x >= 0x41 && x <= 0x5a) || (x >= 0xc0 && x <= 0xde && x !== 0xd7);
}
export const isalpha = (c: Char): boolean => islower(c) || isupper(c);
export const isalnum = (c: Char): boolean => isalpha(c) || isdigit(c);
export function isxdigit(c: Char): boolean {
  const x = code(c) | 0x20;
  return isdigit(c) || (x >= 0x61 && x <= 0x66);
}
export function isodigit(c: Char): boolean {
  const x = code(c);
  return x >= 0x30 && x <= 0x37;
}
export function isspace(c: Char): boolean {
  const x = code(c);
  return x === 0x20 || (x >= 9 && x <= 13) || x === 0xa0;
}
export function iscntrl(c: Char): boolean {
  const x = code(c);
  return x < 0x20 || x === 0x7f;
}
export function isgraph(c: Char): boolean {
  const x = code(c);
  return (x > 0x20 && x < 0x7f) || x > 0xa0;
}
export function isprint(c: Char): boolean {
  const x = code(c);
  return (x >= 0x20 && x < 0x7f) || x >= 0xa0;
}
export const ispunct = (c: Char): boolean => isgraph(c) && !isalnum(c);
export const isascii = (c: number): boolean => (c & ~0x7f) === 0;
export const toascii = (c: number): number => c & 0x7f;
export const tolower = (c: Char): number => (isupper(c) ? code(c) + 32 : code(c));
export const toupper = (c: Char): number =>
  islower(c) && code(c) !== 0xff && code(c) !== 0xdf ? code(c) - 32 : code(c);

no_step(isdigit, islower, isupper, isalpha, isalnum, isxdigit, isodigit, isspace, iscntrl, isgraph, isprint, ispunct);
no_step(isascii, toascii, tolower, toupper);
