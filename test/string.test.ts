import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { U8 } from '../dist/cpu/raw.js';
import { js_string } from '../dist/linux/string.js';
import * as s from '../dist/linux/string.js';
import * as k from '../dist/linux/kstrtox.js';
import * as ctype from '../dist/linux/ctype.js';
import * as err from '../dist/linux/err.js';
import * as errno from '../dist/linux/errno.js';
import { kasprintf, scnprintf, snprintf, sprintf } from '../dist/linux/sprintf.js';
import { GFP_KERNEL } from '../dist/linux/gfp.js';
import { kmalloc, ksize } from '../dist/linux/slab.js';
import { power_on } from './mm-setup.js';

let A = 0;
let B = 0;
beforeEach(() => {
  power_on();
  A = kmalloc(512, GFP_KERNEL);
  B = kmalloc(512, GFP_KERNEL);
  U8.fill(0xee, A, A + 512);
  U8.fill(0xee, B, B + 512);
});
const put = (text: string, at = B): number => {
  U8.set([...Buffer.from(text), 0], at);
  return at;
};
const bytes = (at: number, n: number): number[] => Array.from(U8.subarray(at, at + n));
const ascii = fc.string({ maxLength: 60 }).filter((t) => !t.includes('\0'));

describe('strings', () => {
  test('js_string reads what strcpy wrote, of any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }).filter((t) => !t.includes('\0')),
        (text) => {
          s.strcpy(A, text);
          expect(js_string(A)).toBe(text);
          expect(s.strlen(A)).toBe(Buffer.byteLength(text));
          expect(s.strlen(text)).toBe(Buffer.byteLength(text));
          expect(s.strcmp(A, text)).toBe(0);
        },
      ),
    );
  });
  test('strscpy cuts at the size, ends with NUL and says so', () => {
    expect(s.strscpy(A, 'hello', 6)).toBe(5);
    expect(s.strscpy(A, put('hello'), 5)).toBe(-errno.E2BIG);
    expect(bytes(A, 6)).toEqual([104, 101, 108, 108, 0, 0]);
    expect(s.strscpy(A, 'x', 0)).toBe(-errno.E2BIG);
    expect(s.strscpy_pad(A, 'ab', 5)).toBe(2);
    expect(bytes(A, 6)).toEqual([97, 98, 0, 0, 0, 0]);
  });
  test('strncpy fills with zeros and leaves out the NUL when there is no room', () => {
    s.strncpy(A, 'abc', 5);
    expect(bytes(A, 6)).toEqual([97, 98, 99, 0, 0, 0xee]);
    s.strncpy(A, 'abc', 2);
    expect(bytes(A, 3)).toEqual([97, 98, 99]);
  });
  test('concatenation', () => {
    s.strcpy(A, 'ab');
    s.strcat(A, put('cd'));
    s.strncat(A, 'efgh', 2);
    expect(js_string(A)).toBe('abcdef');
    expect(s.strlcat(A, 'xyz', 8)).toBe(9);
    expect(js_string(A)).toBe('abcdefx');
  });
  test('comparison orders by bytes', () => {
    fc.assert(
      fc.property(ascii, ascii, fc.nat(10), (x, y, n) => {
        put(x, A);
        put(y, B);
        const [p, q] = [Buffer.from(x), Buffer.from(y)];
        expect(s.strcmp(A, B)).toBe(Buffer.compare(p, q));
        expect(s.strcmp(x, B)).toBe(-s.strcmp(B, x) || 0);
        expect(s.strncmp(A, y, n)).toBe(Buffer.compare(p.subarray(0, n), q.subarray(0, n)));
      }),
    );
    expect([s.strcasecmp('HeLLo', 'hello'), s.strncasecmp('ABx', 'aby', 2), s.strcasecmp('a', 'B')]).toEqual([
      0, 0, -1,
    ]);
    expect([
      s.strstarts(put('foobar'), 'foo'),
      s.str_has_prefix('foobar', 'foo'),
      s.str_has_prefix('x', 'foo'),
    ]).toEqual([true, 3, 0]);
    expect([s.sysfs_streq(put('on\n'), 'on'), s.sysfs_streq('on', 'off')]).toEqual([true, false]);
    expect([s.match_string(['a', 'b'], put('b')), s.match_string(['a'], 'c')]).toEqual([1, -errno.EINVAL]);
  });
  test('searching agrees with JavaScript', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 12 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 }),
        (x, y) => {
          put(x, A);
          const at = (i: number): number => (i < 0 ? 0 : A + i);
          expect(s.strstr(A, y)).toBe(at(x.indexOf(y)));
          expect(s.strchr(A, 'b')).toBe(at(x.indexOf('b')));
          expect(s.strrchr(A, 'b')).toBe(at(x.lastIndexOf('b')));
          expect(s.strspn(A, 'a ')).toBe(/^[a ]*/.exec(x)![0].length);
          expect(s.strcspn(A, 'b')).toBe(/^[^b]*/.exec(x)![0].length);
          expect(s.strpbrk(A, 'b ')).toBe(at(x.search(/[b ]/)));
          expect(js_string(s.strim(A))).toBe(x.trim());
        },
      ),
    );
    expect(s.strchr(put('abc'), 0)).toBe(B + 3);
    expect(s.strnchr(B, 2, 'c')).toBe(0);
    expect(s.strchrnul(B, 'x')).toBe(B + 3);
    expect(s.strnstr(B, 'bc', 2)).toBe(0);
    expect(js_string(s.kbasename(put('a/b/c')))).toBe('c');
    expect(js_string(s.strreplace(B, '/', '!'))).toBe('a!b!c');
  });
  test('a null pointer or the end of memory is an oops that names the function', () => {
    expect(() => s.strlen(0)).toThrow(/NULL pointer dereference.*strnlen/);
    expect(() => s.strcpy(0, 'x')).toThrow(/NULL pointer dereference.*strscpy/);
    expect(() => s.strcmp(8, 'x')).toThrow(/NULL pointer dereference/);
    expect(() => s.memcpy(A, U8.length - 4, 8)).toThrow(/memcpy/);
    expect(() => s.memset(U8.length - 4, 1, 8)).toThrow(/memset/);
    expect(s.memset(0, 1, 0)).toBe(0);
    U8.fill(0x61, U8.length - 4);
    expect(() => s.strlen(U8.length - 4)).toThrow(/page fault/);
  });
});

