// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// <linux/list_nulls.h>: hlists whose end is not 0 but an odd value that says which list it is. A walk without a lock,
// over nodes that may be moved to another list meanwhile (SLAB_TYPESAFE_BY_RCU), compares it with the list where it
// began and starts again if they differ. Context: any.
import { READ_ONCE, WRITE_ONCE } from './compiler.js';
import { offsetof, type MemberOf } from './container_of.js';
import { ptr, type AnyStruct } from './field.js';
import { LIST_POISON2 } from './list-debug.js';
import { Struct } from './struct.js';

export class hlist_nulls_head extends Struct('hlist_nulls_head', { first: ptr('struct hlist_nulls_node') }) {}
export class hlist_nulls_node extends Struct('hlist_nulls_node', {
  next: ptr('struct hlist_nulls_node'),
  pprev: ptr('struct hlist_nulls_node *'),
}) {}

/** The end mark of list number `value`, 0 to 2^30 - 1. */
export function NULLS_MARKER(value: number): number {
  return (value << 1) | 1 | 0;
}
export function INIT_HLIST_NULLS_HEAD(h: hlist_nulls_head, value: number): void {
  h.first = NULLS_MARKER(value);
}
/** Is the pointer an end mark? */
export function is_a_nulls(pointer: number): boolean {
  return (pointer & 1) !== 0;
}
export function get_nulls_value(pointer: number): number {
  return pointer >>> 1;
}
export function hlist_nulls_unhashed(n: hlist_nulls_node): boolean {
  return n.pprev === 0;
}
export function hlist_nulls_empty(h: hlist_nulls_head): boolean {
  return is_a_nulls(READ_ONCE(h, 'first'));
}
export function hlist_nulls_add_head(n: hlist_nulls_node, h: hlist_nulls_head): void {
  const first = h.first;
  n.next = first;
  WRITE_ONCE(n, 'pprev', h['@addr']);
  h.first = n['@addr'];
  if (!is_a_nulls(first)) WRITE_ONCE(hlist_nulls_node.at(first), 'pprev', n['@addr']);
}
export function __hlist_nulls_del(n: hlist_nulls_node): void {
  const next = n.next;
  const pprev = n.pprev;
  WRITE_ONCE(hlist_nulls_head.at(pprev), 'first', next);
  if (!is_a_nulls(next)) WRITE_ONCE(hlist_nulls_node.at(next), 'pprev', pprev);
}
/** `next` is left, for walks that stand on the node. */
export function hlist_nulls_del(n: hlist_nulls_node): void {
  __hlist_nulls_del(n);
  WRITE_ONCE(n, 'pprev', LIST_POISON2);
}

interface Entry<V> {
  at(address: number): V;
}
/** A cursor for `for … of`; after the loop `end` is the mark that it came to, 0 if it was left by `break`. */
export class hlist_nulls_walk<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  declare end: number;
  private link: number;
  private readonly type: Entry<V>;
  private readonly offset: number;
  private readonly once: boolean;

  constructor(head: number, type: Entry<V>, offset: number, once = false) {
    this.link = head;
    this.type = type;
    this.offset = offset;
    this.once = once;
    this.value = undefined as V;
    this.done = false;
    this.end = 0;
  }
  advance(): boolean {
    const here = hlist_nulls_head.at(this.link);
    const to = this.once ? READ_ONCE(here, 'first') : here.first;
    if (is_a_nulls(to)) {
      this.end = to;
      return false;
    }
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
Object.defineProperty(hlist_nulls_walk.prototype, '$cursor', { value: true });

/** All entries. Linux's loop takes a node variable whose last value is the end mark; here it is the walk's `end`. */
export function hlist_nulls_for_each_entry<T extends AnyStruct>(
  head: hlist_nulls_head,
  T: T,
  member: MemberOf<T>,
): hlist_nulls_walk<InstanceType<T>> {
  return new hlist_nulls_walk(head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member));
}
