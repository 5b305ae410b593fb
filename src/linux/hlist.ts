// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// The hlist part of <linux/list.h>: doubly linked lists with a head of one pointer, for hash tables. Nothing here locks.
// Part of list.ts; import from there. Context: any.
//
// `pprev` is the address of the pointer that points at the node, the head's `first` or another node's `next`: both lie at
// offset 0, so one view serves to write through it. 0 means that the node is on no list.
import { READ_ONCE, WRITE_ONCE } from './compiler.js';
import { container_of, offsetof, type MemberOf } from './container_of.js';
import type { AnyStruct, StructView } from './field.js';
import { hlist_head, hlist_node } from './hlist-types.js';
import { LIST_POISON1, LIST_POISON2 } from './list-debug.js';

export { hlist_head, hlist_node, HLIST_HEAD } from './hlist-types.js';

export function INIT_HLIST_HEAD(h: hlist_head): void {
  h.first = 0;
}
export function INIT_HLIST_NODE(n: hlist_node): void {
  n.next = 0;
  n.pprev = 0;
}
/** Is the node on no list? Not after hlist_del(), which poisons it. */
export function hlist_unhashed(n: hlist_node): boolean {
  return n.pprev === 0;
}
/** As hlist_unhashed(), where the list's lock is not held. */
export function hlist_unhashed_lockless(n: hlist_node): boolean {
  return READ_ONCE(n, 'pprev') === 0;
}
export function hlist_empty(h: hlist_head): boolean {
  return READ_ONCE(h, 'first') === 0;
}

export function __hlist_del(n: hlist_node): void {
  const next = n.next;
  const pprev = n.pprev;
  WRITE_ONCE(hlist_head.at(pprev), 'first', next);
  if (next !== 0) WRITE_ONCE(hlist_node.at(next), 'pprev', pprev);
}
/** Takes the node out and poisons its pointers. */
export function hlist_del(n: hlist_node): void {
  __hlist_del(n);
  n.next = LIST_POISON1;
  n.pprev = LIST_POISON2;
}
/** Takes the node out, if it is on a list, and makes it one that is on none. */
export function hlist_del_init(n: hlist_node): void {
  if (hlist_unhashed(n)) return;
  __hlist_del(n);
  INIT_HLIST_NODE(n);
}

/** Puts the node first. */
export function hlist_add_head(n: hlist_node, h: hlist_head): void {
  const first = h.first;
  WRITE_ONCE(n, 'next', first);
  if (first !== 0) WRITE_ONCE(hlist_node.at(first), 'pprev', n['@addr']);
  WRITE_ONCE(h, 'first', n['@addr']);
  WRITE_ONCE(n, 'pprev', h['@addr']);
}
/** `next` is on a list. */
export function hlist_add_before(n: hlist_node, next: hlist_node): void {
  const pprev = next.pprev;
  WRITE_ONCE(n, 'pprev', pprev);
  WRITE_ONCE(n, 'next', next['@addr']);
  WRITE_ONCE(next, 'pprev', n['@addr']);
  WRITE_ONCE(hlist_head.at(pprev), 'first', n['@addr']);
}
/** `prev` is on a list. */
export function hlist_add_behind(n: hlist_node, prev: hlist_node): void {
  const next = prev.next;
  WRITE_ONCE(n, 'next', next);
  WRITE_ONCE(prev, 'next', n['@addr']);
  WRITE_ONCE(n, 'pprev', prev['@addr']);
  if (next !== 0) WRITE_ONCE(hlist_node.at(next), 'pprev', n['@addr']);
}
/** A list of its own, so that hlist_del() works on it. */
export function hlist_add_fake(n: hlist_node): void {
  n.pprev = n['@addr'];
}
export function hlist_fake(n: hlist_node): boolean {
  return n.pprev === n['@addr'];
}
export function hlist_is_singular_node(n: hlist_node, h: hlist_head): boolean {
  return n.next === 0 && n.pprev === h['@addr'];
}
/** Gives all nodes of `old` to `head`, which loses what it had. */
export function hlist_move_list(old: hlist_head, head: hlist_head): void {
  const first = old.first;
  head.first = first;
  if (first !== 0) hlist_node.at(first).pprev = head['@addr'];
  old.first = 0;
}
/** Puts the nodes of `from`, the last of which is `last`, before those of `to`. */
export function hlist_splice_init(from: hlist_head, last: hlist_node, to: hlist_head): void {
  const first = to.first;
  if (first !== 0) hlist_node.at(first).pprev = last['@addr'];
  last.next = first;
  to.first = from.first;
  hlist_node.at(from.first).pprev = to['@addr'];
  from.first = 0;
}
export function hlist_count_nodes(h: hlist_head): number {
  let n = 0;
  for (let at = h.first; at !== 0; at = hlist_node.at(at).next) n++;
  return n;
}

