// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// The list_for_each* loops of <linux/list.h>: cursors for `for … of`. Part of list.ts; import from there.
//
// A cursor is what the transform knows how to step (`$cursor`, `advance`); to JavaScript it is an iterator whose result
// objects are the cursor itself.
import { offsetof, type MemberOf } from './container_of.js';
import type { AnyStruct, StructView } from './field.js';
import { list_head } from './list-types.js';

interface Entry<V> {
  at(address: number): V;
}

/** Goes from link to link, reading the pointer when the body has run. */
export class list_walk<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  private readonly head: number;
  private readonly type: Entry<V>;
  private readonly offset: number;
  private readonly back: boolean;
  private link: number;

  constructor(head: number, from: number, type: Entry<V>, offset: number, back: boolean) {
    this.head = head;
    this.link = from;
    this.type = type;
    this.offset = offset;
    this.back = back;
    // Set here, so that the object's shape stays one.
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    const here = list_head.at(this.link);
    const to = this.back ? here.prev : here.next;
    if (to === this.head) return false;
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

/** Reads the pointer to the next entry before the body runs, so that the body may remove the current one. */
export class list_walk_safe<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  private readonly head: number;
  private readonly type: Entry<V>;
  private readonly offset: number;
  private readonly back: boolean;
  /** Link of the entry that comes next; 0 before the first. */
  private after: number;

  constructor(head: number, type: Entry<V>, offset: number, back: boolean) {
    this.head = head;
    this.after = 0;
    this.type = type;
    this.offset = offset;
    this.back = back;
    // Set here, so that the object's shape stays one.
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    if (this.after === 0) this.after = this.follow(this.head);
    const link = this.after;
    if (link === this.head) return false;
    this.after = this.follow(link);
    this.value = this.type.at(link - this.offset);
    return true;
  }
  private follow(link: number): number {
    const here = list_head.at(link);
    return this.back ? here.prev : here.next;
  }
  next(): IteratorResult<V> {
    this.done = !this.advance();
    return this as unknown as IteratorResult<V>;
  }
  [Symbol.iterator](): IterableIterator<V> {
    return this;
  }
}

Object.defineProperty(list_walk.prototype, '$cursor', { value: true });
Object.defineProperty(list_walk_safe.prototype, '$cursor', { value: true });

/** All links, as `list_head`s. */
export function list_for_each(head: list_head): list_walk<list_head> {
  return new list_walk(head['@addr'], head['@addr'], list_head, 0, false);
}
export function list_for_each_prev(head: list_head): list_walk<list_head> {
  return new list_walk(head['@addr'], head['@addr'], list_head, 0, true);
}
export function list_for_each_safe(head: list_head): list_walk_safe<list_head> {
  return new list_walk_safe(head['@addr'], list_head, 0, false);
}

export function list_for_each_prev_safe(head: list_head): list_walk_safe<list_head> {
  return new list_walk_safe(head['@addr'], list_head, 0, true);
}

/** All entries: `for (const item of list_for_each_entry(head, item_type, 'link'))`. */
export function list_for_each_entry<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk<InstanceType<T>> {
  return new list_walk(
    head['@addr'],
    head['@addr'],
    T as unknown as Entry<InstanceType<T>>,
    offsetof(T, member),
    false,
  );
}
export function list_for_each_entry_reverse<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk<InstanceType<T>> {
  return new list_walk(head['@addr'], head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member), true);
}
/** The entries after `pos`. */
export function list_for_each_entry_continue<T extends AnyStruct>(
  pos: StructView,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk<InstanceType<T>> {
  const offset = offsetof(T, member);
  return new list_walk(head['@addr'], pos['@addr'] + offset, T as unknown as Entry<InstanceType<T>>, offset, false);
}
export function list_for_each_entry_continue_reverse<T extends AnyStruct>(
  pos: StructView,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk<InstanceType<T>> {
  const offset = offsetof(T, member);
  return new list_walk(head['@addr'], pos['@addr'] + offset, T as unknown as Entry<InstanceType<T>>, offset, true);
}
/** `pos` and the entries after it. */
export function list_for_each_entry_from<T extends AnyStruct>(
  pos: StructView,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk<InstanceType<T>> {
  const offset = offsetof(T, member);
  const before = list_head.at(pos['@addr'] + offset).prev;
  return new list_walk(head['@addr'], before, T as unknown as Entry<InstanceType<T>>, offset, false);
}
export function list_for_each_entry_from_reverse<T extends AnyStruct>(
  pos: StructView,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk<InstanceType<T>> {
  const offset = offsetof(T, member);
  const after = list_head.at(pos['@addr'] + offset).next;
  return new list_walk(head['@addr'], after, T as unknown as Entry<InstanceType<T>>, offset, true);
}
/** All entries; the body may remove the current one (and no other). */
export function list_for_each_entry_safe<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk_safe<InstanceType<T>> {
  return new list_walk_safe(head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member), false);
}
export function list_for_each_entry_safe_reverse<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk_safe<InstanceType<T>> {
  return new list_walk_safe(head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member), true);
}
