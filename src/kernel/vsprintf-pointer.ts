// noinstr: never transformed, never interrupted.
// %p and its extensions. Context: any. Reads the memory that the argument points to, if it can be read.
//
//   %p %pK    the address, hashed: the same address gives the same number, in every run; NULL and errors are shown
//   %px       the address
//   %pS %ps %pB %pSR   symbol, with offset or (%ps) without        %pe   error pointer: -ENOMEM
//   %pM %pMR %pMF %pm %pmR   MAC address      %pI4 %pi4 [hnbl], %pI6 %pi6 %pI6c   IP addresses
//   %*ph[CDN] bytes in hexadecimal       %*pb %*pbl   bit map       %pU[bBlL]   UUID
//   %pa[pd]   physical address, by reference      %pV   { fmt, va }      %ptT[dt][r]   time64_t      %pGg   gfp_t
//
// An extension that Linux doesn't know is swallowed and the pointer printed as by %p; so is one that isn't here yet.
import { ld, ld64, ld8 } from '../cpu/raw.js';
import { errname, MAX_ERRNO } from '../linux/errno.js';
import { gfp_name } from '../linux/gfp_types.js';
import { symbol_text } from './text.js';
import { format_integer, pad, SPECIAL, ZERO } from './vsprintf-number.js';
import { address_of_argument, bad_pointer } from './vsprintf-text.js';

type Format = (fmt: string, args: readonly unknown[]) => string;

let symbolize: ((address: number, with_offset: boolean) => string) | null = null;
/** Sets how %pS (with the offset) and %ps name an address: `symbol_text` when nothing is set. */
export function set_symbolizer(f: (address: number, with_offset: boolean) => string): void {
  symbolize = f;
}

const is_error = (address: number): boolean => address < 0 && address >= -MAX_ERRNO;
const hex2 = (byte: number): string => (byte & 0xff).toString(16).padStart(2, '0');

/** Scrambles an address. Not a secret: it keeps logs alike where addresses differ in nothing but their place. */
function hash(address: number): number {
  let h = Math.imul(address ^ 0x5bd1e995, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function plain(address: number, width: number, precision: number, flags: number): string {
  if (width < 0) return format_integer(address, 'x', 32, (flags & SPECIAL) !== 0 ? 10 : 8, precision, flags | ZERO);
  return format_integer(address, 'x', 32, width, precision, flags);
}

const hashed = (address: number, width: number, precision: number, flags: number): string =>
  plain(address === 0 || is_error(address) ? address : hash(address), width, precision, flags);

/** Null if the value is no pointer. */
export function format_pointer(
  extension: string,
  value: unknown,
  width: number,
  precision: number,
  flags: number,
  format: Format,
): string | null {
  const kind = extension[0] ?? '';
  if (kind === 'V') return format_va(value, width, flags, format);
  if (typeof value === 'function' && 'sSB'.includes(kind)) return pad(value.name, width, flags);
  const address = address_of_argument(value);
  if (address === null) return null;
  switch (kind) {
    case 'x':
      return plain(address, width, precision, flags);
    case 'S':
    case 's':
    case 'B':
      return pad((symbolize ?? symbol_text)(address, kind !== 's'), width, flags);
    case 'e':
      if (!is_error(address)) break;
      return pad(errname(address) === null ? String(address) : '-' + errname(address)!, width, flags);
    default: {
      if (!points_to_data(kind, extension)) break;
      const bad = bad_pointer(address);
      if (bad !== null) return kind === 'h' || kind === 'b' ? bad : pad(bad, width, flags);
      return referenced(kind, extension, address, width, flags);
    }
  }
  return hashed(address, width, precision, flags);
}

/** Whether the extension prints what the pointer points to. */
function points_to_data(kind: string, extension: string): boolean {
  if (kind === 'I' || kind === 'i') return extension[1] === '4' || extension[1] === '6';
  if (kind === 't') return extension[1] === 'T';
  if (kind === 'G') return extension[1] === 'g';
  return kind !== '' && 'MmhbUa'.includes(kind);
}

function referenced(kind: string, extension: string, address: number, width: number, flags: number): string {
  switch (kind) {
    case 'M':
    case 'm':
      return pad(
        mac(kind === 'm' ? '' : extension[1] === 'F' ? '-' : ':', address, extension[1] === 'R'),
        width,
        flags,
      );
    case 'I':
    case 'i':
      return pad(extension[1] === '4' ? ip4(extension, address) : ip6(extension, address), width, flags);
    case 'h':
      return hex_bytes(address, width, { C: ':', D: '-', N: '' }[extension[1] ?? ''] ?? ' ');
    case 'b':
      return extension[1] === 'l' ? bit_list(address, width) : bit_map(address, width);
    case 'U':
      return pad(uuid(extension[1] ?? 'b', address), width, flags);
    case 't':
      return pad(time(extension.slice(2), address), width, flags);
    case 'G':
      return pad(gfp_name(ld(address)), width, flags);
    default:
      return format_integer(ld(address), 'x', 32, 10, -1, SPECIAL | ZERO);
  }
}

/** A `struct va_format`: a format and its arguments, as one argument. */
function format_va(value: unknown, width: number, flags: number, format: Format): string | null {
  const va = value as { fmt?: unknown; va?: unknown } | null;
  if (typeof va !== 'object' || va === null || typeof va.fmt !== 'string' || !Array.isArray(va.va)) return null;
  return pad(format(va.fmt, va.va), width, flags);
}

function mac(separator: string, address: number, reversed: boolean): string {
  let text = '';
  for (let i = 0; i < 6; i++) text += (i === 0 ? '' : separator) + hex2(ld8(address + (reversed ? 5 - i : i)));
  return text;
}

function ip4(extension: string, address: number): string {
  const little = extension[2] === 'h' || extension[2] === 'l';
  let text = '';
  for (let i = 0; i < 4; i++) {
    const byte = String(ld8(address + (little ? 3 - i : i)));
    text += (i === 0 ? '' : '.') + (extension[0] === 'i' ? byte.padStart(3, '0') : byte);
  }
  return text;
}

function ip6(extension: string, address: number): string {
  const groups: number[] = [];
  for (let i = 0; i < 8; i++) groups.push((ld8(address + 2 * i) << 8) | ld8(address + 2 * i + 1));
  if (extension[2] !== 'c' || extension[0] === 'i')
    return groups.map((g) => g.toString(16).padStart(4, '0')).join(extension[0] === 'i' ? '' : ':');
  // The longest run of zeros, at least two groups, the first of several, becomes `::`.
  let best = 0;
  let at = -1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > best && n > 1) [best, at] = [n, i];
  }
  const mapped = groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff;
  const tail = mapped ? ip4('I4', address + 12) : '';
  const shown = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((g) => g.toString(16))
      .join(':');
  if (mapped) return `::ffff:${tail}`;
  return at < 0 ? shown(0, 8) : `${shown(0, at)}::${shown(at + best, 8)}`;
}

