// noinstr: never transformed, never interrupted.
// What %s prints, and which addresses it dares to read. Context: any.
import { memory_size } from '../cpu/raw.js';
import { PAGE_SIZE } from '../machine/memory-map.js';
import { decode_utf8, string_length } from './utf8.js';

/** Why an address can't be read, as Linux prints it; null if it can. */
export function bad_pointer(address: number): string | null {
  if (address === 0) return '(null)';
  // Error pointers and negative numbers are large without a sign.
  return address >>> 0 < PAGE_SIZE || address >>> 0 >= memory_size ? '(efault)' : null;
}

/** The address that a pointer argument stands for: a number, a bigint, a view or null. Otherwise null. */
export function address_of_argument(value: unknown): number | null {
  if (typeof value === 'number') return value | 0;
  if (typeof value === 'bigint') return Number(BigInt.asIntN(32, value));
  if (value === null) return 0;
  if (typeof value !== 'object') return null;
  const address = (value as { '@addr'?: unknown })['@addr'];
  return typeof address === 'number' ? address : null;
}

/** The text of a %s argument, at most `max` characters (-1: all); null if it is nothing that %s can print. */
export function text_of(value: unknown, max: number): string | null {
  if (typeof value === 'string') return max < 0 ? value : value.slice(0, max);
  if (typeof value !== 'number' && typeof value !== 'object') return null;
  const address = address_of_argument(value);
  if (address === null) return null;
  const bad = bad_pointer(address);
  if (bad !== null) return max < 0 ? bad : bad.slice(0, max);
  // An array of characters that is full has no NUL.
  const size = typeof value === 'object' ? (value as { length?: unknown }).length : undefined;
  const room = typeof size === 'number' ? size : Infinity;
  return decode_utf8(address, string_length(address, max < 0 ? room : Math.min(room, max)));
}
