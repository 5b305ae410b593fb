import { beforeAll, beforeEach, expect, test } from 'vitest';
import fc from 'fast-check';
import { attach_memory, fill_bytes } from '../dist/cpu/raw.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { Mach, STATIC } from '../src/machine/memory-map.js';
import { ld } from '../dist/cpu/raw.js';
import { Struct, addr_of, begin_static, end_static, u32, DEFINE_STATIC } from '../dist/linux/types.js';
import * as L from '../dist/linux/list.js';

class item extends Struct('item', { n: u32, link: L.list_head }) {}
const A = STATIC + 0x1000;
const head = L.list_head.at(A);
const other = L.list_head.at(A + 8);
const items = Array.from({ length: 8 }, (_, i) => item.at(A + 64 + i * 16));

beforeAll(() => {
  attach_memory(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true }));
  enter_cpu(0);
});
beforeEach(() => {
  fill_bytes(STATIC, 0, 0x4000);
  L.INIT_LIST_HEAD(head);
  L.INIT_LIST_HEAD(other);
  items.forEach((x, i) => (x.n = i));
});

const numbers = (h = head): number[] => {
  const out: number[] = [];
  for (const x of L.list_for_each_entry(h, item, 'link')) out.push(x.n);
  const back: number[] = [];
  for (const x of L.list_for_each_entry_reverse(h, item, 'link')) back.unshift(x.n);
  expect(back).toEqual(out);
  return out;
};
const warnings = (): number => ld(Mach.WARNINGS);

test('adding at either end, deleting and moving give the order they should', () => {
  expect([L.list_empty(head), L.list_is_singular(head), numbers()]).toEqual([true, false, []]);
  L.list_add(items[0]!.link, head);
  expect([L.list_empty(head), L.list_is_singular(head), L.list_empty_careful(head)]).toEqual([false, true, false]);
  L.list_add(items[1]!.link, head);
  L.list_add_tail(items[2]!.link, head);
  L.list_add_tail(items[3]!.link, head);
  expect(numbers()).toEqual([1, 0, 2, 3]);
  expect([
    L.list_is_first(items[1]!.link, head),
    L.list_is_last(items[3]!.link, head),
    L.list_is_last(items[1]!.link, head),
  ]).toEqual([true, true, false]);
  L.list_move(items[2]!.link, head);
  L.list_move_tail(items[1]!.link, head);
  expect(numbers()).toEqual([2, 0, 3, 1]);
  L.list_rotate_left(head);
  expect(numbers()).toEqual([0, 3, 1, 2]);
  L.list_del_init(items[3]!.link);
  expect([numbers(), L.list_empty(items[3]!.link)]).toEqual([[0, 1, 2], true]);
  L.list_replace_init(items[1]!.link, items[7]!.link);
  expect([numbers(), L.list_count_nodes(head)]).toEqual([[0, 7, 2], 3]);
  L.list_del(items[7]!.link);
  expect([numbers(), items[7]!.link.next, items[7]!.link.prev]).toEqual([[0, 2], L.LIST_POISON1, L.LIST_POISON2]);
  expect(warnings()).toBe(0);
});

test('entries are found from their links', () => {
  items.slice(0, 3).forEach((x) => L.list_add_tail(x.link, head));
  expect([L.list_first_entry(head, item, 'link').n, L.list_last_entry(head, item, 'link').n]).toEqual([0, 2]);
  expect(L.list_next_entry(items[0]!, item, 'link').n).toBe(1);
  expect(L.list_prev_entry(items[2]!, item, 'link').n).toBe(1);
  expect(L.list_first_entry_or_null(head, item, 'link')?.n).toBe(0);
  expect(L.list_first_entry_or_null(other, item, 'link')).toBe(null);
  const found = L.container_of(items[1]!.link, item, 'link');
  expect([addr_of(found), addr_of(L.list_entry(head.next, item, 'link'))]).toEqual([
    addr_of(items[1]!),
    addr_of(items[0]!),
  ]);
  expect([...L.list_for_each_entry_continue(items[0]!, head, item, 'link')].length).toBe(2);
  expect(() => L.container_of(A, item, 'nope' as never)).toThrow("struct item has no field 'nope'");
});

