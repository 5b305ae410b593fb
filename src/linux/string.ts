// <linux/string.h>: bytes and C strings in the machine's memory. Arguments that are only read may be JS strings, which
// stand for their UTF-8; otherwise they are addresses or views. Lengths are bytes. An address that is no memory is an
// oops. Context: any. Each call is one step: what two CPUs do to one string at the same time isn't torn.
import { check_address } from '../cpu/heap.js';
import { plain_read, plain_write } from '../cpu/order.js';
import { copy_bytes, fill_bytes, ld8, memory_size, st, st16, st8 } from '../cpu/raw.js';
import { decode_utf8, encode_utf8, string_length } from '../kernel/utf8.js';
import type { Pointer } from '../mm/slab.js';
import { tolower } from './ctype.js';
import { E2BIG, EINVAL } from './errno.js';

export { kmemdup, kmemdup_array, kmemdup_nul, kstrdup, kstrdup_const, kstrndup } from '../mm/util.js';

/** `const char *` */
export type Str = Pointer | string;

const address = (p: Pointer): number => (typeof p === 'number' ? p : p['@addr']);

/** Checks that `n` bytes at `a` are memory; none need be. */
function check_range(a: number, n: number, where: string, write: boolean): void {
  if (n <= 0) return;
  check_address(a, 1, where, write);
  check_address(a + n - 1, 1, where, write);
  if (write) plain_write(a, n);
  else plain_read(a, n);
}

/** Where the string at `a` ends: its bytes, at most `max`. */
function length_at(a: number, max: number, where: string): number {
  if (max <= 0) return 0;
  check_address(a, 1, where, false);
  const n = string_length(a, max);
  if (n < max && a + n >= memory_size) check_address(a + n, 1, where, false);
  plain_read(a, n < max ? n + 1 : n);
  return n;
}

/** Reads a byte of an address or of a JS string's UTF-8, 0 at its end. */
type Bytes = (i: number) => number;
function bytes_of(s: Str, where: string): Bytes {
  if (typeof s !== 'string') {
    const a = address(s);
    return (i) => {
      check_address(a + i, 1, where, false);
      plain_read(a + i, 1);
      return ld8(a + i);
    };
  }
  const bytes: number[] = [];
  encode_utf8(s, (byte) => bytes.push(byte));
  return (i) => bytes[i] ?? 0;
}

/** A NUL-terminated string of the machine as a JS string: what TypeScript has instead of `const char *`. */
export function js_string(s: Str, where = 'js_string'): string {
  if (typeof s === 'string') return s;
  const a = address(s);
  const room = typeof s === 'object' ? ((s as { length?: number }).length ?? Infinity) : Infinity;
  return decode_utf8(a, length_at(a, room, where));
}

export function strlen(s: Str): number {
  return strnlen(s, Infinity);
}
export function strnlen(s: Str, max: number): number {
  if (typeof s !== 'string') return length_at(address(s), max, 'strnlen');
  const n = s.indexOf('\0') < 0 ? s : s.slice(0, s.indexOf('\0'));
  return Math.min(
    max,
    encode_utf8(n, () => {}),
  );
}

/** Copies what fits in `size` bytes, always with a NUL. Return: bytes copied without the NUL; -E2BIG if cut off. */
export function strscpy(to: Pointer, from: Str, size: number): number {
  const a = address(to);
  if (size <= 0) return -E2BIG;
  const byte = bytes_of(from, 'strscpy');
  for (let i = 0; i < size; i++) {
    const c = byte(i);
    check_address(a + i, 1, 'strscpy', true);
    plain_write(a + i, 1);
    st8(a + i, i === size - 1 ? 0 : c);
    if (c === 0) return i;
  }
  return -E2BIG;
}
/** As strscpy, with zeros to the end. */
export function strscpy_pad(to: Pointer, from: Str, size: number): number {
  const n = strscpy(to, from, size);
  if (n >= 0) memset(address(to) + n, 0, size - n);
  return n;
}
/** No bound: strscpy is meant. Return: `to`. */
export function strcpy(to: Pointer, from: Str): number {
  strscpy(to, from, Infinity);
  return address(to);
}
/** Copies at most `n` bytes and fills the rest with zeros; no NUL if the text is that long. Return: `to`. */
export function strncpy(to: Pointer, from: Str, n: number): number {
  const a = address(to);
  check_range(a, n, 'strncpy', true);
  const byte = bytes_of(from, 'strncpy');
  let ended = false;
  for (let i = 0; i < n; i++) {
    const c: number = ended ? 0 : byte(i);
    ended = c === 0;
    st8(a + i, c);
  }
  return a;
}
export function strcat(to: Pointer, from: Str): number {
  strcpy(address(to) + strlen(to), from);
  return address(to);
}
/** Appends at most `n` bytes and a NUL. */
export function strncat(to: Pointer, from: Str, n: number): number {
  strscpy(address(to) + strlen(to), from, n + 1);
  return address(to);
}
/** Appends what fits in `size` bytes in all. Return: the length that the whole would have. */
export function strlcat(to: Pointer, from: Str, size: number): number {
  const had = strnlen(to, size);
  if (had < size) strscpy(address(to) + had, from, size - had);
  return had + strlen(from);
}

