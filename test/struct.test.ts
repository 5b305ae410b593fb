import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { attach_memory, ld, ld64, ld8, st, fill_bytes } from '../dist/cpu/raw.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { STATIC, STATIC_END } from '../dist/machine/memory-map.js';
import {
  DEFINE_STATIC,
  PageFault,
  Struct,
  Union,
  addr_of,
  array,
  assign_struct,
  begin_static,
  bitmap,
  bool,
  char,
  char_array,
  def_name,
  end_static,
  f64,
  fn,
  heap,
  int,
  ptr,
  s16,
  s64,
  s8,
  set_on_static,
  set_step_slow,
  set_text_handle,
  u16,
  u32,
  u64,
  u8,
  ulong,
} from '../dist/linux/types.js';

class inner extends Struct('inner', { word: u32, magic: u32 }, { init: (a) => st(a + 4, 0x5a5a) }) {}
class all extends Struct('all', {
  a: u8,
  b: u16,
  c: u8,
  d: u32,
  e: u64,
  f: s8,
  g: s16,
  h: int,
  i: s64,
  j: bool,
  k: f64,
  l: ptr('struct all'),
  m: fn,
  n: inner,
  o: array(u16, 3),
  p: array(inner, 2),
  q: char_array(5),
  r: char,
}) {
  sum() {
    return this.a + this.b;
  }
}
const A = STATIC + 0x1000;

beforeAll(() => {
  attach_memory(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true }));
  enter_cpu(0);
});
beforeEach(() => fill_bytes(STATIC, 0, 0x10000));

test('structs are laid out as clang lays them out for wasm32', () => {
  const offsets = Object.fromEntries(Object.values(all.fields).map((f) => [f.name, f.offset]));
  expect(offsets).toEqual({
    a: 0,
    b: 2,
    c: 4,
    d: 8,
    e: 16,
    f: 24,
    g: 26,
    h: 28,
    i: 32,
    j: 40,
    k: 48,
    l: 56,
    m: 60,
    n: 64,
    o: 72,
    p: 80,
    q: 96,
    r: 101,
  });
  expect([all.size, all.align, inner.size, inner.align]).toEqual([104, 8, 8, 4]);
  expect(all.offset_of('h')).toBe(28);
  expect(() => all.offset_of('nothing' as 'h')).toThrow("struct all has no field 'nothing'");
  expect(() => all.offset_of('toString' as 'h')).toThrow('no field');
});

test('every field type reads back what it was given, wrapped as in C', () => {
  const x = all.at(A);
  x.a = 257;
  x.b = -1;
  x.d = -1;
  x.e = -1n;
  x.f = 128;
  x.g = 0x18000;
  x.h = 0xffffffff;
  x.i = 1n << 63n;
  x.j = true;
  x.k = 0.5;
  x.l = A;
  x.m = 7;
  x.r = 200;
  expect([x.a, x.b, x.c, x.d, x.e, x.f, x.g, x.h, x.i, x.j, x.k, x.l, x.m, x.r]).toEqual([
    1,
    0xffff,
    0,
    0xffffffff,
    (1n << 64n) - 1n,
    -128,
    -0x8000,
    -1,
    -(1n << 63n),
    true,
    0.5,
    A,
    7,
    -56,
  ]);
  x.d++;
  expect(x.d).toBe(0);
  expect(ld64(A + 16)).toBe(-1n);
  expect(x.sum()).toBe(1 + 0xffff);
  expect(all.at(x.l)).toBeInstanceOf(all);
});

