// noinstr: never transformed, never interrupted.
// The checks of CONFIG_DEBUG_LIST (lib/list_debug.c): a list that is corrupt is reported and left alone. They read
// without steps: what they look for is damage that is already there. Called by linux/list.ts. Context: any.
import { check_address } from '../cpu/heap.js';
import { ld } from '../cpu/raw.js';
import { WARN } from '../kernel/panic.js';

/** What list_del() leaves in `next` and `prev`: in the null page, so that following one is an oops. */
export const LIST_POISON1 = 0x100;
export const LIST_POISON2 = 0x122;

const NEXT = 0;
const PREV = 4;

function get(a: number, offset: number, field: string): number {
  check_address(a + offset, 4, `list_head.${field}`, false);
  return ld(a + offset);
}

/** Return: whether `entry` may be linked between `prev` and `next`. */
export function __list_add_valid(entry: number, prev: number, next: number): boolean {
  const back = get(next, PREV, 'prev');
  const forth = get(prev, NEXT, 'next');
  return !(
    WARN(
      back !== prev,
      'list_add corruption. next->prev should be prev (%px), but was %px. (next=%px).\n',
      prev,
      back,
      next,
    ) ||
    WARN(
      forth !== next,
      'list_add corruption. prev->next should be next (%px), but was %px. (prev=%px).\n',
      next,
      forth,
      prev,
    ) ||
    WARN(entry === prev || entry === next, 'list_add double add: new=%px, prev=%px, next=%px.\n', entry, prev, next)
  );
}

/** Return: whether `entry` may be unlinked. */
export function __list_del_entry_valid(entry: number): boolean {
  const next = get(entry, NEXT, 'next');
  const prev = get(entry, PREV, 'prev');
  if (
    WARN(next === 0, 'list_del corruption, %px->next is NULL\n', entry) ||
    WARN(prev === 0, 'list_del corruption, %px->prev is NULL\n', entry) ||
    WARN(next === LIST_POISON1, 'list_del corruption, %px->next is LIST_POISON1 (%px)\n', entry, LIST_POISON1) ||
    WARN(prev === LIST_POISON2, 'list_del corruption, %px->prev is LIST_POISON2 (%px)\n', entry, LIST_POISON2)
  )
    return false;
  const forth = get(prev, NEXT, 'next');
  const back = get(next, PREV, 'prev');
  return !(
    WARN(
      forth !== entry,
      'list_del corruption. prev->next should be %px, but was %px. (prev=%px)\n',
      entry,
      forth,
      prev,
    ) ||
    WARN(back !== entry, 'list_del corruption. next->prev should be %px, but was %px. (next=%px)\n', entry, back, next)
  );
}
