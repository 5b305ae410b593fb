// llist, hlist, hash tables and kfifo against simple models; their walks.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { attach_memory, fill_bytes } from '../dist/cpu/raw.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { STATIC } from '../src/machine/memory-map.js';
import { array, Struct, u16, u32, u64 } from '../dist/linux/types.js';
import * as F from '../dist/linux/kfifo.js';
import * as H from '../dist/linux/hashtable.js';
import * as L from '../dist/linux/list.js';
import * as LL from '../dist/linux/llist.js';
import * as N from '../dist/linux/list_nulls.js';

class item extends Struct('item', { n: u32, node: L.hlist_node, link: LL.llist_node, nulls: N.hlist_nulls_node }) {}
class table extends Struct('table', { lists: H.DECLARE_HASHTABLE(3) }) {}
class pair extends Struct('pair', { a: u32, b: u64 }) {}
class fifos extends Struct('fifos', {
  words: F.DECLARE_KFIFO(u16, 8),
  pairs: F.DECLARE_KFIFO(pair, 4),
  buffer: array(u16, 32),
  x: pair,
}) {}
const A = STATIC + 0x1000;
const items = Array.from({ length: 8 }, (_, i) => item.at(A + 256 + i * item.size));

beforeAll(() => {
  attach_memory(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true }));
  enter_cpu(0);
});
beforeEach(() => {
  fill_bytes(STATIC, 0, 0x4000);
  items.forEach((x, i) => (x.n = i));
});

describe('llist', () => {
  const head = LL.llist_head.at(A);
  const taken = (first = LL.llist_del_all(head)): number[] => {
    const out: number[] = [];
    for (const x of LL.llist_for_each_entry(first, item, 'link')) out.push(x.n);
    return out;
  };
  test('gives back the last added first, or all of them in order', () => {
    expect(items.map((x) => LL.llist_add(x.link, head))).toEqual([true, ...Array<boolean>(7).fill(false)]);
    expect(LL.llist_entry(LL.llist_del_first(head), item, 'link').n).toBe(7);
    expect(LL.llist_del_first_this(head, items[3]!.link)).toBe(false);
    expect(LL.llist_del_first_this(head, items[6]!.link)).toBe(true);
    expect(taken(LL.llist_reverse_order(LL.llist_del_all(head)))).toEqual([0, 1, 2, 3, 4, 5]);
    expect([LL.llist_empty(head), LL.llist_del_first(head), taken()]).toEqual([true, 0, []]);
  });
  test('a batch goes in as one, and the body of a safe walk may end the node', () => {
    LL.llist_add(items[0]!.link, head);
    items[1]!.link.next = items[2]!.link['@addr'];
    expect(LL.llist_add_batch(items[1]!.link, items[2]!.link, head)).toBe(false);
    const out: number[] = [];
    for (const x of LL.llist_for_each_entry_safe(LL.llist_del_all(head), item, 'link')) {
      out.push(x.n);
      fill_bytes(x['@addr'], 0xff, item.size);
    }
    expect(out).toEqual([1, 2, 0]);
  });
  test('a node says whether it is on a list', () => {
    LL.init_llist_node(items[0]!.link);
    expect(LL.llist_on_list(items[0]!.link)).toBe(false);
    LL.llist_add(items[0]!.link, head);
    expect(LL.llist_on_list(items[0]!.link)).toBe(true);
    LL.llist_del_first_init(head);
    expect(LL.llist_on_list(items[0]!.link)).toBe(false);
  });
});

describe('hlist', () => {
  const head = L.hlist_head.at(A);
  const numbers = (): number[] => {
    const out: number[] = [];
    for (const x of L.hlist_for_each_entry(head, item, 'node')) out.push(x.n);
    expect(L.hlist_count_nodes(head)).toBe(out.length);
    return out;
  };
  test('adding, removing and splicing give the order they should', () => {
    L.hlist_add_head(items[0]!.node, head);
    expect(L.hlist_is_singular_node(items[0]!.node, head)).toBe(true);
    L.hlist_add_head(items[1]!.node, head);
    L.hlist_add_before(items[2]!.node, items[1]!.node);
    L.hlist_add_behind(items[3]!.node, items[1]!.node);
    expect(numbers()).toEqual([2, 1, 3, 0]);
    L.hlist_del_init(items[1]!.node);
    L.hlist_del_init(items[1]!.node);
    expect([numbers(), L.hlist_unhashed(items[1]!.node)]).toEqual([[2, 3, 0], true]);
    L.hlist_del(items[2]!.node);
    expect([numbers(), items[2]!.node.next]).toEqual([[3, 0], L.LIST_POISON1]);
    const other = L.hlist_head.at(A + 8);
    L.hlist_add_head(items[5]!.node, other);
    L.hlist_splice_init(other, items[5]!.node, head);
    expect([numbers(), L.hlist_empty(other)]).toEqual([[5, 3, 0], true]);
    for (const x of L.hlist_for_each_entry_safe(head, item, 'node')) L.hlist_del(x.node);
    expect(L.hlist_empty(head)).toBe(true);
  });
  test('a walk over nulls says at which list it ended', () => {
    const h = N.hlist_nulls_head.at(A);
    N.INIT_HLIST_NULLS_HEAD(h, 77);
    expect(N.hlist_nulls_empty(h)).toBe(true);
    for (const x of items) N.hlist_nulls_add_head(x.nulls, h);
    N.hlist_nulls_del(items[4]!.nulls);
    const walk = N.hlist_nulls_for_each_entry(h, item, 'nulls');
    const out: number[] = [];
    for (const x of walk) out.push(x.n);
    expect([out, N.is_a_nulls(walk.end), N.get_nulls_value(walk.end)]).toEqual([[7, 6, 5, 3, 2, 1, 0], true, 77]);
  });
});