describe('memory', () => {
  test('set, copy, overlap, compare and search', () => {
    s.memset(A, 0x1ff, 8);
    expect(bytes(A, 9)).toEqual([255, 255, 255, 255, 255, 255, 255, 255, 0xee]);
    s.memcpy(A, 'abcdefgh', 8);
    s.memmove(A + 2, A, 6);
    expect(Buffer.from(U8.slice(A, A + 8)).toString()).toBe('ababcdef');
    expect([s.memcmp(A, 'abab', 4), s.memcmp(A, 'abaa', 4), s.memcmp(A, 'abax', 4), s.memcmp(0, 0, 0)]).toEqual([
      0, 1, -1, 0,
    ]);
    expect([s.memchr(A, 0x63, 8), s.memchr(A, 0x7a, 8), s.memscan(A, 0x7a, 8)]).toEqual([A + 4, 0, A + 8]);
    s.memset(A, 7, 16);
    expect(s.memchr_inv(A, 7, 16)).toBe(0);
    expect(s.memchr_inv(A, 7, 17)).toBe(A + 16);
    s.memset16(A, 0x1234, 2);
    s.memset32(A + 4, 0x12345678, 1);
    expect(bytes(A, 9)).toEqual([0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 7]);
  });
});

describe('formatting into memory', () => {
  test('snprintf cuts, ends with NUL, and returns what the whole would need; scnprintf what was written', () => {
    expect(snprintf(A, 6, 'n=%d', 12345)).toBe(7);
    expect(bytes(A, 7)).toEqual([110, 61, 49, 50, 51, 0, 0xee]);
    expect(scnprintf(A, 6, 'n=%d', 12345)).toBe(5);
    expect(scnprintf(A, 6, 'n=%d', 1)).toBe(3);
    expect(snprintf(0, 0, 'n=%d', 1)).toBe(3);
    expect(scnprintf(0, 0, 'x')).toBe(0);
    expect(sprintf(A, '%s', 'é')).toBe(2);
    expect(js_string(A)).toBe('é');
    expect(() => sprintf(0, 'x')).toThrow(/NULL pointer/);
  });
  test('kasprintf allocates as much as the text needs', () => {
    const p = kasprintf(GFP_KERNEL, '%s-%d', 'worker', 7);
    expect(js_string(p)).toBe('worker-7');
    expect(ksize(p)).toBe(16);
  });
});

