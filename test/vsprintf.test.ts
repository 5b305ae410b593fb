import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { enter_cpu } from '../dist/cpu/context.js';
import { attach_memory, ld, st, st64, U8 } from '../dist/cpu/raw.js';
import { format, set_symbolizer } from '../dist/kernel/vsprintf.js';
import { ERR_PTR } from '../dist/linux/err.js';

const WARNINGS = 0x1028;
const AT = 0x8000;
beforeEach(() => {
  attach_memory(new WebAssembly.Memory({ shared: true, initial: 32, maximum: 32 }));
  enter_cpu(0);
});
const f = (fmt: string, ...args: unknown[]): string => format(fmt, args);
const put = (...bytes: number[]): number => {
  U8.fill(0, AT, AT + 64);
  U8.set(bytes, AT);
  return AT;
};
const text = (s: string): number => put(...Buffer.from(s), 0);
/** What comes out, and that nothing was complained of. */
const good = (expected: string, fmt: string, ...args: unknown[]): void => {
  expect(f(fmt, ...args)).toBe(expected);
  expect(ld(WARNINGS)).toBe(0);
};

describe('integers', () => {
  test('plain conversions', () => {
    good('worker/7', 'worker/%d', 7);
    good('-1 4294967295 37777777777 ffffffff FFFFFFFF', '%d %u %o %x %X', -1, -1, -1, -1, -1);
    good('5 1', '%i %u', 5, true);
    good('100%', '%d%%', 100);
  });
  test('flags, width and precision, as lib/vsprintf.c has them', () => {
    good('[   42][42   ][00042][+42][ 42]', '[%5d][%-5d][%05d][%+d][% d]', 42, 42, 42, 42, 42);
    good('[  -42][-0042]', '[%5d][%05d]', -42, -42);
    good('[0x2a][0X2A][052][0x0][0]', '[%#x][%#X][%#o][%#x][%#o]', 42, 42, 42, 0, 0);
    good('[  0x2a][0x002a][0x2a  ]', '[%#6x][%#06x][%-#6x]', 42, 42, 42);
    good('[007][  007][-007]', '[%.3d][%5.3d][%.3d]', 7, 7, -7);
    good('[00007]', '[%05.3d]', 7); // unlike in C
    good('[   7][7   ][007]', '[%*d][%*d][%.*d]', 4, 7, -4, 7, 3, 7);
  });
  test('are cut to the width that is named', () => {
    good('-1 255 -1 65535', '%hhd %hhu %hd %hu', 255, -1, 0xffff, 0x1ffff);
    good('1 1', '%d %u', 2 ** 32 + 1, 2 ** 32 + 1);
    good('-1 4294967295', '%ld %lu', 0xffffffff, -1);
    good('4294967296 -1 18446744073709551615', '%lld %lld %llu', 2 ** 32, -1, -1);
    good(
      '9223372036854775807 -9223372036854775808 8000000000000000',
      '%lld %lld %llx',
      2n ** 63n - 1n,
      2n ** 63n,
      2n ** 63n,
    );
    good('-1 1 7 9 5', '%d %zu %td %jd %Lu', 2n ** 64n - 1n, 1, 7, 9, 5);
  });
  test('agree with JavaScript for every 32-bit and 64-bit value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.nat(20), (n, w) => {
        expect(f('%d', n)).toBe(String(BigInt.asIntN(32, n)));
        expect(f('%u', n)).toBe(String(BigInt.asUintN(32, n)));
        expect(f('%lld', n)).toBe(String(BigInt.asIntN(64, n)));
        expect(f('%llx', n)).toBe(BigInt.asUintN(64, n).toString(16));
        expect(f(`%${w + 1}hd`, n)).toBe(String(BigInt.asIntN(16, n)).padStart(w + 1));
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(f('%d|%u|%lld', n, n, n)).toBe(`${n | 0}|${n >>> 0}|${n}`);
      }),
    );
  });
  test('a field of a struct view prints its address', () => {
    good('4660', '%d', { '@addr': 0x1234 });
  });
});

describe('text', () => {
  test('strings, views and addresses', () => {
    good('[abc][  abc][abc  ][ab]', '[%s][%5s][%-5s][%.2s]', 'abc', 'abc', 'abc', 'abc');
    good('héllo ☃ 😀', '%s', text('héllo ☃ 😀'));
    good('he', '%.*s', 2, text('hello'));
    good('hello', '%s', { '@addr': text('hello') });
    good('hell', '%s', { '@addr': text('hello'), length: 4 }); // a char array that is full
  });
  test('bad pointers say so', () => {
    good('(null) (null) (efault) (efault) (efault)', '%s %s %s %s %s', 0, null, 16, -12, 1 << 30);
  });
  test('bytes that are not UTF-8 are replaced, one by one', () => {
    good('a\ufffdb\ufffd\ufffd', '%s', put(0x61, 0xff, 0x62, 0xe2, 0x82, 0));
    good('\ufffd\ufffd', '%s', put(0xc0, 0x80, 0)); // an overlong NUL
  });
  test('characters', () => {
    good('[A][B][  C][D  ]', '[%c][%c][%3c][%-3c]', 65, 'B', 67, 68);
  });
});