test('lists splice to the front and to the end', () => {
  const fill = (): void => {
    L.INIT_LIST_HEAD(head);
    L.INIT_LIST_HEAD(other);
    items.slice(0, 2).forEach((x) => L.list_add_tail(x.link, head));
    items.slice(2, 4).forEach((x) => L.list_add_tail(x.link, other));
  };
  fill();
  L.list_splice(other, head);
  expect(numbers()).toEqual([2, 3, 0, 1]);
  fill();
  L.list_splice_tail(other, head);
  expect(numbers()).toEqual([0, 1, 2, 3]);
  fill();
  L.list_splice_init(other, head);
  expect([numbers(), numbers(other)]).toEqual([[2, 3, 0, 1], []]);
  fill();
  L.list_splice_tail_init(other, head);
  expect([numbers(), numbers(other)]).toEqual([[0, 1, 2, 3], []]);
  L.list_splice_init(other, head);
  L.list_splice_tail(other, head);
  expect(numbers()).toEqual([0, 1, 2, 3]);
});

test('the body of a _safe walk may remove the current entry, that of a plain walk may not', () => {
  items.forEach((x) => L.list_add_tail(x.link, head));
  for (const x of L.list_for_each_entry_safe(head, item, 'link')) if (x.n % 2 === 0) L.list_del(x.link);
  expect(numbers()).toEqual([1, 3, 5, 7]);
  for (const x of L.list_for_each_entry_safe_reverse(head, item, 'link')) if (x.n > 3) L.list_del(x.link);
  expect(numbers()).toEqual([1, 3]);
  expect([...L.list_for_each_safe(head)].length).toBe(2);
  expect(() => {
    for (const x of L.list_for_each_entry(head, item, 'link')) L.list_del(x.link);
  }).toThrow('BUG: kernel NULL pointer dereference, address: 00000100 (list_head.next)');
});

test('walking gives links or entries, and can stop early', () => {
  items.forEach((x) => L.list_add_tail(x.link, head));
  const seen: number[] = [];
  for (const link of L.list_for_each(head)) {
    if (seen.length === 3) break;
    seen.push(L.list_entry(link, item, 'link').n);
  }
  for (const link of L.list_for_each_prev(head)) {
    if (seen.length === 5) break;
    seen.push(L.list_entry(link, item, 'link').n);
  }
  expect(seen).toEqual([0, 1, 2, 7, 6]);
});

test('random operations agree with an array', () => {
  const op = fc.tuple(fc.constantFrom('add', 'tail', 'del', 'move', 'move_tail'), fc.nat(7));
  fc.assert(
    fc.property(fc.array(op, { maxLength: 30 }), (ops) => {
      L.INIT_LIST_HEAD(head);
      let model: number[] = [];
      for (const [name, i] of ops) {
        const link = items[i]!.link;
        const inside = model.includes(i);
        if ((name === 'add' || name === 'tail') === inside) continue;
        model = model.filter((x) => x !== i);
        if (name === 'add') L.list_add(link, head);
        else if (name === 'tail') L.list_add_tail(link, head);
        else if (name === 'del') L.list_del(link);
        else if (name === 'move') L.list_move(link, head);
        else L.list_move_tail(link, head);
        if (name === 'add' || name === 'move') model.unshift(i);
        else if (name !== 'del') model.push(i);
        expect(numbers()).toEqual(model);
      }
    }),
  );
  expect(warnings()).toBe(0);
});

test('changing a corrupt list warns and does nothing', () => {
  const count = (f: () => void): number => {
    const before = warnings();
    f();
    return warnings() - before;
  };
  L.list_add(items[0]!.link, head);
  expect(count(() => L.list_add(items[1]!.link, head))).toBe(0);
  expect(count(() => L.list_add(items[1]!.link, head))).toBe(1); // double add
  expect(numbers()).toEqual([1, 0]);
  head.prev = addr_of(items[1]!.link);
  expect(count(() => L.list_add_tail(items[2]!.link, head))).toBe(1);
  head.prev = addr_of(items[0]!.link);
  L.list_del(items[0]!.link);
  expect(count(() => L.list_del(items[0]!.link))).toBe(1);
  expect(count(() => L.list_del(items[5]!.link))).toBe(1); // never added
  items[1]!.link.prev = addr_of(other);
  expect(count(() => L.list_del_init(items[1]!.link))).toBe(1);
});