function compare(x: Str, y: Str, n: number, fold: (c: number) => number, where: string): number {
  const a = bytes_of(x, where);
  const b = bytes_of(y, where);
  for (let i = 0; i < n; i++) {
    const c = fold(a(i));
    const d = fold(b(i));
    if (c !== d) return c < d ? -1 : 1;
    if (c === 0) break;
  }
  return 0;
}
const same = (c: number): number => c;
/** -1, 0 or 1 by the first byte that differs. */
export const strcmp = (x: Str, y: Str): number => compare(x, y, Infinity, same, 'strcmp');
export const strncmp = (x: Str, y: Str, n: number): number => compare(x, y, n, same, 'strncmp');
export const strcasecmp = (x: Str, y: Str): number => compare(x, y, Infinity, tolower, 'strcasecmp');
export const strncasecmp = (x: Str, y: Str, n: number): number => compare(x, y, n, tolower, 'strncasecmp');
/** Does `s` begin with `prefix`? */
export const strstarts = (s: Str, prefix: Str): boolean => strncmp(s, prefix, strlen(prefix)) === 0;
/** The length of the prefix if `s` begins with it, else 0. */
export const str_has_prefix = (s: Str, prefix: Str): number => (strstarts(s, prefix) ? strlen(prefix) : 0);
/** Equal, but for one newline at an end: what sysfs files are written with. */
export function sysfs_streq(x: Str, y: Str): boolean {
  const cut = (s: Str): string => js_string(s, 'sysfs_streq').replace(/\n$/, '');
  return cut(x) === cut(y);
}
/** The index of `s` in the list; -EINVAL if it isn't there. */
export function match_string(list: readonly Str[], s: Str): number {
  for (let i = 0; i < list.length; i++) if (strcmp(list[i]!, s) === 0) return i;
  return -EINVAL;
}

