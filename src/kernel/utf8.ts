// noinstr: never transformed, never interrupted.
// Text in the machine's memory is UTF-8; JavaScript's is UTF-16. Context: any. Allocates nothing but the result.
import { ld8, memory_size } from '../cpu/raw.js';

/** Bytes from `address` to the first NUL, at most `max`, ending where the memory does. */
export function string_length(address: number, max: number): number {
  const end = Math.min(memory_size - address, max);
  let n = 0;
  while (n < end && ld8(address + n) !== 0) n++;
  return n;
}

/** `bytes` bytes at `address` as text; what is not UTF-8 becomes U+FFFD. */
export function decode_utf8(address: number, bytes: number): string {
  let text = '';
  const end = address + bytes;
  let a = address;
  while (a < end) {
    const c = ld8(a++);
    if (c < 0x80) {
      text += String.fromCharCode(c);
      continue;
    }
    const more = c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 0;
    let code = more === 0 ? 0xfffd : c & (0x3f >> more);
    let taken = 0;
    while (taken < more && a + taken < end && (ld8(a + taken) & 0xc0) === 0x80)
      code = (code << 6) | (ld8(a + taken++) & 0x3f);
    const least = more === 2 ? 0x800 : more === 3 ? 0x10000 : 0;
    if (taken < more || code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
    else a += taken;
    text += String.fromCodePoint(code);
  }
  return text;
}

/** Calls `put` with each byte of the text's UTF-8 until it returns false. Return: bytes that the whole text has. */
export function encode_utf8(text: string, put: (byte: number, index: number) => void): number {
  let n = 0;
  for (const character of text) {
    let c = character.codePointAt(0)!;
    if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
    if (c < 0x80) {
      put(c, n++);
      continue;
    }
    if (c < 0x800) {
      put(0xc0 | (c >> 6), n++);
    } else {
      if (c >= 0x10000) {
        put(0xf0 | (c >> 18), n++);
        put(0x80 | ((c >> 12) & 0x3f), n++);
      } else {
        put(0xe0 | (c >> 12), n++);
      }
      put(0x80 | ((c >> 6) & 0x3f), n++);
    }
    put(0x80 | (c & 0x3f), n++);
  }
  return n;
}
