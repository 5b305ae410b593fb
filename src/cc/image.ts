// noinstr: never transformed, never interrupted.
// C modules on this CPU. Every CPU loads the same files in the same order (insmod on the first, an IPI on the others), so
// data and functions have the same addresses everywhere; a CPU compiles and instantiates a module when it first runs a
// function of it. The first CPU does so at insmod: that initialises the data, which all share.
//
// A function's address is its slot in the table of wasm functions and its handle in the kernel's text, one number: a
// module's slots are handles reserved in a row, whose text is a TypeScript function that calls the slot. So a thread
// function, a callback or a symbol of C is used as any other, from both languages.
//
// This thread's table and instances are code, thrown away at power-on. In the machine's memory: the module's data, and
// behind it one word, the address of its tables of symbols and parameters (see cc/glue.ts).
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { my } from '../cpu/context.js';
import { ld, on_attach, st } from '../cpu/raw.js';
import { evaluating, type Parameter } from '../kernel/loading.js';
import { BUG } from '../kernel/panic.js';
import { set_c_places } from '../kernel/stack.js';
import {
  add_symbol,
  call_text,
  is_c_text,
  is_text,
  module_of_text,
  kallsyms_lookup_name,
  next_text_handle,
  register_text,
  text_at,
  type CText,
} from '../kernel/text.js';
import { initialising, take_static } from '../linux/static.js';
import { Pcpu } from '../machine/memory-map.js';
import { api } from './api.js';
import { placesOf, readKo, type KoInfo } from './ko-file.js';
import { c_string } from './memory.js';
import { KernelParam, kernel_parameter } from './param.js';
import { c_activation, call_c, reset_c, set_function_of } from './run.js';
import { asyncify_data, asyncify_state, stack_pointer } from './registers.js';
import { sleepers } from './sleepers.js';
import { module_needs } from './wasm-file.js';

interface Image {
  module: string;
  bytes: Uint8Array;
  info: KoInfo;
  /** Folder that the source positions are relative to. */
  root: string;
  memory_base: number;
  table_base: number;
  table_size: number;
  /** Address of the word that says where the tables are. */
  tables: number;
  instance: WebAssembly.Instance | null;
}
type Imports = Record<string, Record<string, unknown>>;
type Slot = (a?: number, b?: number, c?: number) => number | undefined;

const ENOENT = 2;
let memory: WebAssembly.Memory | null = null;
let table: WebAssembly.Table | null = null;
const images: Image[] = [];
/** Functions of the table, by slot: reading the table is slow. */
let slots: (Slot | null)[] = [];

on_attach((attached) => {
  memory = attached;
});
set_function_of(function_of);

/** Forgets the modules of the last machine. */
export function reset_images(): void {
  images.length = 0;
  slots = [];
  table = null;
  reset_c();
}

/** What the glue's table holds, in words: begin and end of two tables, and the hooks. */
const enum Tables {
  KSYMTAB = 0,
  PARAM = 8,
  INIT = 16,
  EXIT = 20,
}

/**
 * Loads the C module in `file` on this CPU, as part of the evaluation that is going on; its positions are relative to
 * the folder of `path`.
 * Context: insmod's task on the first CPU, hardirq on the others. Throws for what is no module or needs a symbol that
 * nobody has.
 */
export function load_image(file: string, path: string): void {
  const evaluation = evaluating('a C module');
  const { module } = evaluation;
  const bytes = readFileSync(file);
  const needs = module_needs(bytes);
  const memory_base = take_static('', Math.max(16, needs.memory_size), Math.max(16, needs.memory_align));
  const tables = take_static('', 8, 8);
  const image: Image = {
    module,
    bytes,
    info: readKo(bytes),
    root: dirname(path),
    memory_base,
    table_base: next_text_handle(),
    table_size: needs.table_size,
    tables,
    instance: null,
  };
  if (initialising()) first(image);

  const at = ld(tables);
  const init = ld(at + Tables.INIT);
  const exit = ld(at + Tables.EXIT);
  const names = new Map<number, string>([
    [init, 'init_module'],
    [exit, 'cleanup_module'],
  ]);
  for_entries(at + Tables.KSYMTAB, 8, (entry) => names.set(ld(entry), c_string(ld(entry + 4))));
  for (let i = 0; i < image.table_size; i++) {
    const slot = image.table_base + i;
    register_text(names.get(slot) ?? `${module}_function_${i}`, c_text(slot), module);
  }
  names.delete(init);
  names.delete(exit);
  register_data(image, names, memory_base + needs.memory_size);
  for_entries(at + Tables.PARAM, KernelParam.SIZE, (entry) => {
    const parameter: Parameter = kernel_parameter(entry);
    evaluation.parameters.push(parameter);
  });
  for (const [tag, text] of image.info.info) if (!evaluation.info.has(tag)) evaluation.info.set(tag, text);
  if (init !== 0) evaluation.init = text_at(init);
  if (exit !== 0) evaluation.exit = text_at(exit);
  images.push(image);
}

/** Instantiates for all CPUs: the start function and the relocations initialise the data. */
function first(image: Image): void {
  const { exports } = instantiate(image);
  (exports.__wasm_apply_data_relocs as (() => void) | undefined)?.();
  st(image.tables, (exports.__lockstep_tables as () => number)());
}

/** The entries of a table: `at` holds its begin and its end. */
function for_entries(at: number, size: number, f: (entry: number) => void): void {
  for (let entry = ld(at); entry < ld(at + 4); entry += size) f(entry);
}

