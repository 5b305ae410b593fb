// atomic64_t against a model, refcount_t at its edges, kref.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { attach_memory, fill_bytes, ld } from '../dist/cpu/raw.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { Mach, STATIC } from '../src/machine/memory-map.js';
import * as A from '../dist/linux/atomic.js';
import * as K from '../dist/linux/kref.js';
import * as R from '../dist/linux/refcount.js';

const HERE = STATIC + 0x1000;
const v = A.atomic64_t.at(HERE);
const r = R.refcount_t.at(HERE + 16);

beforeAll(() => {
  attach_memory(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true }));
  enter_cpu(0);
});
beforeEach(() => {
  fill_bytes(STATIC, 0, 0x4000);
  fill_bytes(Mach.WARNED, 0, 256);
  fill_bytes(Mach.WARNINGS, 0, 4);
});
const warnings = (): number => ld(Mach.WARNINGS);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const s = (x: bigint): bigint => BigInt.asIntN(64, x);

test('every operation of atomic64_t gives what 64-bit arithmetic gives', () => {
  fc.assert(
    fc.property(int64, int64, (a, n) => {
      const run = (f: () => unknown): [unknown, bigint] => {
        A.atomic64_set(v, a);
        const result = f();
        return [result, A.atomic64_read(v)];
      };
      expect(run(() => A.atomic64_add_return(n, v))).toEqual([s(a + n), s(a + n)]);
      expect(run(() => A.atomic64_sub_return(n, v))).toEqual([s(a - n), s(a - n)]);
      expect(run(() => A.atomic64_fetch_add(n, v))).toEqual([a, s(a + n)]);
      expect(run(() => A.atomic64_fetch_sub_relaxed(n, v))).toEqual([a, s(a - n)]);
      expect(run(() => A.atomic64_fetch_andnot(n, v))).toEqual([a, a & ~n]);
      expect(run(() => A.atomic64_fetch_and(n, v))).toEqual([a, a & n]);
      expect(run(() => A.atomic64_fetch_or(n, v))).toEqual([a, a | n]);
      expect(run(() => A.atomic64_fetch_xor(n, v))).toEqual([a, a ^ n]);
      expect(run(() => A.atomic64_xchg(v, n))).toEqual([a, n]);
      expect(run(() => A.atomic64_cmpxchg(v, a, n))).toEqual([a, n]);
      expect(run(() => A.atomic64_cmpxchg(v, s(a + 1n), n))).toEqual([a, a]);
      expect(run(() => A.atomic64_add_negative(n, v))).toEqual([s(a + n) < 0n, s(a + n)]);
      expect(run(() => A.atomic64_sub_and_test(a, v))).toEqual([true, 0n]);
      expect(run(() => A.atomic64_add_unless(v, n, a))).toEqual([false, a]);
      expect(run(() => A.atomic64_fetch_add_unless(v, n, s(a + 1n)))).toEqual([a, s(a + n)]);
      expect(run(() => A.atomic64_inc_not_zero(v))[0]).toBe(a !== 0n);
      expect(run(() => A.atomic64_dec_if_positive(v))).toEqual([s(a - 1n), a > 0n ? a - 1n : a]);
      expect(run(() => A.atomic64_inc_unless_negative(v))).toEqual([a >= 0n, a >= 0n ? s(a + 1n) : a]);
      expect(run(() => A.atomic64_dec_unless_positive(v))).toEqual([a <= 0n, a <= 0n ? s(a - 1n) : a]);
    }),
    { numRuns: 300 },
  );
});

test('a number where a 64-bit value is meant is refused and changes nothing', () => {
  A.atomic64_set(v, 5n);
  expect(() => A.atomic64_add(1 as never, v)).toThrow(/bigint/);
  expect(() => A.atomic64_set(v, 1 as never)).toThrow(/bigint/);
  expect(A.atomic64_read(v)).toBe(5n);
});

test('atomic_long_t is a 32-bit counter', () => {
  const long = A.atomic_long_t.at(HERE + 32);
  A.atomic_long_set(long, 0x7fffffff);
  expect([A.atomic_long_t.size, A.atomic_long_inc_return(long)]).toEqual([4, -0x80000000]);
});

describe('refcount_t', () => {
  const set = (n: number): void => R.refcount_set(r, n);
  const saturated = R.REFCOUNT_SATURATED >>> 0;

  test('counts without a word while all is well', () => {
    set(1);
    R.refcount_inc(r);
    expect([R.refcount_inc_not_zero(r), R.refcount_dec_and_test(r), R.refcount_dec_not_one(r)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([R.refcount_dec_not_one(r), R.refcount_dec_if_one(r), R.refcount_inc_not_zero(r)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([R.refcount_read(r), warnings()]).toEqual([0, 0]);
  });
  test.each([
    ['an increment of 0', 0, () => R.refcount_inc(r)],
    ['a decrement of 0', 0, () => R.refcount_dec(r)],
    ['a put of 0', 0, () => R.refcount_dec_and_test(r)],
    ['a put of more than there is', 2, () => R.refcount_sub_and_test(3, r)],
    ['a decrement to 0', 1, () => R.refcount_dec(r)],
    ['an increment past the maximum', R.REFCOUNT_MAX, () => R.refcount_inc(r)],
    ['an increment that must not be of 0, past the maximum', R.REFCOUNT_MAX, () => R.refcount_inc_not_zero(r)],
  ])('%s warns and saturates', (_what, from, f) => {
    set(from);
    f();
    expect([R.refcount_read(r), warnings()]).toEqual([saturated, 1]);
  });
  test('once saturated it stays: nothing ends the object any more', () => {
    set(R.REFCOUNT_SATURATED);
    const results = [R.refcount_dec_and_test(r), R.refcount_dec_not_one(r), R.refcount_inc_not_zero(r)];
    expect([results, R.refcount_read(r)]).toEqual([[false, true, true], saturated]);
  });
});

test('kref_put calls release for the last reference only', () => {
  const k = K.kref.at(HERE + 48);
  const released: number[] = [];
  const release = (x: K.kref): void => void released.push(x['@addr']);
  K.kref_init(k);
  K.kref_get(k);
  expect([K.kref_put(k, release), released.length, K.kref_read(k)]).toEqual([0, 0, 1]);
  expect([K.kref_put(k, release), released, K.kref_get_unless_zero(k)]).toEqual([1, [k['@addr']], 0]);
});
