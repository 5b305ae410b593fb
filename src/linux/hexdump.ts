// Of <linux/printk.h>: memory as text. Bytes are read one after the other; what other CPUs write meanwhile shows or not.
// Context: any.
import { check_address } from '../cpu/heap.js';
import { ld8 } from '../cpu/raw.js';
import { printk } from '../kernel/printk.js';

export const DUMP_PREFIX_NONE = 0;
export const DUMP_PREFIX_ADDRESS = 1;
export const DUMP_PREFIX_OFFSET = 2;

type Pointer = number | { readonly '@addr': number };

/** One line of a dump: `size` bytes in groups of 1, 2, 4 or 8, which are numbers in the machine's byte order. */
function line_text(at: number, size: number, row: number, group: number, ascii: boolean): string {
  let hex = '';
  let text = '';
  for (let i = 0; i < size; i += group) {
    if (i > 0) hex += ' ';
    for (let k = group - 1; k >= 0; k--)
      hex += ld8(at + i + k)
        .toString(16)
        .padStart(2, '0');
  }
  if (!ascii) return hex;
  for (let i = 0; i < size; i++) {
    const byte = ld8(at + i);
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return hex.padEnd((row / group) * (2 * group + 1)) + ' ' + text;
}

/**
 * Prints `len` bytes, `rowsize` (16 or 32) a line, in groups of `groupsize` bytes (1, 2, 4, 8; 1 where the length is no
 * multiple of it), each line with `prefix_str` and, by `prefix_type`, the address or the offset.
 */
export function print_hex_dump(
  level: string,
  prefix_str: string,
  prefix_type: number,
  rowsize: number,
  groupsize: number,
  buf: Pointer,
  len: number,
  ascii: boolean,
): void {
  const base = typeof buf === 'number' ? buf : buf['@addr'];
  if (len <= 0) return;
  check_address(base, 1, 'print_hex_dump', false);
  check_address(base + len - 1, 1, 'print_hex_dump', false);
  const row = rowsize === 32 ? 32 : 16;
  for (let at = 0; at < len; at += row) {
    const size = Math.min(row, len - at);
    const group = (groupsize === 2 || groupsize === 4 || groupsize === 8) && size % groupsize === 0 ? groupsize : 1;
    const text = line_text(base + at, size, row, group, ascii);
    if (prefix_type === DUMP_PREFIX_ADDRESS) printk(`${level}%s%p: %s\n`, prefix_str, base + at, text);
    else if (prefix_type === DUMP_PREFIX_OFFSET) printk(`${level}%s%.8x: %s\n`, prefix_str, at, text);
    else printk(`${level}%s%s\n`, prefix_str, text);
  }
}
/** At debug level. */
export const print_hex_dump_debug = (
  prefix_str: string,
  prefix_type: number,
  rowsize: number,
  groupsize: number,
  buf: Pointer,
  len: number,
  ascii: boolean,
): void => print_hex_dump('\x017', prefix_str, prefix_type, rowsize, groupsize, buf, len, ascii);
/** At debug level, 16 bytes a line, with text. */
export const print_hex_dump_bytes = (prefix_str: string, prefix_type: number, buf: Pointer, len: number): void =>
  print_hex_dump_debug(prefix_str, prefix_type, 16, 1, buf, len, true);
