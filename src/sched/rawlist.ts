// noinstr: never transformed, never interrupted.
// Linux's doubly linked lists on byte addresses, for the kernel's own lists under the kernel's own locks. Modules use
// linux/list.ts, whose every access is a step.
import { ld, st } from '../cpu/raw.js';

export function list_init(head: number): void {
  st(head, head);
  st(head + 4, head);
}
export const list_is_empty = (head: number): boolean => ld(head) === head;
function insert(entry: number, previous: number, next: number): void {
  st(next + 4, entry);
  st(entry, next);
  st(entry + 4, previous);
  st(previous, entry);
}
export const list_push_front = (entry: number, head: number): void => insert(entry, head, ld(head));
export const list_push_back = (entry: number, head: number): void => insert(entry, ld(head + 4), head);
/** Leaves the entry pointing at itself. */
export function list_remove(entry: number): void {
  const next = ld(entry);
  const previous = ld(entry + 4);
  st(next + 4, previous);
  st(previous, next);
  st(entry, entry);
  st(entry + 4, entry);
}
/** True for an entry that is on no list: zeroed, or taken off by list_remove. */
export const list_unlinked = (entry: number): boolean => ld(entry) === 0 || ld(entry) === entry;
