// noinstr: never transformed, never interrupted.
// What a module declares while this CPU evaluates its top level: module_init and its kin write here, the loader reads.
// Every CPU evaluates alike, so this is the same on all; only the first CPU's is acted upon. JavaScript state of the
// loader, not of the machine.
import type { AnyStruct, FieldType, StructView } from '../linux/field.js';
import { add_symbol } from './text.js';

export interface Parameter {
  name: string;
  type: FieldType;
  cell: StructView;
  mode: number;
  description: string;
  /** module_param_array: where the number of values goes. */
  count?: StructView | null;
  /** What is no plain value in memory sets itself. Return: '' or what is wrong with the text. */
  set?: (text: string) => string;
}
export interface Evaluation {
  module: string;
  /** Address of its struct module: THIS_MODULE. */
  address: number;
  init: ((...args: never[]) => unknown) | null;
  exit: ((...args: never[]) => unknown) | null;
  exported: Set<string>;
  info: Map<string, string>;
  /** Cells by address, for the name of a parameter. */
  data: Map<number, string>;
  parameters: Parameter[];
  cells: Map<number, { name: string; type: FieldType; cell: StructView }>;
}

let current: Evaluation | null = null;

export function begin_evaluation(module: string, address: number): Evaluation {
  current = {
    module,
    address,
    init: null,
    exit: null,
    exported: new Set(),
    info: new Map(),
    data: new Map(),
    parameters: [],
    cells: new Map(),
  };
  return current;
}
export function end_evaluation(): void {
  current = null;
}
/** The evaluation that is going on; an error outside one. */
export function evaluating(macro: string): Evaluation {
  if (current === null)
    throw new Error(`${macro} outside the evaluation of a module: it belongs at the module's top level`);
  return current;
}
/** Hook of DEFINE_*: the datum becomes a symbol. */
export function note_static(name: string, address: number, size: number): void {
  if (current === null || name === '') return;
  current.data.set(address, name);
  add_symbol({ name, module: current.module, value: address, size, data: true });
}
export type { AnyStruct };
