import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { attach_memory, fill_bytes, ld, st } from '../dist/cpu/raw.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { STATIC } from '../dist/machine/memory-map.js';
import {
  Struct,
  addr_of,
  array,
  bitmap,
  bool,
  f64,
  heap,
  set_step_slow,
  s16,
  s32,
  s64,
  s8,
  u16,
  u32,
  u64,
  u8,
} from '../dist/linux/types.js';
import * as A from '../dist/linux/atomic.js';
import { READ_ONCE, WRITE_ONCE } from '../dist/linux/compiler.js';
import * as B from '../dist/linux/bitops.js';

class all extends Struct('all', {
  a: u8,
  b: s8,
  c: u16,
  d: s16,
  e: u32,
  f: s32,
  g: u64,
  h: s64,
  i: bool,
  j: f64,
  k: array(u16, 3),
}) {}
class map extends Struct('map', { flags: u32, bits: bitmap(100) }) {}
const HERE = STATIC + 0x1000;

beforeAll(() => {
  attach_memory(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true }));
  enter_cpu(0);
});
beforeEach(() => fill_bytes(STATIC, 0, 0x4000));

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const near = fc.oneof(int32, fc.constantFrom(0, 1, -1, 2, 2 ** 31 - 1, -(2 ** 31)));

describe('atomic_t', () => {
  const v = A.atomic_t.at(HERE);
  const run = <T>(start: number, f: () => T): [T, number] => {
    A.atomic_set(v, start);
    const result = f();
    return [result, A.atomic_read(v)];
  };

  test('every operation gives what 32-bit arithmetic gives, with the old or the new value', () => {
    fc.assert(
      fc.property(near, near, (x, n) => {
        const ops: [(a: number, b: number) => number, 'add' | 'sub' | 'and' | 'or' | 'xor' | 'andnot'][] = [
          [(a, b) => (a + b) | 0, 'add'],
          [(a, b) => (a - b) | 0, 'sub'],
          [(a, b) => a & b, 'and'],
          [(a, b) => a | b, 'or'],
          [(a, b) => a ^ b, 'xor'],
          [(a, b) => a & ~b, 'andnot'],
        ];
        for (const [f, name] of ops) {
          expect(run(x, () => A[`atomic_${name}`](n, v))).toEqual([undefined, f(x, n)]);
          expect(run(x, () => A[`atomic_fetch_${name}`](n, v))).toEqual([x, f(x, n)]);
        }
        const add = (x + n) | 0;
        const sub = (x - n) | 0;
        expect(run(x, () => A.atomic_add_return(n, v))).toEqual([add, add]);
        expect(run(x, () => A.atomic_sub_return(n, v))).toEqual([sub, sub]);
        expect(run(x, () => A.atomic_sub_and_test(n, v))).toEqual([sub === 0, sub]);
        expect(run(x, () => A.atomic_add_negative(n, v))).toEqual([add < 0, add]);
        expect(run(x, () => A.atomic_xchg(v, n))).toEqual([x, n]);
        expect(run(x, () => A.atomic_fetch_add_unless(v, n, 1))).toEqual([x, x === 1 ? x : add]);
        expect(run(x, () => A.atomic_add_unless(v, n, 1))).toEqual([x !== 1, x === 1 ? x : add]);
      }),
    );
  });

  test('increments and decrements wrap and test as on Linux', () => {
    fc.assert(
      fc.property(near, (x) => {
        const up = (x + 1) | 0;
        const down = (x - 1) | 0;
        expect(run(x, () => A.atomic_inc(v))).toEqual([undefined, up]);
        expect(run(x, () => A.atomic_dec(v))).toEqual([undefined, down]);
        expect(run(x, () => A.atomic_inc_return(v))).toEqual([up, up]);
        expect(run(x, () => A.atomic_dec_return(v))).toEqual([down, down]);
        expect(run(x, () => A.atomic_fetch_inc(v))).toEqual([x, up]);
        expect(run(x, () => A.atomic_fetch_dec(v))).toEqual([x, down]);
        expect(run(x, () => A.atomic_inc_and_test(v))).toEqual([up === 0, up]);
        expect(run(x, () => A.atomic_dec_and_test(v))).toEqual([down === 0, down]);
        expect(run(x, () => A.atomic_inc_not_zero(v))).toEqual([x !== 0, x === 0 ? 0 : up]);
        expect(run(x, () => A.atomic_inc_unless_negative(v))).toEqual([x >= 0, x < 0 ? x : up]);
        expect(run(x, () => A.atomic_dec_unless_positive(v))).toEqual([x <= 0, x > 0 ? x : down]);
        expect(run(x, () => A.atomic_dec_if_positive(v))).toEqual([down, x > 0 ? down : x]);
      }),
    );
  });

  test('cmpxchg returns what was there, try_cmpxchg updates the expected value', () => {
    A.atomic_set(v, 5);
    expect([A.atomic_cmpxchg(v, 4, 9), A.atomic_read(v), A.atomic_cmpxchg(v, 5, 9), A.atomic_read(v)]).toEqual([
      5, 5, 5, 9,
    ]);
    const old = { value: 5 };
    expect([A.atomic_try_cmpxchg(v, old, 1), old.value]).toEqual([false, 9]);
    expect([A.atomic_try_cmpxchg(v, old, 1), old.value, A.atomic_read(v)]).toEqual([true, 9, 1]);
  });

  test('the ordered forms exist for everything that returns a value', () => {
    const ops = [
      'add_return',
      'sub_return',
      'inc_return',
      'dec_return',
      'fetch_add',
      'fetch_sub',
      'fetch_inc',
      'fetch_dec',
      'fetch_and',
      'fetch_or',
      'fetch_xor',
      'fetch_andnot',
      'xchg',
      'cmpxchg',
      'try_cmpxchg',
    ];
    for (const op of ops)
      for (const form of ['acquire', 'release', 'relaxed']) expect(A).toHaveProperty(`atomic_${op}_${form}`);
  });

  test('a null pointer is an oops', () => {
    expect(() => A.atomic_inc(A.atomic_t.at(0))).toThrow(
      'NULL pointer dereference, address: 00000000 (atomic_t.counter)',
    );
  });
});

