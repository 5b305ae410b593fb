// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// <linux/list.h>: doubly linked rings of `list_head`s that lie in the listed structs. Nothing here locks: the caller
// holds whatever protects the list, and without it two list_add()s can lose an entry or break the ring.
// Context: any. As with CONFIG_DEBUG_LIST, a change that would act on a broken ring warns and does nothing.
//
// Walks are written as loops: `for (const item of list_for_each_entry(head, item_type, 'link'))`. The body may remove
// the current entry only under the _safe forms.
// First: the checks reach kernel code that defines structs with lists in them.
import { list_head } from './list-types.js';
import { smp_load_acquire } from './barrier.js';
import { READ_ONCE, WRITE_ONCE } from './compiler.js';
import { container_of, offsetof, type MemberOf } from './container_of.js';
import type { AnyStruct } from './field.js';
import { LIST_POISON1, LIST_POISON2, __list_add_valid, __list_del_entry_valid } from './list-debug.js';

export { list_head, LIST_HEAD } from './list-types.js';
export { LIST_POISON1, LIST_POISON2 } from './list-debug.js';
export { container_of } from './container_of.js';
export * from './list-walk.js';
export * from './hlist.js';

/** Makes an empty list. */
export function INIT_LIST_HEAD(list: list_head): void {
  WRITE_ONCE(list, 'next', list['@addr']);
  WRITE_ONCE(list, 'prev', list['@addr']);
}

function __list_add(entry: list_head, prev: list_head, next: list_head): void {
  if (!__list_add_valid(entry['@addr'], prev['@addr'], next['@addr'])) return;
  next.prev = entry['@addr'];
  entry.next = next['@addr'];
  entry.prev = prev['@addr'];
  WRITE_ONCE(prev, 'next', entry['@addr']);
}

function __list_del(prev: number, next: number): void {
  list_head.at(next).prev = prev;
  WRITE_ONCE(list_head.at(prev), 'next', next);
}

/** Puts `entry` first: a stack. */
export function list_add(entry: list_head, head: list_head): void {
  __list_add(entry, head, list_head.at(head.next));
}

/** Puts `entry` last: a queue. */
export function list_add_tail(entry: list_head, head: list_head): void {
  __list_add(entry, list_head.at(head.prev), head);
}

/** Unlinks; whoever follows the entry's own pointers afterwards oopses. */
export function __list_del_entry(entry: list_head): void {
  if (!__list_del_entry_valid(entry['@addr'])) return;
  __list_del(entry.prev, entry.next);
}

/** Takes `entry` out of its list and poisons its pointers. */
export function list_del(entry: list_head): void {
  __list_del_entry(entry);
  entry.next = LIST_POISON1;
  entry.prev = LIST_POISON2;
}

/** Takes `entry` out and makes it an empty list of its own. */
export function list_del_init(entry: list_head): void {
  __list_del_entry(entry);
  INIT_LIST_HEAD(entry);
}

/** Puts `entry` in the place of `old`, whose pointers stay. */
export function list_replace(old: list_head, entry: list_head): void {
  entry.next = old.next;
  list_head.at(entry.next).prev = entry['@addr'];
  entry.prev = old.prev;
  list_head.at(entry.prev).next = entry['@addr'];
}

export function list_replace_init(old: list_head, entry: list_head): void {
  list_replace(old, entry);
  INIT_LIST_HEAD(old);
}

/** From whatever list it is in to the front of `head`. */
export function list_move(entry: list_head, head: list_head): void {
  __list_del_entry(entry);
  list_add(entry, head);
}

export function list_move_tail(entry: list_head, head: list_head): void {
  __list_del_entry(entry);
  list_add_tail(entry, head);
}

/** The entries change places; they may be in two lists. */
export function list_swap(entry1: list_head, entry2: list_head): void {
  let pos = list_head.at(entry2.prev);
  list_del(entry2);
  list_replace(entry1, entry2);
  if (pos['@addr'] === entry1['@addr']) pos = entry2;
  list_add(entry1, pos);
}

/** Moves the entries from `first` to `last`, which are neighbours in one list, to the end of `head`. */
export function list_bulk_move_tail(head: list_head, first: list_head, last: list_head): void {
  list_head.at(first.prev).next = last.next;
  list_head.at(last.next).prev = first.prev;
  list_head.at(head.prev).next = first['@addr'];
  first.prev = head.prev;
  last.next = head['@addr'];
  head.prev = last['@addr'];
}

/** Exact only under the list's lock; without it, a hint. */
export function list_empty(head: list_head): boolean {
  return READ_ONCE(head, 'next') === head['@addr'];
}

/** Also false while another CPU is half-way through list_del_init(): for use without the lock. */
export function list_empty_careful(head: list_head): boolean {
  const next = smp_load_acquire(head, 'next');
  return next === head['@addr'] && next === READ_ONCE(head, 'prev');
}

export function list_is_first(entry: list_head, head: list_head): boolean {
  return entry.prev === head['@addr'];
}

export function list_is_last(entry: list_head, head: list_head): boolean {
  return entry.next === head['@addr'];
}

