// noinstr: never transformed, never interrupted.
// Integers and padding of the formatter. Pure.

/** Flags of a conversion: - + space # 0. */
export const LEFT = 1;
export const PLUS = 2;
export const SPACE = 4;
export const SPECIAL = 8;
export const ZERO = 16;

/** Numbers, bigints, booleans, and views, which stand for their address. Null for anything else. */
export function number_of(value: unknown): number | bigint | null {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? Math.trunc(value) : null;
    case 'bigint':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'object': {
      const address = (value as { '@addr'?: unknown } | null)?.['@addr'];
      return typeof address === 'number' ? address : null;
    }
    default:
      return null;
  }
}

/** Text in a field of `width` characters; -1 for none. */
export function pad(text: string, width: number, flags: number): string {
  if (text.length >= width) return text;
  return (flags & LEFT) !== 0 ? text.padEnd(width) : text.padStart(width);
}

/** The digits of `n` cut to `bits`, without a sign, and whether it has one. */
function digits_of(n: number | bigint, type: string, bits: number): { digits: string; negative: boolean } {
  const base = type === 'o' ? 8 : type === 'x' || type === 'X' ? 16 : 10;
  let negative = false;
  let digits: string;
  if (bits === 64 && (typeof n === 'bigint' || n > 0x7fffffff || n < 0)) {
    // A number that is negative is sign-extended, as a conversion to 64 bits is in C.
    const wide = type === 'd' ? BigInt.asIntN(64, BigInt(n)) : BigInt.asUintN(64, BigInt(n));
    negative = wide < 0n;
    digits = (negative ? -wide : wide).toString(base);
  } else {
    const word = typeof n === 'bigint' ? Number(BigInt.asIntN(32, n)) : n | 0;
    const unused = bits === 64 ? 0 : 32 - bits;
    const value = type === 'd' ? (word << unused) >> unused : (word << unused) >>> unused;
    negative = value < 0;
    digits = Math.abs(value).toString(base);
  }
  return { digits: type === 'X' ? digits.toUpperCase() : digits, negative };
}

/** An integer as lib/vsprintf.c formats it: unlike in C, the 0 flag and a precision go together. */
export function format_integer(
  n: number | bigint,
  type: string,
  bits: number,
  width: number,
  precision: number,
  flags: number,
): string {
  const { digits, negative } = digits_of(n, type, bits);
  if (width < 0 && precision < 0 && flags === 0) return negative ? '-' + digits : digits;
  const sign = negative ? '-' : type !== 'd' ? '' : (flags & PLUS) !== 0 ? '+' : (flags & SPACE) !== 0 ? ' ' : '';
  let prefix = '';
  if ((flags & SPECIAL) !== 0) {
    if (type === 'x' || type === 'X') prefix = '0' + type;
    else if (type === 'o' && digits !== '0') prefix = '0';
  }
  let body = digits.length < precision ? digits.padStart(precision, '0') : digits;
  const left = sign.length + prefix.length;
  if ((flags & (ZERO | LEFT)) === ZERO) body = body.padStart(width - left, '0');
  return pad(sign + prefix + body, width, flags);
}
