// noinstr: never transformed, never interrupted.
// What C passes by address: strings and variable arguments. Context: any.
import { ld, ld64, ld8, st8 } from '../cpu/raw.js';

const CONVERSION = /%[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?(hh|h|ll|l|L|q|j|z|t)?([a-zA-Z%])/g;
/** Longer ones are cut: the memory behind a string without an end is no reason to stop. */
const LONGEST = 1 << 16;

/** The bytes up to the next 0 as UTF-8; '(null)' for a null pointer. */
export function c_string(at: number): string {
  if (at === 0) return '(null)';
  let end = at;
  while (end - at < LONGEST && ld8(end) !== 0) end++;
  const bytes = Buffer.alloc(end - at);
  for (let i = 0; i < bytes.length; i++) bytes[i] = ld8(at + i);
  return bytes.toString();
}

/** The text as UTF-8 with its 0. The caller has made room. */
export function write_c_string(at: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i++) st8(at + i, bytes[i]!);
  st8(at + bytes.length, 0);
}

/** The arguments that the format asks for, from where clang puts them for wasm32: in memory, each aligned to its size. */
export function va_arguments(format: number, at: number): unknown[] {
  const values: unknown[] = [];
  const next = (): number => {
    at += 4;
    return ld(at - 4);
  };
  for (const [, width, precision, size, kind] of c_string(format).matchAll(CONVERSION)) {
    if (kind === '%') continue;
    if (width === '*') values.push(next());
    if (precision === '*') values.push(next());
    if (size === 'll' || size === 'L' || size === 'q' || size === 'j') {
      at = (at + 7) & ~7;
      values.push(kind === 'd' || kind === 'i' ? ld64(at) : BigInt.asUintN(64, ld64(at)));
      at += 8;
    } else if (kind === 's') values.push(c_string(next()));
    else if (kind === 'd' || kind === 'i' || kind === 'c') values.push(next());
    else values.push(next() >>> 0);
  }
  return values;
}