export function list_is_head(entry: list_head, head: list_head): boolean {
  return entry['@addr'] === head['@addr'];
}

/** One entry exactly. */
export function list_is_singular(head: list_head): boolean {
  return !list_empty(head) && head.next === head.prev;
}

/** Moves the first entry to the end. */
export function list_rotate_left(head: list_head): void {
  if (!list_empty(head)) list_move_tail(list_head.at(head.next), head);
}

/** Makes `entry` the first one, by moving the head: the order round the ring stays. */
export function list_rotate_to_front(entry: list_head, head: list_head): void {
  list_move_tail(head, entry);
}

/** Moves the entries up to `entry`, that one included, to `list`, whose own entries are lost. */
export function list_cut_position(list: list_head, head: list_head, entry: list_head): void {
  if (list_empty(head)) return;
  if (list_is_singular(head) && entry['@addr'] !== head.next && entry['@addr'] !== head['@addr']) return;
  if (entry['@addr'] === head['@addr']) return INIT_LIST_HEAD(list);
  const after = list_head.at(entry.next);
  list.next = head.next;
  list_head.at(list.next).prev = list['@addr'];
  list.prev = entry['@addr'];
  entry.next = list['@addr'];
  head.next = after['@addr'];
  after.prev = head['@addr'];
}

/** Moves the entries before `entry` to `list`, whose own entries are lost. */
export function list_cut_before(list: list_head, head: list_head, entry: list_head): void {
  if (head.next === entry['@addr']) return INIT_LIST_HEAD(list);
  list.next = head.next;
  list_head.at(list.next).prev = list['@addr'];
  list.prev = entry.prev;
  list_head.at(list.prev).next = list['@addr'];
  head.next = entry['@addr'];
  entry.prev = head['@addr'];
}

function __list_splice(list: list_head, prev: list_head, next: list_head): void {
  const first = list_head.at(list.next);
  const last = list_head.at(list.prev);
  first.prev = prev['@addr'];
  prev.next = first['@addr'];
  last.next = next['@addr'];
  next.prev = last['@addr'];
}

/** Puts all entries of `list` at the front of `head`; `list` itself is left dangling. */
export function list_splice(list: list_head, head: list_head): void {
  if (!list_empty(list)) __list_splice(list, head, list_head.at(head.next));
}

export function list_splice_tail(list: list_head, head: list_head): void {
  if (!list_empty(list)) __list_splice(list, list_head.at(head.prev), head);
}

/** As list_splice(), and `list` is empty afterwards. */
export function list_splice_init(list: list_head, head: list_head): void {
  if (list_empty(list)) return;
  __list_splice(list, head, list_head.at(head.next));
  INIT_LIST_HEAD(list);
}

export function list_splice_tail_init(list: list_head, head: list_head): void {
  if (list_empty(list)) return;
  __list_splice(list, list_head.at(head.prev), head);
  INIT_LIST_HEAD(list);
}

/** The struct that `entry` is the field `member` of. */
export function list_entry<T extends AnyStruct>(entry: list_head | number, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(entry, T, member);
}

/** The first entry of a list that is not empty; of an empty one it is nonsense, as in C. */
export function list_first_entry<T extends AnyStruct>(head: list_head, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(head.next, T, member);
}

export function list_last_entry<T extends AnyStruct>(head: list_head, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(head.prev, T, member);
}

/** Return: the first entry, or null if the list is empty. */
export function list_first_entry_or_null<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): InstanceType<T> | null {
  const first = READ_ONCE(head, 'next');
  return first === head['@addr'] ? null : container_of(first, T, member);
}

/** The entry after `pos`, by the field that links them. */
export function list_next_entry<T extends AnyStruct>(pos: InstanceType<T>, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(list_head.at(link_of(pos, T, member)).next, T, member);
}

export function list_prev_entry<T extends AnyStruct>(pos: InstanceType<T>, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(list_head.at(link_of(pos, T, member)).prev, T, member);
}

/** True if `pos` is what a walk that ended leaves in C: the head, taken for an entry. */
export function list_entry_is_head<T extends AnyStruct>(
  pos: InstanceType<T>,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): boolean {
  return link_of(pos, T, member) === head['@addr'];
}

/** The entry after `pos`, or the first one after the last. */
export function list_next_entry_circular<T extends AnyStruct>(
  pos: InstanceType<T>,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): InstanceType<T> {
  const next = list_head.at(link_of(pos, T, member)).next;
  return container_of(next === head['@addr'] ? head.next : next, T, member);
}

export function list_prev_entry_circular<T extends AnyStruct>(
  pos: InstanceType<T>,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): InstanceType<T> {
  const prev = list_head.at(link_of(pos, T, member)).prev;
  return container_of(prev === head['@addr'] ? head.prev : prev, T, member);
}

function link_of<T extends AnyStruct>(pos: InstanceType<T>, T: T, member: MemberOf<T>): number {
  return pos['@addr'] + offsetof(T, member);
}

/** Number of entries: a walk. */
export function list_count_nodes(head: list_head): number {
  let n = 0;
  for (let p = head.next; p !== head['@addr']; p = list_head.at(p).next) n++;
  return n;
}