/** `%*ph`: the width is how many bytes, 1 to 64. */
function hex_bytes(address: number, width: number, separator: string): string {
  const n = Math.max(1, Math.min(64, width));
  let text = '';
  for (let i = 0; i < n; i++) text += (i === 0 ? '' : separator) + hex2(ld8(address + i));
  return text;
}

const bit = (address: number, i: number): number => (ld(address + (i >>> 5) * 4) >>> (i & 31)) & 1;

/** `%*pb`: the width is how many bits; words of 32 in hexadecimal, the highest first. */
function bit_map(address: number, width: number): string {
  const bits = Math.max(0, width);
  let text = '';
  for (let word = (bits + 31) >>> 5; word-- > 0;) {
    const n = Math.min(32, bits - word * 32);
    const value = n === 32 ? ld(address + word * 4) >>> 0 : ld(address + word * 4) & ((1 << n) - 1);
    text += (text === '' ? '' : ',') + value.toString(16).padStart((n + 3) >> 2, '0');
  }
  return text;
}

/** `%*pbl`: `0-3,5`. */
function bit_list(address: number, width: number): string {
  let text = '';
  for (let i = 0; i < width; i++) {
    if (bit(address, i) === 0) continue;
    const first = i;
    while (i + 1 < width && bit(address, i + 1) !== 0) i++;
    text += (text === '' ? '' : ',') + (i === first ? `${i}` : `${first}-${i}`);
  }
  return text;
}

const UUID_ORDER = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const GUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
function uuid(form: string, address: number): string {
  const order = form === 'l' || form === 'L' ? GUID_ORDER : UUID_ORDER;
  let text = '';
  for (let i = 0; i < 16; i++)
    text += (i === 4 || i === 6 || i === 8 || i === 10 ? '-' : '') + hex2(ld8(address + order[i]!));
  return form === 'B' || form === 'L' ? text.toUpperCase() : text;
}

/** A time64_t in seconds: date and time, one of them with d or t; r leaves year and month as struct tm has them. */
function time(options: string, address: number): string {
  const seconds = Number(ld64(address & ~7));
  const days = Math.floor(seconds / 86400);
  const rest = seconds - days * 86400;
  // Days since 0000-03-01, in eras of 400 years: no Date in kernel code.
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  const raw = options.includes('r');
  const two = (n: number): string => String(n).padStart(2, '0');
  const date = `${String(year - (raw ? 1900 : 0)).padStart(4, '0')}-${two(month - (raw ? 1 : 0))}-${two(day)}`;
  const clock = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return options[0] === 'd' ? date : options[0] === 't' ? clock : `${date}${options.includes('s') ? ' ' : 'T'}${clock}`;
}