test('a hash table finds what was added, and nothing that was removed', () => {
  const t = table.at(A + 64).lists;
  const key = (i: number): number | bigint => (i < 4 ? i * 1000 : BigInt(i) << 40n);
  H.hash_init(t);
  items.forEach((x, i) => H.hash_add(t, x.node, key(i)));
  const found = (i: number): boolean => {
    for (const x of H.hash_for_each_possible(t, item, 'node', key(i))) if (x.n === i) return true;
    return false;
  };
  expect(items.map((_, i) => found(i))).toEqual(items.map(() => true));
  H.hash_del(items[3]!.node);
  expect([found(3), found(4), H.hash_hashed(items[3]!.node)]).toEqual([false, true, false]);
  const all: number[] = [];
  for (const x of H.hash_for_each(t, item, 'node')) {
    all.push(x.n);
    H.hash_del(x.node);
  }
  expect([all.sort(), H.hash_empty(t)]).toEqual([[0, 1, 2, 4, 5, 6, 7], true]);
});

describe('kfifo', () => {
  const f = fifos.at(A);
  test('does what a queue of bounded length does, also when its indices wrap', () => {
    const op = fc.oneof(
      fc.record({ put: fc.integer({ min: 0, max: 65535 }) }),
      fc.record({ get: fc.constant(1) }),
      fc.record({ in: fc.array(fc.integer({ min: 0, max: 65535 }), { maxLength: 12 }) }),
      fc.record({ out: fc.integer({ min: 0, max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), fc.integer({ min: -16, max: 16 }), (ops, start) => {
        F.INIT_KFIFO(f.words);
        f.words.kfifo.in = f.words.kfifo.out = start;
        const model: number[] = [];
        for (const o of ops) {
          if ('put' in o) {
            expect(F.kfifo_put(f.words, o.put)).toBe(model.length < 8 ? 1 : 0);
            if (model.length < 8) model.push(o.put);
          } else if ('get' in o) {
            const x = { value: -1 };
            expect(F.kfifo_get(f.words, x)).toBe(model.length > 0 ? 1 : 0);
            expect(x.value).toBe(model.shift() ?? -1);
          } else if ('in' in o) {
            o.in.forEach((v, i) => f.buffer.set(i, v));
            const fits = o.in.slice(0, 8 - model.length);
            expect(F.kfifo_in(f.words, f.buffer, o.in.length)).toBe(fits.length);
            model.push(...fits);
          } else {
            const want = model.splice(0, o.out);
            expect(F.kfifo_out(f.words, f.buffer, o.out)).toBe(want.length);
            expect(want.map((_, i) => f.buffer.at(i))).toEqual(want);
          }
          expect([F.kfifo_len(f.words), F.kfifo_avail(f.words), F.kfifo_is_empty(f.words)]).toEqual([
            model.length,
            8 - model.length,
            model.length === 0,
          ]);
        }
      }),
      { numRuns: 200 },
    );
  });
  test('elements of a struct are copied', () => {
    F.INIT_KFIFO(f.pairs);
    f.x.a = 7;
    f.x.b = 1n << 50n;
    for (let i = 0; i < 4; i++) expect(F.kfifo_put(f.pairs, f.x)).toBe(1);
    expect([F.kfifo_put(f.pairs, f.x), F.kfifo_is_full(f.pairs), F.kfifo_esize(f.pairs)]).toEqual([0, true, 16]);
    f.x.a = 0;
    expect([F.kfifo_get(f.pairs, f.x), f.x.a, f.x.b]).toEqual([1, 7, 1n << 50n]);
    F.kfifo_skip(f.pairs);
    expect(F.kfifo_len(f.pairs)).toBe(2);
    F.kfifo_reset_out(f.pairs);
    expect(F.kfifo_is_empty(f.pairs)).toBe(true);
  });
  test('a buffer of the caller’s is used as far as it is a power of two of elements', () => {
    class outside extends Struct('outside', { fifo: F.DECLARE_KFIFO_PTR(u32) }) {}
    const o = outside.at(A + 0x800).fifo;
    expect([F.kfifo_size(o), F.kfifo_put(o, 1), F.kfifo_initialized(o)]).toEqual([0, 0, false]);
    expect([F.kfifo_init(o, A + 0x900, 4), F.kfifo_init(o, A + 0x900, 29), F.kfifo_size(o)]).toEqual([-22, 0, 4]);
    expect([1, 2, 3, 4, 5].map((v) => F.kfifo_put(o, v))).toEqual([1, 1, 1, 1, 0]);
  });
  test('a size that is no power of two is refused', () => {
    expect(() => F.DECLARE_KFIFO(u32, 12)).toThrow(/12, has to be a power of two/);
  });
});
