// inline: what Linux inlines over the caller's data; in the stepped build every access here is a step.
// <linux/llist.h>: a singly linked list without a lock, the last added first. Any number of CPUs may add, in any
// context (cmpxchg), and any number may take all (xchg). llist_del_first() is for one consumer at a time: with two, the
// first node may be removed, used and added again while the other still holds its old successor (ABA).
import { READ_ONCE, WRITE_ONCE } from './compiler.js';
import { cmpxchg, xchg } from './cmpxchg.js';
import { container_of, offsetof, type MemberOf } from './container_of.js';
import { ptr, type AnyStruct } from './field.js';
import { DEFINE_STATIC } from './static.js';
import { Struct } from './struct.js';

/** The link. The last one's `next` is 0; one that is on no list after init_llist_node() points at itself. */
export class llist_node extends Struct('llist_node', { next: ptr('struct llist_node') }) {}
export class llist_head extends Struct('llist_head', { first: ptr('struct llist_node') }) {}

/** An empty list as static data. Context: module level only. */
export const DEFINE_LLIST_HEAD = (): llist_head => DEFINE_STATIC(llist_head);
export { DEFINE_LLIST_HEAD as LLIST_HEAD };

export function init_llist_head(list: llist_head): void {
  list.first = 0;
}
/** Marks the node as on no list, for llist_on_list(). */
export function init_llist_node(node: llist_node): void {
  WRITE_ONCE(node, 'next', node['@addr']);
}
/** Only for nodes that init_llist_node() was called on. */
export function llist_on_list(node: llist_node): boolean {
  return READ_ONCE(node, 'next') !== node['@addr'];
}
/** A hint: others may add or take at the same time. */
export function llist_empty(head: llist_head): boolean {
  return READ_ONCE(head, 'first') === 0;
}

/** Adds the nodes from `first` to `last`, linked already. Return: whether the list was empty. Context: any. */
export function llist_add_batch(first: llist_node, last: llist_node, head: llist_head): boolean {
  for (let old = READ_ONCE(head, 'first'); ;) {
    last.next = old;
    const found = cmpxchg(head, 'first', old, first['@addr']);
    if (found === old) return old === 0;
    old = found;
  }
}
/** Return: whether the list was empty: then whoever takes from it may need a wake-up. Context: any. */
export function llist_add(node: llist_node, head: llist_head): boolean {
  return llist_add_batch(node, node, head);
}
/** As llist_add_batch(), where nobody else is at the list. */
export function __llist_add_batch(first: llist_node, last: llist_node, head: llist_head): boolean {
  last.next = head.first;
  head.first = first['@addr'];
  return last.next === 0;
}
export function __llist_add(node: llist_node, head: llist_head): boolean {
  return __llist_add_batch(node, node, head);
}

/** Takes all. Return: the first node's address, the newest; 0 if there was none. Context: any. */
export function llist_del_all(head: llist_head): number {
  return xchg(head, 'first', 0);
}
export function __llist_del_all(head: llist_head): number {
  const first = head.first;
  head.first = 0;
  return first;
}
/** Takes the newest. Return: its address, 0 if there is none. Context: any, but one consumer at a time. */
export function llist_del_first(head: llist_head): number {
  for (let entry = READ_ONCE(head, 'first'); entry !== 0;) {
    const next = READ_ONCE(llist_node.at(entry), 'next');
    const found = cmpxchg(head, 'first', entry, next);
    if (found === entry) return entry;
    entry = found;
  }
  return 0;
}
/** As llist_del_first(), and the node is then on no list. */
export function llist_del_first_init(head: llist_head): number {
  const entry = llist_del_first(head);
  if (entry !== 0) init_llist_node(llist_node.at(entry));
  return entry;
}
/** Takes `node` if it is the newest. Return: whether it was. */
export function llist_del_first_this(head: llist_head, node: llist_node): boolean {
  const entry = READ_ONCE(head, 'first');
  if (entry !== node['@addr']) return false;
  const next = READ_ONCE(node, 'next');
  return cmpxchg(head, 'first', entry, next) === entry;
}

/** Turns a chain from llist_del_all() round, the oldest first. Return: its new first node's address. */
export function llist_reverse_order(first: number): number {
  let turned = 0;
  for (let at = first; at !== 0;) {
    const node = llist_node.at(at);
    at = node.next;
    node.next = turned;
    turned = node['@addr'];
  }
  return turned;
}

/** Address of the node after this one, 0 at the end. */
export function llist_next(node: llist_node): number {
  return READ_ONCE(node, 'next');
}
export function llist_entry<T extends AnyStruct>(
  node: llist_node | number,
  T: T,
  member: MemberOf<T>,
): InstanceType<T> {
  return container_of(node, T, member);
}

interface Entry<V> {
  at(address: number): V;
}
/** A cursor for `for … of`; `safe` reads the next pointer before the body runs. See list-walk.ts. */
export class llist_walk<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  private readonly type: Entry<V>;
  private readonly offset: number;
  private readonly safe: boolean;
  /** The node that comes next (safe), or the one that the body has now; 0 before the first and behind the last. */
  private link: number;
  private begun: boolean;

  constructor(first: number, type: Entry<V>, offset: number, safe: boolean) {
    this.type = type;
    this.offset = offset;
    this.safe = safe;
    this.link = first;
    this.begun = safe;
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    // Not safe: the link is the entry of the last turn, whose pointer is read now.
    if (this.begun && !this.safe) this.link = llist_node.at(this.link).next;
    this.begun = true;
    const link = this.link;
    if (link === 0) return false;
    if (this.safe) this.link = llist_node.at(link).next;
    this.value = this.type.at(link - this.offset);
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
Object.defineProperty(llist_walk.prototype, '$cursor', { value: true });

/** The nodes of a chain that llist_del_all() gave. */
export function llist_for_each(first: number): llist_walk<llist_node> {
  return new llist_walk<llist_node>(first, llist_node, 0, false);
}
/** As llist_for_each(); the body may free the node. */
export function llist_for_each_safe(first: number): llist_walk<llist_node> {
  return new llist_walk<llist_node>(first, llist_node, 0, true);
}
/** `for (const item of llist_for_each_entry(llist_del_all(head), item_type, 'link'))`. */
export function llist_for_each_entry<T extends AnyStruct>(
  first: number,
  T: T,
  member: MemberOf<T>,
): llist_walk<InstanceType<T>> {
  return new llist_walk(first, T as unknown as Entry<InstanceType<T>>, offsetof(T, member), false);
}
/** As llist_for_each_entry(); the body may free the entry. */
export function llist_for_each_entry_safe<T extends AnyStruct>(
  first: number,
  T: T,
  member: MemberOf<T>,
): llist_walk<InstanceType<T>> {
  return new llist_walk(first, T as unknown as Entry<InstanceType<T>>, offsetof(T, member), true);
}