export function hlist_entry<T extends AnyStruct>(n: hlist_node | number, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(n, T, member);
}

interface Entry<V> {
  at(address: number): V;
}
/** Goes from node to node, reading the pointer when the body has run. `once`: by READ_ONCE, for walks without the lock. */
export class hlist_walk<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  /** Where the pointer to the next node lies: the head, then each node. */
  private link: number;
  private readonly type: Entry<V>;
  private readonly offset: number;
  private readonly once: boolean;

  constructor(link: number, type: Entry<V>, offset: number, once = false) {
    this.link = link;
    this.type = type;
    this.offset = offset;
    this.once = once;
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    const here = hlist_head.at(this.link);
    const to = this.once ? READ_ONCE(here, 'first') : here.first;
    if (to === 0) return false;
    this.link = to;
    this.value = this.type.at(to - this.offset);
    return true;
  }
  next(): IteratorResult<V> {
    this.done = !this.advance();
    return this as unknown as IteratorResult<V>;
  }
  [Symbol.iterator](): IterableIterator<V> {
    return this;
  }
}
/** Reads the pointer to the next node before the body runs, so that the body may remove the current one. */
export class hlist_walk_safe<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  private readonly head: number;
  private begun: boolean;
  private after: number;
  private readonly type: Entry<V>;
  private readonly offset: number;

  constructor(head: number, type: Entry<V>, offset: number) {
    this.head = head;
    this.begun = false;
    this.after = 0;
    this.type = type;
    this.offset = offset;
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    if (!this.begun) this.after = hlist_head.at(this.head).first;
    this.begun = true;
    const node = this.after;
    if (node === 0) return false;
    this.after = hlist_node.at(node).next;
    this.value = this.type.at(node - this.offset);
    return true;
  }
  next(): IteratorResult<V> {
    this.done = !this.advance();
    return this as unknown as IteratorResult<V>;
  }
  [Symbol.iterator](): IterableIterator<V> {
    return this;
  }
}
Object.defineProperty(hlist_walk.prototype, '$cursor', { value: true });
Object.defineProperty(hlist_walk_safe.prototype, '$cursor', { value: true });

/** All nodes, as `hlist_node`s. */
export function hlist_for_each(head: hlist_head): hlist_walk<hlist_node> {
  return new hlist_walk<hlist_node>(head['@addr'], hlist_node, 0);
}
export function hlist_for_each_safe(head: hlist_head): hlist_walk_safe<hlist_node> {
  return new hlist_walk_safe<hlist_node>(head['@addr'], hlist_node, 0);
}
/** All entries: `for (const item of hlist_for_each_entry(head, item_type, 'link'))`. */
export function hlist_for_each_entry<T extends AnyStruct>(
  head: hlist_head,
  T: T,
  member: MemberOf<T>,
): hlist_walk<InstanceType<T>> {
  return new hlist_walk(head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member));
}
/** All entries; the body may remove the current one (and no other). */
export function hlist_for_each_entry_safe<T extends AnyStruct>(
  head: hlist_head,
  T: T,
  member: MemberOf<T>,
): hlist_walk_safe<InstanceType<T>> {
  return new hlist_walk_safe(head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member));
}
/** The entries after `pos`. */
export function hlist_for_each_entry_continue<T extends AnyStruct>(
  pos: StructView,
  T: T,
  member: MemberOf<T>,
): hlist_walk<InstanceType<T>> {
  const offset = offsetof(T, member);
  return new hlist_walk(pos['@addr'] + offset, T as unknown as Entry<InstanceType<T>>, offset);
}