describe('numbers from text', () => {
  const { EINVAL, ERANGE } = errno;
  test('kstrtoint and kstrtouint', () => {
    const int = (t: string, base = 10): unknown => {
      const p = k.kstrtoint(t, base);
      return p.error || p.value;
    };
    expect(int('42')).toBe(42);
    expect(int('-42\n')).toBe(-42);
    expect(int('+42')).toBe(42);
    expect([int('0x1F', 0), int('0x1f', 16), int('1f', 16), int('017', 0), int('0', 0), int('101', 2)]).toEqual([
      31, 31, 31, 15, 0, 5,
    ]);
    for (const t of ['', '\n', '-', '4 2', ' 42', '42 ', '4x', '--1', '0x', '1\n\n']) expect(int(t)).toBe(-EINVAL);
    expect([int('2147483647'), int('2147483648'), int('-2147483648'), int('-2147483649')]).toEqual([
      2147483647,
      -ERANGE,
      -2147483648,
      -ERANGE,
    ]);
    expect(k.kstrtouint('-1', 10).error).toBe(-EINVAL);
    expect(k.kstrtouint('4294967295', 10).value).toBe(4294967295);
    expect(k.kstrtou8('256', 10).error).toBe(-ERANGE);
    expect(k.kstrtos16('-32768', 10).value).toBe(-32768);
    expect(k.kstrtoint(put('12'), 10).value).toBe(12);
  });
  test('64 bits are bigints', () => {
    expect(k.kstrtoull('18446744073709551615', 10)).toEqual({ error: 0, value: 18446744073709551615n });
    expect(k.kstrtoull('18446744073709551616', 10).error).toBe(-ERANGE);
    expect(k.kstrtoll('-9223372036854775808', 0).value).toBe(-(2n ** 63n));
    expect(k.kstrtoll('9223372036854775808', 0).error).toBe(-ERANGE);
  });
  test('every 32-bit number survives the way there and back', () => {
    fc.assert(fc.property(fc.integer(), (n) => void expect(k.kstrtoint(String(n), 0)).toEqual({ error: 0, value: n })));
  });
  test('kstrtobool', () => {
    expect(['y', 'Yes', '1', 'on', 'true', 'n', '0', 'off', 'oN'].map((t) => k.kstrtobool(t).value)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      true,
    ]);
    expect(['', 'o', 'x', '2'].map((t) => k.kstrtobool(t).error)).toEqual([-EINVAL, -EINVAL, -EINVAL, -EINVAL]);
  });
});

describe('characters', () => {
  test('the classes of ASCII are those of the C locale', () => {
    for (let c = 0; c < 128; c++) {
      const t = String.fromCharCode(c);
      expect([
        ctype.isdigit(c),
        ctype.isalpha(c),
        ctype.isalnum(t),
        ctype.isupper(c),
        ctype.islower(c),
        ctype.isxdigit(c),
      ]).toEqual([
        /\d/.test(t),
        /[a-z]/i.test(t),
        /[a-z0-9]/i.test(t),
        /[A-Z]/.test(t),
        /[a-z]/.test(t),
        /[0-9a-f]/i.test(t),
      ]);
      expect([ctype.isspace(c), ctype.iscntrl(c), ctype.isprint(c), ctype.ispunct(c)]).toEqual([
        /[ \t\n\v\f\r]/.test(t),
        c < 32 || c === 127,
        c >= 32 && c < 127,
        c > 32 && c < 127 && !/[a-z0-9]/i.test(t),
      ]);
      expect(String.fromCharCode(ctype.toupper(c), ctype.tolower(c))).toBe(t.toUpperCase() + t.toLowerCase());
    }
  });
});

describe('errors', () => {
  test('errname knows both signs; EWOULDBLOCK is EAGAIN', () => {
    expect([errno.errname(12), errno.errname(-22), errno.errname(512), errno.errname(0), errno.errname(4000)]).toEqual([
      'ENOMEM',
      'EINVAL',
      'ERESTARTSYS',
      null,
      null,
    ]);
    expect(errno.EWOULDBLOCK).toBe(11);
    for (const [name, value] of Object.entries(errno))
      if (typeof value === 'number' && name !== 'MAX_ERRNO' && name !== 'EWOULDBLOCK' && name !== 'EDEADLOCK')
        expect(errno.errname(value)).toBe(name);
  });
  test('the last 4095 addresses are errors, signed or not', () => {
    expect([-4096, -4095, -1, 0, 1, 4096, 2 ** 32 - 4095, 2 ** 32 - 4096, 2 ** 32 - 1].map(err.IS_ERR)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
      true,
      false,
      true,
    ]);
    expect([err.IS_ERR_OR_NULL(0), err.IS_ERR_OR_NULL(-12), err.IS_ERR_OR_NULL(4096)]).toEqual([true, true, false]);
    expect([
      err.PTR_ERR(err.ERR_PTR(-12)),
      err.PTR_ERR(2 ** 32 - 12),
      err.PTR_ERR_OR_ZERO(4096),
      err.PTR_ERR_OR_ZERO(-5),
    ]).toEqual([-12, -12, 0, -5]);
    expect(err.IS_ERR({ '@addr': -12 })).toBe(true);
  });
});
