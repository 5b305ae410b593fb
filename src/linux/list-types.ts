// noinstr: never transformed, never interrupted.
// `struct list_head`, the link of a doubly linked ring, and `LIST_HEAD`. See list.ts.
import { st } from '../cpu/raw.js';
import { ptr } from './field.js';
import { DEFINE_STATIC } from './static.js';
import { Struct } from './struct.js';

/** Both point at the neighbours, in an empty list at itself. The lock that protects a list is its owner's. */
export class list_head extends Struct(
  'list_head',
  { next: ptr('struct list_head'), prev: ptr('struct list_head') },
  {
    init(address) {
      st(address, address);
      st(address + 4, address);
    },
  },
) {}

/** An empty list as static data: `const items = LIST_HEAD()`. Context: module level only. */
export const LIST_HEAD = (): list_head => DEFINE_STATIC(list_head);
