// <linux/sprintf.h>: formatting into the machine's memory. Formats are the kernel's, see kernel/vsprintf.ts; what is
// written is UTF-8 and always ends in a NUL. Context: any; kasprintf as its `gfp` allows.
import { check_address, no_step } from '../cpu/heap.js';
import { st8 } from '../cpu/raw.js';
import { encode_utf8 } from '../kernel/utf8.js';
import { format } from '../kernel/vsprintf.js';
import { kmalloc, type Pointer } from '../mm/slab.js';

const address = (p: Pointer): number => (typeof p === 'number' ? p : p['@addr']);

/** Writes what fits of the text and a NUL. Return: the bytes of all of it, without the NUL. */
function put(buffer: Pointer, size: number, text: string): number {
  const at = address(buffer);
  const room = Math.min(size, 0x7fffffff);
  if (room > 0) {
    check_address(at, 1, 'snprintf', true);
    check_address(at + Math.min(room, text.length + 1) - 1, 1, 'snprintf', true);
  }
  const bytes = encode_utf8(text, (byte, i) => {
    if (i < room - 1) st8(at + i, byte);
  });
  if (room > 0) st8(at + Math.min(bytes, room - 1), 0);
  return bytes;
}

/** Return: the bytes that the whole text has, without the NUL: `size` or more means that it was cut off. */
export const snprintf = (buffer: Pointer, size: number, fmt: string, ...args: unknown[]): number =>
  put(buffer, size, format(fmt, args));
export const vsnprintf = (buffer: Pointer, size: number, fmt: string, args: readonly unknown[]): number =>
  put(buffer, size, format(fmt, args));
/** Return: the bytes written, without the NUL. */
export const scnprintf = (buffer: Pointer, size: number, fmt: string, ...args: unknown[]): number =>
  vscnprintf(buffer, size, fmt, args);
export function vscnprintf(buffer: Pointer, size: number, fmt: string, args: readonly unknown[]): number {
  const bytes = put(buffer, size, format(fmt, args));
  return bytes < size ? bytes : Math.max(0, size - 1);
}
/** For buffers that are large enough. Return: the bytes written, without the NUL. */
export const sprintf = (buffer: Pointer, fmt: string, ...args: unknown[]): number =>
  put(buffer, Infinity, format(fmt, args));
export const vsprintf = (buffer: Pointer, fmt: string, args: readonly unknown[]): number =>
  put(buffer, Infinity, format(fmt, args));

/** Formats into memory from kmalloc. Return: its address, to be given to kfree; 0 when memory is short. */
export const kasprintf = (gfp: number, fmt: string, ...args: unknown[]): number => kvasprintf(gfp, fmt, args);
export function kvasprintf(gfp: number, fmt: string, args: readonly unknown[]): number {
  const text = format(fmt, args);
  const size = encode_utf8(text, no_byte) + 1;
  const buffer = kmalloc(size, gfp);
  if (buffer !== 0) put(buffer, size, text);
  return buffer;
}
function no_byte(): void {}

/** The text itself, for TypeScript: nothing in Linux. Touches no memory but what %s and its kin point to. */
export const kformat = (fmt: string, ...args: unknown[]): string => format(fmt, args);
no_step(kformat);
