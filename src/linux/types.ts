// noinstr: never transformed, never interrupted.
// <linux/types.h> and what C has in the language: the types of fields, `Struct`, `Union`, static data.
//
//   class stats extends Struct('stats', { lock: spinlock_t, packets: u32 }) {}
//   const shared = DEFINE_STATIC(stats);       // at one address on every CPU
//   stats.at(kzalloc(stats.size, GFP_KERNEL))  // a view of any address
//
// Definitions are made when code is loaded; views may be used in any context. A field access through a null, wild or
// unaligned pointer is an oops.
export * from './field.js';
export { Struct, Union, assign_struct } from './struct.js';
export type { FieldName, StructClass, StructOptions, View } from './struct.js';
export { DEFINE_STATIC, begin_static, def_name, end_static, set_on_static } from './static.js';
export type { Cell, StaticOf } from './static.js';
export type { FieldAccess } from './view.js';
export { PageFault, heap, set_step_slow, set_text_handle } from '../cpu/heap.js';

/** The null pointer. */
export const NULL = 0;