test('nested structs and arrays are views in place and cannot be assigned as a whole', () => {
  const x = all.at(A);
  x.n.word = 3;
  x.p.at(1).magic = 9;
  x.o.set(2, 0x12345);
  expect([ld(A + 64), ld(A + 92), x.o.at(2), x.o.length]).toEqual([3, 9, 0x2345, 3]);
  expect([x.n['@addr'], x.p.at(1)['@addr'], x.o.addr(3)]).toEqual([A + 64, A + 88, A + 78]);
  expect(() => x.o.at(3)).toThrow(
    "UBSAN: array-index-out-of-bounds: index 3 is out of range for type 'u16 [3]' (all.o)",
  );
  expect(() => x.o.at(-1)).toThrow('index -1 is out of range');
  expect(() => x.p.at(2)).toThrow('out of range');
  expect(() => ((x as { n: unknown }).n = x.n)).toThrow(
    "all.n is a struct or an array and can't be assigned as a whole",
  );
  const y = all.at(A + 0x200);
  assign_struct(y, x);
  expect([y.n.word, y.p.at(1).magic]).toEqual([3, 9]);
  expect(() => assign_struct<never>(y as never, x.n as never)).toThrow('different types');
});

test('a char array behaves as a C string', () => {
  const { q } = all.at(A);
  expect(q.set('abc')).toBe(3);
  expect(`${q}`).toBe('abc');
  expect(q.set('abcdef')).toBe(-7);
  expect([q.toString(), q.at(0), ld8(A + 100)]).toEqual(['abcd', 97, 0]);
  q.set('é');
  expect([q.toString(), q.at(0)]).toEqual(['é', 0xc3 - 256]);
});

test('access through null, wild and unaligned pointers is an oops that names the field', () => {
  expect(() => all.at(0).d).toThrow(
    new PageFault('BUG: kernel NULL pointer dereference, address: 00000008 (all.d)', 8, false),
  );
  expect(() => (all.at(0).n.magic = 1)).toThrow(
    'BUG: kernel NULL pointer dereference, address: 00000044 (inner.magic)',
  );
  expect(() => all.at(undefined as unknown as number).d).toThrow('NULL pointer dereference');
  expect(() => all.at(-12).a).toThrow('BUG: unable to handle page fault for address: fffffff4 (all.a)');
  expect(() => all.at(128 << 16).a).toThrow('unable to handle page fault for address: 00800000');
  expect(all.at((128 << 16) - 104).r).toBe(0);
  expect(() => all.at((128 << 16) - 4).e).toThrow('unable to handle');
  expect(() => all.at(A + 2).d).toThrow('BUG: unaligned read of 4 bytes, address: 0020100a (all.d)');
  expect(() => (all.at(A + 4).e = 1n)).toThrow('unaligned write of 8 bytes');
  expect(() => all.at(0).q.toString()).toThrow('NULL pointer');
  let error: unknown;
  try {
    all.at(0).d = 1;
  } catch (e) {
    error = e;
  }
  expect(error).toMatchObject({ name: 'PageFault', address: 8, write: true });
});

test('storing something that is not a number is refused with the field named', () => {
  const x = all.at(A) as unknown as Record<string, unknown>;
  expect(() => (x.d = undefined)).toThrow("all.d: can't store undefined; the field holds a number");
  expect(() => (x.d = NaN)).toThrow('NaN');
  expect(() => (x.d = 1n)).toThrow('the bigint 1n');
  expect(() => (x.l = null)).toThrow('a null pointer is 0');
  expect(() => (x.e = 1)).toThrow('64 bits wide and holds a bigint');
  expect(() => (x.d = () => 0)).toThrow('function');
  x.l = all.at(A + 0x100);
  x.d = true;
  expect([x.l, x.d]).toEqual([A + 0x100, 1]);
});

test('a function assigned to an fn field becomes its text handle', () => {
  const x = all.at(A) as unknown as { m: unknown };
  expect(() => (x.m = () => 0)).toThrow('kernel text is not set up');
  const f = () => 0;
  set_text_handle((g) => (g === f ? 42 : -1));
  x.m = f;
  expect(x.m).toBe(42);
});

test('accesses poll for interrupts', () => {
  let polls = 0;
  set_step_slow(() => polls++);
  const x = all.at(A);
  x.a = 1;
  expect(polls).toBe(0);
  heap.I32[heap.pending] = 1;
  x.a++;
  heap.I32[heap.pending] = 0;
  set_step_slow(() => {});
  expect(polls).toBe(2);
});