test('static lists are empty from the start, embedded ones too', () => {
  class owner extends Struct('owner', { n: u32, items: L.list_head }) {}
  begin_static(STATIC, true);
  const list = L.LIST_HEAD();
  const o = DEFINE_STATIC(owner);
  end_static();
  expect([L.list_empty(list), L.list_empty(o.items), list.prev]).toEqual([true, true, addr_of(list)]);
});

test('lists are cut, swapped, turned and moved in bulk', () => {
  const before = warnings();
  const fill = (): void => {
    L.INIT_LIST_HEAD(head);
    L.INIT_LIST_HEAD(other);
    for (const x of items.slice(0, 5)) L.list_add_tail(x.link, head);
  };
  fill();
  L.list_cut_position(other, head, items[1]!.link);
  expect([numbers(other), numbers()]).toEqual([
    [0, 1],
    [2, 3, 4],
  ]);
  fill();
  L.list_cut_position(other, head, head);
  expect([numbers(other), numbers()]).toEqual([[], [0, 1, 2, 3, 4]]);
  L.list_cut_before(other, head, items[2]!.link);
  expect([numbers(other), numbers()]).toEqual([
    [0, 1],
    [2, 3, 4],
  ]);
  fill();
  L.list_cut_before(other, head, items[0]!.link);
  expect([numbers(other), numbers()]).toEqual([[], [0, 1, 2, 3, 4]]);
  L.list_swap(items[1]!.link, items[3]!.link);
  expect(numbers()).toEqual([0, 3, 2, 1, 4]);
  L.list_swap(items[3]!.link, items[2]!.link);
  expect(numbers()).toEqual([0, 2, 3, 1, 4]);
  L.list_swap(items[2]!.link, items[0]!.link);
  expect(numbers()).toEqual([2, 0, 3, 1, 4]);
  L.list_rotate_to_front(items[3]!.link, head);
  expect(numbers()).toEqual([3, 1, 4, 2, 0]);
  L.list_bulk_move_tail(head, items[1]!.link, items[4]!.link);
  expect(numbers()).toEqual([3, 2, 0, 1, 4]);
  L.list_bulk_move_tail(other, items[2]!.link, items[0]!.link);
  expect([numbers(other), numbers()]).toEqual([
    [2, 0],
    [3, 1, 4],
  ]);
  expect(warnings()).toBe(before);
});

test('walks begin at an entry, in either direction, and go round', () => {
  for (const x of items.slice(0, 4)) L.list_add_tail(x.link, head);
  const of = (walk: Iterable<item>): number[] => {
    const out: number[] = [];
    for (const x of walk) out.push(x.n);
    return out;
  };
  expect(of(L.list_for_each_entry_from(items[1]!, head, item, 'link'))).toEqual([1, 2, 3]);
  expect(of(L.list_for_each_entry_from(items[0]!, head, item, 'link'))).toEqual([0, 1, 2, 3]);
  expect(of(L.list_for_each_entry_from_reverse(items[2]!, head, item, 'link'))).toEqual([2, 1, 0]);
  expect(of(L.list_for_each_entry_from_reverse(items[3]!, head, item, 'link'))).toEqual([3, 2, 1, 0]);
  expect(of(L.list_for_each_entry_continue_reverse(items[2]!, head, item, 'link'))).toEqual([1, 0]);
  let seen = 0;
  for (const link of L.list_for_each_prev_safe(head)) {
    seen++;
    L.list_del(link);
  }
  expect([seen, L.list_empty(head)]).toEqual([4, true]);
  for (const x of items.slice(0, 3)) L.list_add_tail(x.link, head);
  expect(L.list_next_entry_circular(items[2]!, head, item, 'link').n).toBe(0);
  expect(L.list_prev_entry_circular(items[0]!, head, item, 'link').n).toBe(2);
  expect(L.list_entry_is_head(L.list_next_entry(items[2]!, item, 'link'), head, item, 'link')).toBe(true);
  expect(L.list_entry_is_head(items[2]!, head, item, 'link')).toBe(false);
});
