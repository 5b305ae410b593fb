// noinstr: never transformed, never interrupted.
// `struct hlist_head` and `struct hlist_node`. See hlist.ts.
import { ptr } from './field.js';
import { DEFINE_STATIC } from './static.js';
import { Struct } from './struct.js';

export class hlist_head extends Struct('hlist_head', { first: ptr('struct hlist_node') }) {}
/** `next` first: whoever writes through a `pprev` does it through a view of hlist_head. */
export class hlist_node extends Struct('hlist_node', {
  next: ptr('struct hlist_node'),
  pprev: ptr('struct hlist_node *'),
}) {}
/** An empty list as static data. Context: module level only. */
export const HLIST_HEAD = (): hlist_head => DEFINE_STATIC(hlist_head);
