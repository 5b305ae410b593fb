// noinstr: never transformed, never interrupted.
// <linux/kcsan-checks.h>: what the code relies on beyond the absence of data races, checked by the race detector of the
// stepped build (docs/races.md). Each is one step there, and nothing in the free-running build. Lvalues are a view and
// the name of a field, as for READ_ONCE. Context: any.
import { heap, poll } from '../cpu/heap.js';
import { assert_exclusive } from '../cpu/order.js';
import type { StructView } from './field.js';
import { lea, type Key } from './lvalue.js';

export { data_race } from './data-race.js';

/** Nobody else writes the field, marked or not, unless ordered before this or after it. Others may read it. */
export function ASSERT_EXCLUSIVE_WRITER<V extends StructView, K extends Key<V>>(v: V, field: K): void {
  poll();
  const a = lea(v, field, false);
  assert_exclusive(a, heap.code, true);
}
/** Nobody else reads or writes the field, marked or not, unless ordered before this or after it. */
export function ASSERT_EXCLUSIVE_ACCESS<V extends StructView, K extends Key<V>>(v: V, field: K): void {
  poll();
  const a = lea(v, field, true);
  assert_exclusive(a, heap.code, false);
}
