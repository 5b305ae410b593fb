import { expect, test } from 'vitest';
import fc from 'fast-check';
import * as B from '../dist/linux/byteorder.js';
import * as G from '../dist/linux/log2.js';
import * as M from '../dist/linux/math.js';
import { clamp, in_range, max, max3, min, min3, min_not_zero } from '../dist/linux/minmax.js';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

test('byte order conversions swap on this little-endian machine, and swapping twice is nothing', () => {
  expect([B.cpu_to_be16(0x1234), B.htonl(0x12345678), B.cpu_to_be64(0x0102030405060708n)]).toEqual([
    0x3412,
    0x78563412,
    0x0807060504030201n,
  ]);
  expect([B.cpu_to_le16(0x1234), B.cpu_to_le32(-1), B.le64_to_cpu(-1n)]).toEqual([0x1234, 0xffffffff, 2n ** 64n - 1n]);
  fc.assert(
    fc.property(u32, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (x, y) => {
      expect([B.swab32(B.swab32(x)), B.be16_to_cpu(B.cpu_to_be16(x)), B.swab64(B.swab64(y))]).toEqual([
        x,
        x & 0xffff,
        y,
      ]);
    }),
  );
});

test('powers of two are found on both sides', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (n) => {
      const up = G.roundup_pow_of_two(n);
      const down = G.rounddown_pow_of_two(n);
      expect([up >= n, up / 2 < n, down <= n, down * 2 > n]).toEqual([true, true, true, true]);
      expect([2 ** G.order_base_2(n), 2 ** G.ilog2(n), G.is_power_of_2(n)]).toEqual([up, down, up === n]);
    }),
  );
  expect([G.is_power_of_2(0), G.order_base_2(0), G.order_base_2(1), G.ilog2(0)]).toEqual([false, 0, 0, -1]);
});

test('rounding and dividing go as in C', () => {
  expect([
    M.DIV_ROUND_UP(7, 3),
    M.DIV_ROUND_UP(6, 3),
    M.DIV_ROUND_CLOSEST(7, 2),
    M.DIV_ROUND_CLOSEST(-7, 2),
    M.DIV_ROUND_CLOSEST(7, -2),
    M.DIV_ROUND_CLOSEST(1, 3),
  ]).toEqual([3, 2, 4, -4, -4, 0]);
  expect([
    M.roundup(7, 3),
    M.rounddown(7, 3),
    M.ALIGN(13, 8),
    M.ALIGN(16, 8),
    M.ALIGN_DOWN(13, 8),
    M.IS_ALIGNED(16, 8),
    M.IS_ALIGNED(12, 8),
  ]).toEqual([9, 6, 16, 16, 8, true, false]);
  expect([
    M.abs(-3),
    M.abs(-3n),
    M.int_sqrt(99),
    M.div_u64(-1n, 2),
    M.div_s64(-7n, 2),
    M.upper_32_bits(5n << 32n),
    M.lower_32_bits(-1n),
  ]).toEqual([3, 3n, 9, 2n ** 63n - 1n, -3n, 5, 0xffffffff]);
});

test('min, max and clamp take numbers and bigints', () => {
  expect([
    min(1, 2),
    max(1n, 2n),
    min3(3, 1, 2),
    max3(3, 1, 2),
    min_not_zero(0, 4),
    clamp(9, 1, 5),
    clamp(-9n, 1n, 5n),
    in_range(4, 4, 1),
    in_range(5, 4, 1),
  ]).toEqual([1, 2n, 1, 3, 4, 5, 1n, true, false]);
});