describe('lvalues by view and field', () => {
  const x = all.at(HERE);
  const cases: [keyof all & string, unknown[]][] = [
    ['a', [0, 255]],
    ['b', [-128, 127]],
    ['c', [0, 65535]],
    ['d', [-32768, 32767]],
    ['e', [0, 2 ** 32 - 1]],
    ['f', [-(2 ** 31), 2 ** 31 - 1]],
    ['g', [0n, 2n ** 64n - 1n]],
    ['h', [-(2n ** 63n), 2n ** 63n - 1n]],
  ];

  test('READ_ONCE, WRITE_ONCE, xchg and cmpxchg work at every width, beside untouched neighbours', () => {
    for (const [field, values] of cases) {
      for (const value of values) {
        fill_bytes(HERE, 0x77, all.size);
        const before = Array.from(heap.U8.slice(HERE, HERE + all.size));
        const f = field as 'e';
        const v = value as number;
        const one = (typeof value === 'bigint' ? 1n : 1) as number;
        WRITE_ONCE(x, f, v);
        expect([READ_ONCE(x, f), x[f]]).toEqual([v, v]);
        expect([A.smp_load_acquire(x, f), A.xchg(x, f, one), A.xchg(x, f, v), x[f]]).toEqual([v, v, one, v]);
        expect([A.cmpxchg(x, f, one, one), x[f], A.cmpxchg(x, f, v, one), x[f]]).toEqual([v, v, v, one]);
        A.smp_store_release(x, f, v);
        expect(x[f]).toBe(v);
        const { offset, size } = all.fields[f];
        const after = Array.from(heap.U8.slice(HERE, HERE + all.size));
        expect(after.filter((_, i) => i < offset || i >= offset + size)).toEqual(
          before.filter((_, i) => i < offset || i >= offset + size),
        );
      }
    }
  });

  test('bool, f64 and array elements are lvalues too', () => {
    WRITE_ONCE(x, 'i', true);
    WRITE_ONCE(x, 'j', 0.25);
    WRITE_ONCE(x.k, 2, 7);
    expect([
      READ_ONCE(x, 'i'),
      READ_ONCE(x, 'j'),
      READ_ONCE(x.k, 2),
      A.xchg(x, 'i', false),
      x.i,
      A.cmpxchg(x.k, 2, 7, 8),
      x.k.at(2),
    ]).toEqual([true, 0.25, 7, true, false, 7, 8]);
    expect(() => A.xchg(x, 'j', 1)).toThrow('f64');
    expect(() => READ_ONCE(x.k, 3)).toThrow('out of range');
  });

  test('try_cmpxchg compares as the field holds the value', () => {
    x.e = -1;
    const old = { value: -1 };
    expect([A.try_cmpxchg(x, 'e', old, 5), x.e]).toEqual([true, 5]);
    expect([A.try_cmpxchg(x, 'e', old, 6), old.value, x.e]).toEqual([false, 5, 5]);
  });

  test('bad fields, values and pointers are refused', () => {
    expect(() => READ_ONCE(x, 'k' as never)).toThrow("struct all has no field 'k' that is one load or store");
    expect(() => READ_ONCE(x, 'zz' as never)).toThrow("'zz'");
    expect(() => WRITE_ONCE(x, 'e', undefined as never)).toThrow("can't store undefined");
    expect(() => WRITE_ONCE(x, 'g', 1 as never)).toThrow('bigint');
    expect(() => READ_ONCE(all.at(0), 'e')).toThrow('NULL pointer dereference, address: 00000008 (all.e)');
    expect(() => A.xchg(all.at(HERE + 1), 'e', 1)).toThrow('unaligned write of 4 bytes');
  });

  test('primitives poll for interrupts once, before the access', () => {
    const seen: number[] = [];
    set_step_slow(() => seen.push(ld(HERE + 8)));
    heap.I32[heap.pending] = 1;
    WRITE_ONCE(x, 'e', 3);
    A.xchg(x, 'e', 4);
    B.set_bit(3, HERE + 8);
    A.atomic_inc(A.atomic_t.at(HERE + 8));
    heap.I32[heap.pending] = 0;
    set_step_slow(() => {});
    expect(seen).toEqual([0, 3, 4, 12]);
  });
});