describe('pointers', () => {
  test('%p hides the address, the same way each time; NULL and errors are shown; %px shows all', () => {
    const a = f('%p', 0x00312340);
    expect(a).toMatch(/^[0-9a-f]{8}$/);
    expect(a).not.toBe('00312340');
    expect(f('%p %pK', 0x00312340, { '@addr': 0x00312340 })).toBe(`${a} ${a}`);
    expect(f('%p', 0x00312348)).not.toBe(a);
    good('00000000 fffffff4', '%p %p', 0, -12);
    good('00312340 0x00312340', '%px %#px', 0x312340, 0x312340);
    good('  312340', '%8px', 0x312340);
  });
  test('an extension that nobody knows is swallowed', () => {
    expect(f('%pZzz|', 0x1234)).toBe(f('%p|', 0x1234));
  });
  test('%pe names errors', () => {
    good('-ENOMEM -4000 -EINVAL', '%pe %pe %pe', ERR_PTR(-12), -4000, 0xffffffea);
    expect(f('%pe', 0x1234)).toBe(f('%p', 0x1234));
  });
  test('%pS, %ps and %pB go to the symbolizer', () => {
    set_symbolizer((a, offset) => (offset ? `f${a}+0x0/0x1` : `f${a}`));
    good('f16+0x0/0x1 f17 f18+0x0/0x1 f19+0x0/0x1', '%pS %ps %pB %pSR', 16, 17, 18, 19);
    good('good', '%pS', good);
  });
  test('addresses of networks', () => {
    const a = put(0x00, 0x11, 0x22, 0xaa, 0xbb, 0xcc);
    good('00:11:22:aa:bb:cc cc:bb:aa:22:11:00 00-11-22-aa-bb-cc 001122aabbcc', '%pM %pMR %pMF %pm', a, a, a, a);
    const b = put(192, 168, 1, 5);
    good('192.168.1.5 192.168.001.005 5.1.168.192', '%pI4 %pi4 %pI4h', b, b, b);
    const c = put(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    good(
      '2001:0db8:0000:0000:0000:0000:0000:0001 20010db8000000000000000000000001 2001:db8::1',
      '%pI6 %pi6 %pI6c',
      c,
      c,
      c,
    );
    good(':: ::ffff:1.2.3.4', '%pI6c %pI6c', put(), (U8.set([0xff, 0xff, 1, 2, 3, 4], AT + 74), AT + 64));
  });
  test('bytes, bit maps and UUIDs', () => {
    const a = put(0, 1, 0xfe, 0xff);
    good('00 01 fe ff|00:01:fe|00-01|0001', '%*ph|%*phC|%*phD|%*phN', 4, a, 3, a, 2, a, 2, a);
    good('00 01', '%2ph', a);
    const b = put(0x2f, 0, 0, 0x80, 1, 0, 0, 0);
    good('1,8000002f f 0-3,5,31-32 ', '%*pb %*pb %*pbl %*pbl', 33, b, 4, b, 40, b, 0, b);
    const c = put(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    good('00010203-0405-0607-0809-0a0b0c0d0e0f', '%pU', c);
    good('00010203-0405-0607-0809-0A0B0C0D0E0F', '%pUB', c);
    good('03020100-0504-0706-0809-0a0b0c0d0e0f', '%pUl', c);
  });
  test('by reference: physical addresses, gfp flags, times', () => {
    st(AT, 0x1234);
    good('0x00001234', '%pa', AT);
    st(AT, 0xcc0 | 0x100);
    good('GFP_KERNEL|__GFP_ZERO', '%pGg', AT);
    const times: [number, string][] = [
      [0, '1970-01-01T00:00:00'],
      [951827696, '2000-02-29T12:34:56'],
      [4107542400, '2100-03-01T00:00:00'],
      [-1, '1969-12-31T23:59:59'],
    ];
    for (const [seconds, shown] of times) {
      st64(AT, BigInt(seconds));
      good(shown, '%ptT', AT);
      expect(new Date(seconds * 1000).toISOString()).toBe(`${shown}.000Z`);
    }
    good('1969-12-31 23:59:59', '%ptTd %ptTt', AT, AT);
    good('(null) (efault)', '%pM %pI4', 0, 100);
  });
  test('%pV prints a format with its arguments', () => {
    good('[x=5]', '[%pV]', { fmt: 'x=%d', va: [5] });
  });
});

describe('a format that does not fit its arguments', () => {
  const bad = (expected: string, fmt: string, ...args: unknown[]): void => {
    expect(ld(WARNINGS)).toBe(0);
    expect(f(fmt, ...args)).toBe(expected);
    expect(ld(WARNINGS)).toBe(1);
  };
  test('a missing argument is marked and warned of', () => bad('1 %!d(missing)', '%d %d', 1));
  test('a surplus argument is warned of', () => bad('1', '%d', 1, 2));
  test('an unknown conversion ends the formatting', () => bad('1 %f %d', '%d %f %d', 1, 2, 3));
  test('%n is not written anywhere', () => bad('%n', '%n', AT));
  test('text where a number should be', () => bad("%!d(the string 'x')", '%d', 'x'));
  test('undefined, and what is no pointer', () =>
    bad("%!d(undefined) %!p(the string 'x') %!s(a function)", '%d %p %s', undefined, 'x', () => 0));
  test('a lone % at the end', () => bad('100%', '%d%', 100));
  test('the control: a correct format warns of nothing', () => good('1 a', '%d %s', 1, 'a'));
});

test('any format and arguments give a string and raise nothing', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.constantFrom(
            '%',
            'd',
            's',
            'p',
            '*',
            '.',
            '-',
            '0',
            '#',
            'l',
            'h',
            '5',
            'x',
            'I4',
            'I6c',
            'U',
            'b',
            'ptT',
            'pV',
          ),
          fc.string({ maxLength: 3 }),
        ),
      ),
      fc.array(fc.anything({ withBigInt: true })),
      (parts, args) => {
        expect(typeof format(parts.join(''), args)).toBe('string');
      },
    ),
    { numRuns: 2000 },
  );
});
