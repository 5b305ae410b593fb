// <linux/moduleparam.h>: static data that can be set as `name=value` when the module is loaded:
//
//   const limit = DEFINE_STATIC(int, 10);
//   module_param(limit, int, 0o644);
//   ... limit.value ...
import { evaluating } from '../kernel/loading.js';
import type { ArrayView, FieldType, StructView } from './field.js';

function declare(name: string, cell: StructView, type: FieldType, mode: number): void {
  evaluating('module_param').parameters.push({ name, type, cell, mode, description: '' });
}
/** The parameter has the name of the constant; `type` is the type it was defined with. */
export function module_param(cell: StructView, type: FieldType, mode: number): void {
  const name = evaluating('module_param').data.get(cell['@addr']);
  if (name === undefined)
    throw new Error('module_param: write `const name = DEFINE_STATIC(type, value)` first and give it here');
  declare(name, cell, type, mode);
}
export const module_param_named = (name: string, cell: StructView, type: FieldType, mode: number): void =>
  declare(name, cell, type, mode);
/**
 * `name=1,2,3` for an array(type, n). `count`, a cell of int or null, gets the number of values that were given.
 *
 *   const ports = DEFINE_STATIC(array(int, 4));
 *   const nr_ports = DEFINE_STATIC(int);
 *   module_param_array(ports, int, nr_ports, 0o444);
 */
export function module_param_array(
  cell: ArrayView<FieldType>,
  type: FieldType,
  count: StructView | null,
  mode: number,
): void {
  const { data, parameters } = evaluating('module_param_array');
  const name = data.get(cell['@addr']);
  if (name === undefined)
    throw new Error('module_param_array: write `const name = DEFINE_STATIC(array(type, n))` first and give it here');
  const kind: FieldType = { kind: 'array', element: type, count: cell.length, size: 0, align: 1 };
  parameters.push({ name, type: kind, cell, mode, description: '', count });
}
/** For a char_array. */
export const module_param_string = (name: string, cell: StructView & { length: number }, mode: number): void =>
  declare(name, cell, { kind: 'chars', count: cell.length, size: cell.length, align: 1 }, mode);
export function MODULE_PARM_DESC(cell: StructView, description: string): void {
  for (const p of evaluating('MODULE_PARM_DESC').parameters)
    if (p.cell['@addr'] === cell['@addr']) p.description = description;
}
