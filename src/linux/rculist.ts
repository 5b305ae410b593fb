// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// <linux/rculist.h>: lists that readers walk without a lock, inside rcu_read_lock. Updaters exclude each other by a lock
// of their own; an entry that was taken out keeps its `next`, so that a reader who stands on it gets on, and is freed
// after a grace period only.
//
// An entry is linked by the store that makes it reachable, last, so a reader finds it whole or not at all. Walks of
// readers read each `next` once; in no section they warn, as with CONFIG_PROVE_RCU_LIST.
import { list_head } from './list-types.js';
import { READ_ONCE, WRITE_ONCE } from './compiler.js';
import { container_of, offsetof, type MemberOf } from './container_of.js';
import type { AnyStruct, StructView } from './field.js';
import { LIST_POISON2, __list_add_valid, __list_del_entry_valid } from './list-debug.js';
import { RCU_LOCKDEP_WARN, rcu_assign_pointer, rcu_dereference_raw, rcu_read_lock_any_held } from './rcupdate.js';
import type { Sleeping } from '../sched/sleep.js';

interface Entry<V> {
  at(address: number): V;
}

/** The link after `list`, as a reader sees it. */
export function list_next_rcu(list: list_head): number {
  return rcu_dereference_raw(list, 'next');
}

/** An empty list that readers may be walking already. */
export function INIT_LIST_HEAD_RCU(list: list_head): void {
  WRITE_ONCE(list, 'next', list['@addr']);
  WRITE_ONCE(list, 'prev', list['@addr']);
}

function __list_add_rcu(entry: list_head, prev: list_head, next: list_head): void {
  if (!__list_add_valid(entry['@addr'], prev['@addr'], next['@addr'])) return;
  entry.next = next['@addr'];
  entry.prev = prev['@addr'];
  rcu_assign_pointer(prev, 'next', entry['@addr']);
  next.prev = entry['@addr'];
}
/** Puts `entry` first. Context: any, updaters excluded; readers may walk. */
export function list_add_rcu(entry: list_head, head: list_head): void {
  __list_add_rcu(entry, head, list_head.at(head.next));
}
/** Puts `entry` last. */
export function list_add_tail_rcu(entry: list_head, head: list_head): void {
  __list_add_rcu(entry, list_head.at(head.prev), head);
}

/**
 * Takes `entry` out. Readers may still stand on it: it must not be freed, nor linked again, before a grace period has
 * passed. list_empty() of it is not true afterwards.
 */
export function list_del_rcu(entry: list_head): void {
  if (!__list_del_entry_valid(entry['@addr'])) return;
  const { next, prev } = entry;
  list_head.at(next).prev = prev;
  WRITE_ONCE(list_head.at(prev), 'next', next);
  entry.prev = LIST_POISON2;
}

/** Puts `entry` in the place of `old`, which readers may still stand on. */
export function list_replace_rcu(old: list_head, entry: list_head): void {
  entry.next = old.next;
  entry.prev = old.prev;
  rcu_assign_pointer(list_head.at(entry.prev), 'next', entry['@addr']);
  list_head.at(entry.next).prev = entry['@addr'];
  old.prev = LIST_POISON2;
}

function* __list_splice_init_rcu(
  list: list_head,
  prev: list_head,
  next: list_head,
  sync: () => Sleeping<unknown>,
): Sleeping {
  const first = list_head.at(list.next);
  const last = list_head.at(list.prev);
  // New readers find `list` empty; those that walk it have to be gone before its entries are another list's.
  INIT_LIST_HEAD_RCU(list);
  yield* sync();
  last.next = next['@addr'];
  rcu_assign_pointer(prev, 'next', first['@addr']);
  first.prev = prev['@addr'];
  next.prev = last['@addr'];
}
/** Moves all of `list` to the front of `head`. `sync` waits for readers: `synchronize_rcu`. Context: task. */
export function* list_splice_init_rcu(list: list_head, head: list_head, sync: () => Sleeping<unknown>): Sleeping {
  if (READ_ONCE(list, 'next') === list['@addr']) return;
  yield* __list_splice_init_rcu(list, head, list_head.at(head.next), sync);
}
/** To the end of `head`. */
export function* list_splice_tail_init_rcu(list: list_head, head: list_head, sync: () => Sleeping<unknown>): Sleeping {
  if (READ_ONCE(list, 'next') === list['@addr']) return;
  yield* __list_splice_init_rcu(list, list_head.at(head.prev), head, sync);
}

/** The struct that the link at `p` is the field `member` of. */
export function list_entry_rcu<T extends AnyStruct>(p: list_head | number, T: T, member: MemberOf<T>): InstanceType<T> {
  return container_of(p, T, member);
}
/** Context: a reader. Return: the first entry, null if the list is empty. */
export function list_first_or_null_rcu<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): InstanceType<T> | null {
  const first = READ_ONCE(head, 'next');
  return first === head['@addr'] ? null : container_of(first, T, member);
}
/** Context: a reader. Return: the entry after the link `pos`, null if it is the last. */
export function list_next_or_null_rcu<T extends AnyStruct>(
  head: list_head,
  pos: list_head,
  T: T,
  member: MemberOf<T>,
): InstanceType<T> | null {
  const next = READ_ONCE(pos, 'next');
  return next === head['@addr'] ? null : container_of(next, T, member);
}

/** Goes from link to link; each `next` is read once, when the body has run. */
export class list_walk_rcu<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  private readonly head: number;
  private readonly type: Entry<V>;
  private readonly offset: number;
  private link: number;

  constructor(head: number, from: number, type: Entry<V>, offset: number) {
    this.head = head;
    this.link = from;
    this.type = type;
    this.offset = offset;
    // Set here, so that the object's shape stays one.
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    const to = READ_ONCE(list_head.at(this.link), 'next');
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
Object.defineProperty(list_walk_rcu.prototype, '$cursor', { value: true });

function check_reader(condition: unknown): void {
  RCU_LOCKDEP_WARN(!condition && rcu_read_lock_any_held() === 0, 'RCU-list traversed in non-reader section');
}

/**
 * All entries, in a reader or where `condition` says that no updater can be at work:
 * `for (const item of list_for_each_entry_rcu(head, item_type, 'link'))`.
 */
export function list_for_each_entry_rcu<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
  condition: unknown = false,
): list_walk_rcu<InstanceType<T>> {
  check_reader(condition);
  return new list_walk_rcu(head['@addr'], head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member));
}
/** Without the check: the caller knows that entries stay. */
export function list_for_each_entry_lockless<T extends AnyStruct>(
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk_rcu<InstanceType<T>> {
  return new list_walk_rcu(head['@addr'], head['@addr'], T as unknown as Entry<InstanceType<T>>, offsetof(T, member));
}
/** The entries after `pos`, which is in the list or was when the section began. */
export function list_for_each_entry_continue_rcu<T extends AnyStruct>(
  pos: StructView,
  head: list_head,
  T: T,
  member: MemberOf<T>,
): list_walk_rcu<InstanceType<T>> {
  const offset = offsetof(T, member);
  return new list_walk_rcu(head['@addr'], pos['@addr'] + offset, T as unknown as Entry<InstanceType<T>>, offset);
}
