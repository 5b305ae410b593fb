// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// <linux/hashtable.h>: a hash table of fixed size, an array of hlists. Nothing here locks. Context: any.
//
//   const table = DEFINE_HASHTABLE(6);                       64 lists
//   hash_add(table, item.node, item.key);
//   for (const item of hash_for_each_possible(table, item_type, 'node', key)) if (item.key === key) ...
import { array, type AnyStruct, type ArrayType, type ArrayView } from './field.js';
import { hash_32, hash_64 } from './hash.js';
import { hlist_head } from './hlist-types.js';
import {
  hlist_add_head,
  hlist_del_init,
  hlist_empty,
  hlist_for_each_entry,
  hlist_for_each_entry_safe,
  hlist_unhashed,
  INIT_HLIST_HEAD,
  type hlist_node,
  type hlist_walk,
  type hlist_walk_safe,
} from './hlist.js';
import { ilog2 } from './log2.js';
import { DEFINE_STATIC } from './static.js';
import type { MemberOf } from './container_of.js';

export type hashtable = ArrayView<typeof hlist_head>;

/** The type of a table of 2^bits lists, for a field of a struct; hash_init() makes it usable (zeros are). */
export const DECLARE_HASHTABLE = (bits: number): ArrayType<typeof hlist_head> => array(hlist_head, 1 << bits);
/** Static data. Context: module level only. */
export const DEFINE_HASHTABLE = (bits: number): hashtable => DEFINE_STATIC(array(hlist_head, 1 << bits));

export function HASH_SIZE(table: hashtable): number {
  return table.length;
}
export function HASH_BITS(table: hashtable): number {
  return ilog2(table.length);
}
/** Which list a key belongs to. Keys are numbers up to 32 bits, or bigint. */
export function hash_min(key: number | bigint, bits: number): number {
  return typeof key === 'bigint' ? hash_64(key, bits) : hash_32(key, bits);
}
function bucket(table: hashtable, key: number | bigint): hlist_head {
  return table.at(table.length === 1 ? 0 : hash_min(key, HASH_BITS(table)));
}

export function hash_init(table: hashtable): void {
  for (let i = 0; i < table.length; i++) INIT_HLIST_HEAD(table.at(i));
}
export function hash_add(table: hashtable, node: hlist_node, key: number | bigint): void {
  hlist_add_head(node, bucket(table, key));
}
/** Is the node in a table? */
export function hash_hashed(node: hlist_node): boolean {
  return !hlist_unhashed(node);
}
export function hash_del(node: hlist_node): void {
  hlist_del_init(node);
}
export function hash_empty(table: hashtable): boolean {
  for (let i = 0; i < table.length; i++) if (!hlist_empty(table.at(i))) return false;
  return true;
}
/** The entries with this key, and others that share its list: the body compares. */
export function hash_for_each_possible<T extends AnyStruct>(
  table: hashtable,
  T: T,
  member: MemberOf<T>,
  key: number | bigint,
): hlist_walk<InstanceType<T>> {
  return hlist_for_each_entry(bucket(table, key), T, member);
}
/** As hash_for_each_possible(); the body may remove the current entry. */
export function hash_for_each_possible_safe<T extends AnyStruct>(
  table: hashtable,
  T: T,
  member: MemberOf<T>,
  key: number | bigint,
): hlist_walk_safe<InstanceType<T>> {
  return hlist_for_each_entry_safe(bucket(table, key), T, member);
}
/**
 * All entries of the table; the body may remove the current one, so this is hash_for_each_safe() too. A loop over
 * `table.at(i)` and hlist_for_each_entry() is what Linux's macro is.
 */
export function hash_for_each<T extends AnyStruct>(
  table: hashtable,
  T: T,
  member: MemberOf<T>,
): hash_walk<InstanceType<T>> {
  return new hash_walk(table, T, member);
}
export { hash_for_each as hash_for_each_safe };

/** A cursor for `for … of` over all lists of a table. */
export class hash_walk<V> implements IterableIterator<V> {
  declare readonly $cursor: true;
  declare value: V;
  declare done: boolean;
  private readonly table: hashtable;
  private readonly type: AnyStruct;
  private readonly member: string;
  private list: hlist_walk_safe<unknown> | null;
  private index: number;

  constructor(table: hashtable, type: AnyStruct, member: string) {
    this.table = table;
    this.type = type;
    this.member = member;
    this.list = null;
    this.index = 0;
    this.value = undefined as V;
    this.done = false;
  }
  advance(): boolean {
    for (;;) {
      if (this.list !== null && this.list.advance()) {
        this.value = this.list.value as V;
        return true;
      }
      if (this.index === this.table.length) return false;
      this.list = hlist_for_each_entry_safe(this.table.at(this.index), this.type, this.member);
      this.index++;
    }
  }
  next(): IteratorResult<V> {
    this.done = !this.advance();
    return this as unknown as IteratorResult<V>;
  }
  [Symbol.iterator](): IterableIterator<V> {
    return this;
  }
}
Object.defineProperty(hash_walk.prototype, '$cursor', { value: true });