describe('bit operations', () => {
  const m = map.at(HERE);

  test('set, clear, change and test reach any word, atomically or not', () => {
    for (const [set, clear, change] of [
      [B.set_bit, B.clear_bit, B.change_bit],
      [B.__set_bit, B.__clear_bit, B.__change_bit],
    ] as const) {
      for (const nr of [0, 5, 31, 32, 63, 99]) {
        set(nr, m.bits);
        expect(B.test_bit(nr, m.bits)).toBe(true);
        expect(m.bits.at(nr >> 5)).toBe(B.BIT(nr & 31));
        change(nr, addr_of(m.bits));
        expect(B.test_bit(nr, m.bits)).toBe(false);
        change(nr, m.bits);
        clear(nr, m.bits);
        expect([B.test_bit(nr, m.bits), m.bits.at(nr >> 5)]).toEqual([false, 0]);
      }
    }
    B.set_bit(4, m, 'flags');
    B.__set_bit(31, m, 'flags');
    B.assign_bit(0, m, 'flags', true);
    B.assign_bit(4, m, 'flags', false);
    expect(m.flags).toBe(0x80000001);
    expect(B.test_bit(31, m, 'flags')).toBe(true);
    expect(() => B.set_bit(-1, 4096)).toThrow('NULL pointer');
  });

  test('test-and forms return the old bit', () => {
    for (const nr of [7, 31, 64]) {
      expect([B.test_and_set_bit(nr, m.bits), B.test_and_set_bit(nr, m.bits)]).toEqual([false, true]);
      expect([B.test_and_clear_bit(nr, m.bits), B.test_and_clear_bit(nr, m.bits)]).toEqual([true, false]);
      expect([B.test_and_change_bit(nr, m.bits), B.test_and_change_bit(nr, m.bits)]).toEqual([false, true]);
      expect([B.__test_and_set_bit(nr, m.bits), B.__test_and_set_bit(nr, m.bits)]).toEqual([false, true]);
      expect([B.__test_and_clear_bit(nr, m.bits), B.__test_and_clear_bit(nr, m.bits)]).toEqual([true, false]);
      expect([B.__test_and_change_bit(nr, m.bits), B.__test_and_change_bit(nr, m.bits)]).toEqual([false, true]);
      B.clear_bit_unlock(nr, m.bits);
      expect(B.test_and_set_bit_lock(nr, m.bits)).toBe(false);
      B.clear_bit(nr, m.bits);
    }
  });

  test('searches agree with a plain loop over the bits', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(99)), fc.nat(100), fc.nat(110), (set, size, from) => {
        fill_bytes(addr_of(m.bits), 0, 16);
        for (const nr of set) B.set_bit(nr, m.bits);
        const bits = Array.from({ length: size }, (_, nr) => set.includes(nr));
        const at = (i: number): number => (i < 0 ? size : i);
        expect(B.find_first_bit(m.bits, size)).toBe(at(bits.indexOf(true)));
        expect(B.find_first_zero_bit(m.bits, size)).toBe(at(bits.indexOf(false)));
        expect(B.find_next_bit(m.bits, size, from)).toBe(at(bits.indexOf(true, from)));
        expect(B.find_next_zero_bit(m.bits, size, from)).toBe(at(bits.indexOf(false, from)));
        expect(B.find_last_bit(m.bits, size)).toBe(at(bits.lastIndexOf(true)));
        expect([...B.for_each_set_bit(m.bits, size)]).toEqual(bits.flatMap((b, i) => (b ? [i] : [])));
        expect([...B.for_each_clear_bit(m.bits, size)]).toEqual(bits.flatMap((b, i) => (b ? [] : [i])));
      }),
    );
  });

  test('bit arithmetic agrees with its definition', () => {
    fc.assert(
      fc.property(near, fc.nat(31), (x, n) => {
        const bits = (x >>> 0).toString(2).padStart(32, '0');
        expect(B.hweight32(x)).toBe(bits.split('1').length - 1);
        expect(B.fls(x)).toBe(bits.includes('1') ? 32 - bits.indexOf('1') : 0);
        expect(B.ffs(x)).toBe(bits.includes('1') ? 32 - bits.lastIndexOf('1') : 0);
        if (x !== 0) expect([B.__fls(x), B.__ffs(x)]).toEqual([B.fls(x) - 1, B.ffs(x) - 1]);
        if (x !== -1) expect(B.ffz(x)).toBe(31 - bits.lastIndexOf('0'));
        expect(B.rol32(x, n).toString(2).padStart(32, '0')).toBe(bits.slice(n) + bits.slice(0, n));
        expect(B.ror32(B.rol32(x, n), n)).toBe(x >>> 0);
        const wide = (BigInt(x >>> 0) << 32n) | 5n;
        expect([B.hweight64(wide), B.fls64(wide), B.__ffs64(wide)]).toEqual([
          B.hweight32(x) + 2,
          x === 0 ? 3 : 32 + B.fls(x),
          0,
        ]);
        expect(B.ror64(B.rol64(wide, n), n)).toBe(wide);
      }),
    );
    expect([
      B.GENMASK(7, 4),
      B.GENMASK(31, 0),
      B.GENMASK(31, 31),
      B.BIT(31),
      B.GENMASK_ULL(39, 36),
      B.BIT_ULL(40),
    ]).toEqual([0xf0, 0xffffffff, 0x80000000, 0x80000000, 0xf000000000n, 1n << 40n]);
    expect([
      B.BITS_TO_LONGS(0),
      B.BITS_TO_LONGS(1),
      B.BITS_TO_LONGS(32),
      B.BITS_TO_LONGS(33),
      B.sign_extend32(0x80, 7),
    ]).toEqual([0, 1, 1, 2, -128]);
    expect([B.rol16(0x8001, 1), B.ror16(0x8001, 1), B.rol8(0x81, 4), B.ror8(0x81, 4)]).toEqual([3, 0xc000, 0x18, 0x18]);
  });
});

test('a barrier changes nothing', () => {
  st(HERE, 1);
  A.smp_mb();
  A.smp_rmb();
  A.smp_wmb();
  A.smp_mb__before_atomic();
  A.smp_store_mb(all.at(HERE), 'e', 3);
  expect([ld(HERE), ld(HERE + 8)]).toEqual([1, 3]);
});