test('a struct prints as C', () => {
  class part extends Union('part', { word: u32, bytes: array(u8, 4) }) {}
  class s extends Struct(
    's',
    { part, next: ptr('struct s'), ops: fn, name: char_array(8), map: bitmap(40), n: ulong, k: array(fn, 2) },
    { align: 128 },
  ) {}
  expect([part.size, s.size, s.align]).toEqual([4, 128, 128]);
  expect(s.c_definition()).toBe(`struct s {
\tunion part part;
\tstruct s *next;
\tvoid (*ops)(void);
\tchar name[8];
\tunsigned long map[2];
\tunsigned long n;
\tvoid (*k[2])(void);
} __attribute__((aligned(128)));
`);
});

test('definitions that cannot work are refused', () => {
  expect(() => Struct('a b', {})).toThrow("'a b' can't be used as a name");
  expect(() => Struct('s', { constructor: u32 })).toThrow("struct s: field: 'constructor' can't be used as a name");
  expect(() => Struct('s', { x: undefined as never })).toThrow("struct s: field 'x' has no type");
  expect(() => Struct('s', { x: u8 }, { align: 3 })).toThrow('not a power of two');
});

describe('static data', () => {
  const evaluate = (base: number, first: boolean, f: () => void) => {
    begin_static(base, first);
    try {
      f();
    } finally {
      base = end_static();
    }
    return base;
  };

  test('has the same addresses in every evaluation, and only the first initialises', () => {
    const seen: number[][] = [];
    const module = () => {
      const x = DEFINE_STATIC(all, { a: 3, n: { word: 4 }, o: [1, 2], q: 'hi', i: 5n, l: 8 });
      const n = DEFINE_STATIC(u32, 9);
      const v = DEFINE_STATIC(array(u8, 3), [1]);
      seen.push([
        addr_of(x),
        addr_of(n),
        addr_of(v),
        x.a,
        x.n.word,
        x.n.magic,
        x.p.at(1).magic,
        x.o.at(1),
        n.value,
        v.at(0),
      ]);
      expect(x.q.toString()).toBe('hi');
      x.a = 4;
      n.value++;
    };
    const end = evaluate(STATIC, true, module);
    expect(evaluate(STATIC, false, module)).toBe(end);
    expect(seen[0]!.slice(3)).toEqual([3, 4, 0x5a5a, 0x5a5a, 2, 9, 1]);
    expect(seen[1]).toEqual([...seen[0]!.slice(0, 3), 4, 4, 0x5a5a, 0x5a5a, 2, 10, 1]);
  });

  test('carries names to kallsyms and into oopses', () => {
    const symbols: unknown[] = [];
    set_on_static((...a) => symbols.push(a));
    evaluate(STATIC, true, () => {
      def_name('counter');
      const c = DEFINE_STATIC(u64, 1n);
      symbols.push(c.value);
      DEFINE_STATIC(inner);
    });
    set_on_static(() => {});
    expect(symbols).toEqual([['counter', STATIC + 16, 8, u64], 1n, ['inner', STATIC + 24, 8, inner]]);
  });

  test('is refused outside module evaluation, when space is out and when evaluations differ', () => {
    expect(() => DEFINE_STATIC(u32)).toThrow('outside the evaluation of a module');
    expect(() => evaluate(STATIC, true, () => DEFINE_STATIC(array(u8, STATIC_END - STATIC)))).toThrow('-ENOMEM');
    evaluate(STATIC, true, () => DEFINE_STATIC(u32));
    expect(() => evaluate(STATIC, false, () => {})).toThrow('defined other static data on this CPU');
    expect(() => evaluate(STATIC, true, () => DEFINE_STATIC(inner, { x: 1 } as never))).toThrow(
      "struct inner has no field 'x'",
    );
    expect(() => evaluate(STATIC, true, () => DEFINE_STATIC(array(u8, 1), [1, 2]))).toThrow(
      '2 initialisers for 1 elements',
    );
    expect(() => evaluate(STATIC, true, () => DEFINE_STATIC(char_array(2), 'abc'))).toThrow('longer than char [2]');
  });
});