/** A frame of C in a JavaScript stack, by the name of its module and the offset in its file: lines of a call trace. */
set_c_places((module, offset) => {
  const image = images.find((i) => i.module === module);
  if (image === undefined) return [];
  return placesOf(image.info, offset).map(({ function: name, file, line, column }) => {
    const path = file.startsWith('lockstep/') ? file : join(image.root, file);
    return { name, path, line, column };
  });
});

/** The text of a slot: called from TypeScript, the function runs at once or, by call_sleepable, as an activation. */
const c_text = (slot: number): CText =>
  Object.assign((a = 0, b = 0, c = 0) => call_c(slot, a, b, c), {
    activation: (argument: number) => c_activation(slot, argument),
  });

/** Exported data; each reaches to the next, as kallsyms has it. */
function register_data(
  { module, memory_base, table_base, table_size }: Image,
  names: Map<number, string>,
  end: number,
): void {
  const is_data = (value: number): boolean => value < table_base || value >= table_base + table_size;
  const data = [...names].filter(([value]) => is_data(value)).sort(([a], [b]) => a - b);
  data.forEach(([value, name], i) =>
    add_symbol({ name, module, value, size: (data[i + 1]?.[0] ?? end) - value, data: true }),
  );
  if (end > memory_base)
    add_symbol({ name: `${module}_data`, module, value: memory_base, size: end - memory_base, data: true });
}

function instantiate(image: Image): WebAssembly.Instance {
  const wanted = image.table_base + image.table_size;
  table ??= new WebAssembly.Table({ element: 'anyfunc', initial: wanted });
  if (table.length < wanted) table.grow(wanted - table.length);
  const module = new WebAssembly.Module(image.bytes);
  image.instance = new WebAssembly.Instance(module, imports_of(module, image));
  return image.instance;
}

function imports_of(module: WebAssembly.Module, image: Image): Imports {
  const constant = (value: number): WebAssembly.Global =>
    new WebAssembly.Global({ value: 'i32', mutable: false }, value);
  const imports: Imports = {
    env: {
      memory: memory!,
      __indirect_function_table: table!,
      __stack_pointer: stack_pointer,
      __asyncify_state: asyncify_state,
      __asyncify_data: asyncify_data,
      __memory_base: constant(image.memory_base),
      __table_base: constant(image.table_base),
    },
    'GOT.mem': {},
    'GOT.func': {},
  };
  const missing: string[] = [];
  const lacks = (name: string): string => {
    const header = image.info.needs[name];
    return header ? `${name} (declared in <${header}>, but not provided)` : `${name} (not provided)`;
  };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const space = (imports[from] ??= {});
    if (Object.hasOwn(space, name)) continue;
    const found = kind === 'function' ? function_named(name) : got(from, name);
    if (found === null) missing.push(lacks(name));
    else space[name] = found;
  }
  if (missing.length > 0)
    throw Object.assign(
      new Error(
        `${image.module}: undefined symbol${missing.length > 1 ? 's' : ''}, which neither the kernel nor a loaded module has:${[...new Set(missing)].map((line) => `\n  ${line}`).join('')}`,
      ),
      { errno: -ENOENT },
    );
  return imports;
}
function function_named(name: string): unknown {
  const own = sleepers()[name] ?? api()[name];
  if (own !== undefined) return own;
  const handle = kallsyms_lookup_name(name);
  if (handle === 0 || !is_text(handle)) return null;
  if (is_c_text(handle)) return function_of(handle);
  // Of a TypeScript module; the kernel's own are in the API or not for modules.
  return module_of_text(handle) === '' ? null : typescript_function(name, handle);
}
/** An exported function of a TypeScript module as C calls it. Context: that of the function, which must not sleep. */
function typescript_function(name: string, handle: number): (a?: number, b?: number, c?: number) => unknown {
  return (a, b, c) => {
    const result = call_text(handle, a, b, c);
    if (typeof result === 'object' && result !== null)
      BUG(`${name}() of a TypeScript module may sleep: C cannot call it, only functions that return at once`);
    return result;
  };
}
/** An address that the code reads from the global offset table. What is weak and not there is 0. */
function got(from: string, name: string): WebAssembly.Global | null {
  const address = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32', mutable: true }, value);
  if (name === '__lockstep_pending') return address(my + Pcpu.PENDING);
  const symbol = kallsyms_lookup_name(name);
  if (symbol === 0 && /^__st(art|op)_|^(init|cleanup)_module$/.test(name)) return address(0);
  if (symbol === 0 || (from === 'GOT.func' && !is_text(symbol))) return null;
  return address(symbol);
}

/** The wasm function of a handle; this CPU may have to instantiate its module, and those loaded before it, first. */
function function_of(handle: number): Slot {
  const known = slots[handle];
  if (known !== undefined && known !== null) return known;
  for (const image of images) {
    if (image.instance === null) instantiate(image);
    if (handle < image.table_base || handle >= image.table_base + image.table_size) continue;
    const fn = table!.get(handle) as Slot;
    slots[handle] = fn;
    return fn;
  }
  throw new Error(
    `BUG: call of 0x${(handle >>> 0).toString(16)}, which is not a function of C: its module was unloaded`,
  );
}

/** The module goes: a call through one of its addresses is an oops from now on. Context: hardirq, on every CPU. */
export function forget_image(module: string): void {
  const i = images.findIndex((image) => image.module === module);
  if (i < 0) return;
  const [image] = images.splice(i, 1);
  for (let slot = image!.table_base; slot < image!.table_base + image!.table_size; slot++) {
    slots[slot] = null;
    if (table !== null && slot < table.length) table.set(slot, null);
  }
}