const byte_code = (c: number | string): number => (typeof c === 'number' ? c & 0xff : c.charCodeAt(0) & 0xff);
/** Address of the first `c` in the string, the NUL included; 0 if there is none. */
export function strchr(s: Pointer, c: number | string): number {
  const a = address(s);
  const at = memchr(a, byte_code(c), strlen(a) + 1);
  return at;
}
export function strchrnul(s: Pointer, c: number | string): number {
  const found = strchr(s, c);
  return found !== 0 ? found : address(s) + strlen(s);
}
export function strnchr(s: Pointer, n: number, c: number | string): number {
  const a = address(s);
  return memchr(a, byte_code(c), Math.min(n, strnlen(a, n) + 1));
}
export function strrchr(s: Pointer, c: number | string): number {
  const a = address(s);
  const wanted = byte_code(c);
  for (let at = a + strlen(a); at >= a; at--) if (ld8(at) === wanted) return at;
  return 0;
}
/** Address of the first occurrence of `needle`; 0 if there is none. */
export function strstr(s: Pointer, needle: Str): number {
  return strnstr(s, needle, Infinity);
}
export function strnstr(s: Pointer, needle: Str, n: number): number {
  const a = address(s);
  const length = strnlen(a, n);
  const size = strlen(needle);
  const byte = bytes_of(needle, 'strstr');
  for (let at = a; at + size <= a + length; at++) {
    let i = 0;
    while (i < size && ld8(at + i) === byte(i)) i++;
    if (i === size) return at;
  }
  return 0;
}
function span(s: Str, set: Str, inside: boolean, where: string): number {
  const byte = bytes_of(s, where);
  const members: boolean[] = [];
  const of = bytes_of(set, where);
  for (let i = 0; of(i) !== 0; i++) members[of(i)] = true;
  let n = 0;
  while (byte(n) !== 0 && (members[byte(n)] === true) === inside) n++;
  return n;
}
/** How many bytes at the start are of the set. */
export const strspn = (s: Str, accept: Str): number => span(s, accept, true, 'strspn');
/** How many bytes at the start are not of the set. */
export const strcspn = (s: Str, reject: Str): number => span(s, reject, false, 'strcspn');
/** Address of the first byte that is of the set; 0 if there is none. */
export function strpbrk(s: Pointer, accept: Str): number {
  const at = address(s) + strcspn(s, accept);
  return ld8(at) === 0 ? 0 : at;
}
export const skip_spaces = (s: Pointer): number => address(s) + strspn(s, ' \t\n\v\f\r');
/** Cuts blanks off both ends: writes a NUL behind the last character. Return: the address of the first. */
export function strim(s: Pointer): number {
  const a = address(s);
  let end = a + strlen(a);
  while (end > a && strspn(end - 1, ' \t\n\v\f\r') > 0) end--;
  if (ld8(end) !== 0) st8(end, 0);
  return skip_spaces(a);
}
export const strstrip = strim;
/** Replaces each `old`. Return: the string. */
export function strreplace(s: Pointer, old: number | string, fresh: number | string): number {
  const a = address(s);
  const end = a + strlen(a);
  for (let at = a; at < end; at++) if (ld8(at) === byte_code(old)) st8(at, byte_code(fresh));
  return a;
}
/** What follows the last slash. */
export function kbasename(path: Pointer): number {
  const slash = strrchr(path, '/');
  return slash === 0 ? address(path) : slash + 1;
}

/** Return: `a`. */
export function memset(a: Pointer, byte: number, n: number): number {
  const at = address(a);
  check_range(at, n, 'memset', true);
  fill_bytes(at, byte & 0xff, n);
  return at;
}
export const memzero_explicit = (a: Pointer, n: number): void => void memset(a, 0, n);
export function memset16(a: Pointer, value: number, n: number): number {
  const at = address(a);
  check_range(at, n * 2, 'memset16', true);
  for (let i = 0; i < n; i++) st16(at + i * 2, value);
  return at;
}
export function memset32(a: Pointer, value: number, n: number): number {
  const at = address(a);
  check_range(at, n * 4, 'memset32', true);
  for (let i = 0; i < n; i++) st(at + i * 4, value);
  return at;
}
/** The ranges may overlap, which C forbids for memcpy. Return: `to`. */
export function memcpy(to: Pointer, from: Str, n: number): number {
  const a = address(to);
  check_range(a, n, 'memcpy', true);
  if (typeof from === 'string') {
    const byte = bytes_of(from, 'memcpy');
    for (let i = 0; i < n; i++) st8(a + i, byte(i));
    return a;
  }
  check_range(address(from), n, 'memcpy', false);
  copy_bytes(a, address(from), n);
  return a;
}
export const memmove = memcpy;
/** -1, 0 or 1 by the first byte that differs. */
export function memcmp(x: Str, y: Str, n: number): number {
  const a = bytes_of(x, 'memcmp');
  const b = bytes_of(y, 'memcmp');
  for (let i = 0; i < n; i++) if (a(i) !== b(i)) return a(i) < b(i) ? -1 : 1;
  return 0;
}
export const bcmp = memcmp;
/** Address of the first such byte; 0 if there is none. */
export function memchr(a: Pointer, byte: number, n: number): number {
  const at = address(a);
  check_range(at, n, 'memchr', false);
  for (let i = 0; i < n; i++) if (ld8(at + i) === (byte & 0xff)) return at + i;
  return 0;
}
/** Address of the first byte that is another; 0 if all are the same. */
export function memchr_inv(a: Pointer, byte: number, n: number): number {
  const at = address(a);
  check_range(at, n, 'memchr_inv', false);
  for (let i = 0; i < n; i++) if (ld8(at + i) !== (byte & 0xff)) return at + i;
  return 0;
}
/** Address of the first such byte, or of the end. */
export const memscan = (a: Pointer, byte: number, n: number): number => memchr(a, byte, n) || address(a) + n;
