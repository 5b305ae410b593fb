// noinstr: never transformed, never interrupted.
// The kernel's formatter: what printk, snprintf and kasprintf print. Formats are those of Linux
// (Documentation/core-api/printk-formats), for 32-bit pointers and long. Context: any.
//
//   integers   %d %i %u %o %x %X, hh h l ll z t j; a number or a bigint, cut to the width that is named, as in C
//   text       %s: a JS string, an address, or a view; %c: a character code or a string
//   pointers   %p and its extensions: see vsprintf-pointer.ts
//
// A format that doesn't fit its arguments is undefined in C. Here the place is marked in the output and a warning
// says what is wrong.
import { first_caller, WARN } from './panic.js';
import { format_pointer } from './vsprintf-pointer.js';
import { format_integer, LEFT, number_of, pad, PLUS, SPACE, SPECIAL, ZERO } from './vsprintf-number.js';
import { text_of } from './vsprintf-text.js';

export { set_symbolizer } from './vsprintf-pointer.js';

/** One conversion, with the literal text before it. */
interface Spec {
  readonly before: string;
  /** 'd', 'u', 'x', 'X', 'o', 's', 'c', 'p'; '' for the end of the format; '?' for what is no conversion. */
  readonly type: string;
  /** What follows %p. */
  readonly extension: string;
  /** -1: not given; -2: taken from the arguments. */
  readonly width: number;
  readonly precision: number;
  /** Bits of an integer: 8, 16, 32, 64. */
  readonly bits: number;
  readonly flags: number;
}
const FROM_ARGUMENT = -2;
/** Wider fields are no use in a log record. */
const WIDTH_MAX = 4096;

// What comes out depends on the format alone, so that each CPU can have its own.
const CACHE_MAX = 2000;
const cache = new Map<string, readonly Spec[]>();

function parsed(fmt: string): readonly Spec[] {
  let specs = cache.get(fmt);
  if (specs === undefined) {
    if (cache.size >= CACHE_MAX) cache.clear();
    specs = parse(fmt);
    cache.set(fmt, specs);
  }
  return specs;
}

const is_digit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9';
const is_alnum = (c: string | undefined): boolean =>
  c !== undefined && (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
const FLAGS: Readonly<Record<string, number>> = { '-': LEFT, '+': PLUS, ' ': SPACE, '#': SPECIAL, '0': ZERO };
const BITS: Readonly<Record<string, number>> = {
  hh: 8,
  h: 16,
  l: 32,
  ll: 64,
  L: 64,
  q: 64,
  j: 64,
  z: 32,
  Z: 32,
  t: 32,
};

function parse(fmt: string): Spec[] {
  const specs: Spec[] = [];
  let before = '';
  let i = 0;
  const number = (): number => {
    if (fmt[i] === '*') {
      i++;
      return FROM_ARGUMENT;
    }
    const start = i;
    while (is_digit(fmt[i])) i++;
    return start === i ? -1 : Math.min(Number(fmt.slice(start, i)), WIDTH_MAX);
  };
  while (i < fmt.length) {
    const percent = fmt.indexOf('%', i);
    if (percent < 0) break;
    before += fmt.slice(i, percent);
    i = percent + 1;
    let flags = 0;
    for (let f; (f = FLAGS[fmt[i] ?? '']) !== undefined; i++) flags |= f;
    const width = number();
    let precision = -1;
    if (fmt[i] === '.') {
      i++;
      precision = number();
      if (precision === -1) precision = 0;
    }
    let bits = 32;
    for (let length = 2; length > 0; length--) {
      const found = BITS[fmt.slice(i, i + length)];
      if (found === undefined || (length === 2 && i + 2 > fmt.length)) continue;
      bits = found;
      i += length;
      break;
    }
    const c = fmt[i++] ?? '';
    if (c === '%') {
      before += '%';
      continue;
    }
    const type = c === 'i' ? 'd' : c;
    let extension = '';
    if (c === 'p') {
      const start = i;
      while (is_alnum(fmt[i])) i++;
      extension = fmt.slice(start, i);
    } else if (!'duxXosc'.includes(type) || c === '') {
      // The arguments that follow make no sense any more: the rest is printed as it is.
      specs.push({ before, type: '?', extension: fmt.slice(percent), width: -1, precision: -1, bits, flags });
      return specs;
    }
    specs.push({ before, type, extension, width, precision, bits, flags });
    before = '';
  }
  specs.push({ before: before + fmt.slice(i), type: '', extension: '', width: -1, precision: -1, bits: 32, flags: 0 });
  return specs;
}

/** The format as it was written: without the level before it and the end of the line, on which the message would break. */
const as_written = (fmt: string): string => fmt.replace(/^\x01./, '').replace(/\n$/, '');
/** Once for each place that prints: the frames of the kernel's own way here are the same for all. */
function complain(fmt: string, what: string): void {
  if (first_caller()) WARN(true, "%s in the format string '%s'", what, as_written(fmt));
}

/** The text of `fmt` with `args` in its conversions. Context: any. */
export function format(fmt: string, args: readonly unknown[]): string {
  if (typeof fmt !== 'string') return format('%s', [fmt]);
  const specs = parsed(fmt);
  let out = '';
  let next = 0;
  for (let k = 0; k < specs.length; k++) {
    const spec = specs[k]!;
    out += spec.before;
    if (spec.type === '') break;
    if (spec.type === '?') {
      complain(fmt, `Please remove unsupported ${spec.extension}`);
      return out + spec.extension;
    }
    let width = spec.width;
    let flags = spec.flags;
    let precision = spec.precision;
    if (width === FROM_ARGUMENT) {
      width = Number(number_of(args[next++]) ?? 0);
      if (width < 0) {
        width = -width;
        flags |= LEFT;
      }
      width = Math.min(width, WIDTH_MAX);
    }
    if (precision === FROM_ARGUMENT) precision = Math.max(-1, Number(number_of(args[next++]) ?? 0));
    if (next >= args.length) {
      complain(fmt, `argument ${next + 1} is missing`);
      out += `%!${spec.type}(missing)`;
      continue;
    }
    const value = args[next++];
    const text = convert(spec, value, width, precision, flags);
    if (text === null) {
      complain(fmt, `argument ${next} is ${describe(value)}, which is nothing for %${spec.type}${spec.extension},`);
      out += `%!${spec.type}(${describe(value)})`;
    } else {
      out += text;
    }
  }
  if (next < args.length) complain(fmt, `${args.length - next} too many argument${args.length - next > 1 ? 's' : ''}`);
  return out;
}

const describe = (value: unknown): string =>
  value === null || value === undefined || value !== value
    ? String(value)
    : typeof value === 'string'
      ? `the string '${value}'`
      : `a ${typeof value}`;

/** Null if the value is nothing for this conversion. */
function convert(spec: Spec, value: unknown, width: number, precision: number, flags: number): string | null {
  switch (spec.type) {
    case 's': {
      const text = text_of(value, precision);
      return text === null ? null : pad(text, width, flags);
    }
    case 'c': {
      const code = typeof value === 'string' ? value : number_of(value);
      if (code === null) return null;
      return pad(typeof code === 'string' ? code.slice(0, 1) : String.fromCharCode(Number(code) & 0xff), width, flags);
    }
    case 'p':
      return format_pointer(spec.extension, value, width, precision, flags, format);
    default: {
      const n = number_of(value);
      if (n === null) return null;
      return format_integer(n, spec.type, spec.bits, width, precision, flags);
    }
  }
}
