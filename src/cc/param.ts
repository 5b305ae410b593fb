// noinstr: never transformed, never interrupted.
// module_param of C: the entries of a module's section __param (include/linux/moduleparam.h) as the parameters that insmod
// sets. Context: insmod's task; hardirq for the other CPUs of a load, where nothing is set.
import { ld, st } from '../cpu/raw.js';
import { set_alloc_owner } from '../mm/owner.js';
import type { Parameter } from '../kernel/loading.js';
import { GFP_KERNEL } from '../linux/gfp.js';
import { view_at } from '../linux/static.js';
import {
  array,
  bool,
  char_array,
  int,
  long,
  s64,
  short,
  u64,
  u8,
  uint,
  ulong,
  ushort,
  type FieldType,
} from '../linux/types.js';
import { kmalloc } from '../mm/slab.js';
import { write_c_string, c_string } from './memory.js';

/** struct kernel_param. */
export const enum KernelParam {
  NAME = 0,
  /** Name of the type. */
  TYPE = 4,
  /** The variable. */
  ARG = 8,
  PERM = 12,
  /** Of arrays: most values, 0 for a single variable; and where the number of values goes, or 0. */
  MAX = 16,
  COUNT = 20,
  SIZE = 24,
}

const TYPES: Readonly<Record<string, FieldType>> = {
  byte: u8,
  short,
  ushort,
  int,
  uint,
  long,
  ulong,
  hexint: uint,
  bool,
  ullong: u64,
  llong: s64,
};

/** The parameter that the entry describes. Throws for a type that insmod does not know. */
export function kernel_parameter(entry: number): Parameter {
  const name = c_string(ld(entry + KernelParam.NAME));
  const type_name = c_string(ld(entry + KernelParam.TYPE));
  const at = ld(entry + KernelParam.ARG);
  const max = ld(entry + KernelParam.MAX);
  const common = { name, mode: ld(entry + KernelParam.PERM), description: '' };
  if (type_name === 'charp')
    return { ...common, type: uint, cell: view_at(uint, at, name), set: (text) => set_charp(at, text) };
  const single = type_name === 'string' ? char_array(max) : TYPES[type_name];
  if (single === undefined)
    throw new Error(
      `module_param(${name}): there is no type '${type_name}'; there are: ${Object.keys(TYPES).join(', ')}, charp`,
    );
  if (max === 0 || type_name === 'string') return { ...common, type: single, cell: view_at(single, at, name) };
  const count = ld(entry + KernelParam.COUNT);
  const type = array(single as never, max) as FieldType;
  return { ...common, type, cell: view_at(type, at, name), count: count === 0 ? null : view_at(int, count, name) };
}

/** The string lives as long as the machine: the kernel's, as in Linux. */
function set_charp(at: number, text: string): string {
  const owner = set_alloc_owner(0);
  const copy = kmalloc(Buffer.byteLength(text) + 1, GFP_KERNEL);
  set_alloc_owner(owner);
  if (copy === 0) return 'no memory for the text';
  write_c_string(copy, text);
  st(at, copy);
  return '';
}
