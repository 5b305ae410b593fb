// noinstr: never transformed, never interrupted.
// Kernel text: a function that shared memory refers to is an integer, the same on every CPU, because every CPU
// registers the same functions in the same order. Handles are never reused within a boot; text is reset at power-on
// down to what the kernel itself registered (workers outlive machines).
// Each CPU holds its own table: this is code, not state of the machine.

import { set_alloc_owner } from '../mm/owner.js';
import type { Sleeping } from '../sched/sleep.js';

// The table is filled alike on every CPU; a handle from one is valid on all.
type Text = (...args: never[]) => unknown;
export interface Symbol {
  name: string;
  module: string;
  /** Text handle, or address of static data. */
  value: number;
  size: number;
  data: boolean;
}

const HANDLE_BASE = 16;
const functions: (Text | null)[] = [];
/** By function: the number of its module, 0 for the kernel's own. */
const owners: number[] = [];
let registering = 0;
const symbols: Symbol[] = [];
const handles = new Map<Text, number>();
const by_name = new Map<string, Symbol>();
let kernel_functions = -1;
let kernel_symbols = -1;

/** What is registered from now on belongs to this module, to the kernel with 0. */
export function set_text_owner(module: number): void {
  registering = module;
}
/** The number of the module that the function belongs to, 0 for the kernel. */
export const owner_of_text = (handle: number): number => owners[handle - HANDLE_BASE] ?? 0;

/** Gives a function its address. Every CPU must call this in the same order. */
export function register_text(name: string, fn: Text, module = ''): number {
  const handle = HANDLE_BASE + functions.length;
  functions.push(fn);
  owners.push(registering);
  handles.set(fn, handle);
  add_symbol({ name, module, value: handle, size: 1, data: false });
  return handle;
}

export function add_symbol(symbol: Symbol): void {
  symbols.push(symbol);
  if (!by_name.has(symbol.name)) by_name.set(symbol.name, symbol);
}

/** The handle of a registered function; an error that says what to do for any other. */
export function text_handle(fn: Text): number {
  const handle = handles.get(fn);
  if (handle === undefined) not_text(fn);
  return handle;
}

const GeneratorFunction = Object.getPrototypeOf(function* () {}).constructor as unknown;
/** The handle of a function that will be called where sleeping is not allowed; `what` says so in the error. */
export function atomic_text_handle(fn: Text, what: string): number {
  const handle = text_handle(fn);
  if (fn.constructor === GeneratorFunction)
    throw new TypeError(
      `'${fn.name}' is a generator function, which may sleep: ${what} runs in interrupt context; calling it would do nothing`,
    );
  return handle;
}

/** The handle, 0 if the function is not in the text. */
export const text_handle_or_zero = (fn: Text): number => handles.get(fn) ?? 0;

/** For a load that fails before any other CPU has seen it: forgets what was registered since the mark. */
export const text_mark = (): [number, number] => [functions.length, symbols.length];
export function rollback_text([nr_functions, nr_symbols]: [number, number]): void {
  for (const fn of functions.splice(nr_functions)) if (fn !== null) handles.delete(fn);
  owners.length = nr_functions;
  symbols.length = nr_symbols;
  index_symbols();
}

function not_text(fn: unknown): never {
  if (typeof fn !== 'function')
    throw new TypeError(`a function is needed here, not ${fn === null ? 'null' : typeof fn}`);
  throw new Error(
    `${fn.name ? `the function '${fn.name}'` : 'an anonymous function'} is not in the kernel's text: the kernel keeps it, ` +
      `so every CPU must be able to find it; write it at the top level of the module and export it`,
  );
}

/** The function of a handle; a call through a bad function pointer is an oops. */
export function text_at(handle: number): Text {
  const fn = functions[handle - HANDLE_BASE];
  if (fn === undefined || fn === null)
    throw new Error(
      handle === 0
        ? 'BUG: kernel NULL pointer dereference: call of address 0'
        : `BUG: call of 0x${(handle >>> 0).toString(16)}, which is not a function${fn === null ? ': its module was unloaded' : ''}`,
    );
  return fn;
}

/**
 * What stands in the text for a function of C: called as it is, it must not sleep; `activation` runs it where it may.
 * Its handle is its address in C too: see cc/image.ts.
 */
export type CText = ((a?: number, b?: number, c?: number) => number) & {
  activation: (argument: number) => Sleeping<number>;
};
export const is_c_text = (handle: number): boolean => {
  const fn = functions[handle - HANDLE_BASE];
  return fn !== undefined && fn !== null && 'activation' in fn;
};
/** The handle that the next registered function gets. */
export const next_text_handle = (): number => HANDLE_BASE + functions.length;

/** False for a handle whose module was unloaded, and for what never was one. */
export const is_text = (handle: number): boolean => (functions[handle - HANDLE_BASE] ?? null) !== null;

/**
 * Calls a function through its handle. What it allocates is its module's, not that of the task which it interrupts. Its
 * twin calls the function's twin. Context: that of the function.
 */
export function call_text(handle: number, a?: number, b?: number, c?: number): unknown {
  const fn = text_at(handle) as (a?: number, b?: number, c?: number) => unknown;
  const before = set_alloc_owner(owner_of_text(handle));
  const result = fn(a, b, c);
  set_alloc_owner(before);
  return result;
}

/** Marks the end of the kernel's own text. */
export function seal_kernel_text(): void {
  kernel_functions = functions.length;
  kernel_symbols = symbols.length;
}

/** Forgets the modules of the last machine. */
export function reset_text(): void {
  if (kernel_functions < 0) return;
  for (const fn of functions.splice(kernel_functions)) if (fn !== null) handles.delete(fn);
  owners.length = kernel_functions;
  symbols.length = kernel_symbols;
  index_symbols();
}
function index_symbols(): void {
  by_name.clear();
  for (const s of symbols) if (!by_name.has(s.name)) by_name.set(s.name, s);
}

/** A module goes: its handles stay taken and calling them is an oops. */
export function unregister_module_text(module: string): void {
  for (let i = 0; i < symbols.length; i++) {
    const s = symbols[i]!;
    if (s.module !== module || s.data) continue;
    const fn = functions[s.value - HANDLE_BASE];
    if (fn) handles.delete(fn);
    functions[s.value - HANDLE_BASE] = null;
  }
  const kept = symbols.filter((s) => s.module !== module);
  symbols.length = 0;
  symbols.push(...kept);
  index_symbols();
}

/** Text handle or data address of a symbol, 0 if there is none. Context: any. */
export const kallsyms_lookup_name = (name: string): number => by_name.get(name)?.value ?? 0;

/** The symbol that covers `address`, or null. Text handles are small, static data is not, so they cannot be mixed up. */
export function kallsyms_lookup(address: number): Symbol | null {
  const data = address >= 0x1000;
  for (const s of symbols) {
    if (s.data === data && address >= s.value && address < s.value + Math.max(1, s.size)) return s;
  }
  return null;
}
export const module_of_text = (handle: number): string => kallsyms_lookup(handle)?.module ?? '';
export const all_symbols = (): readonly Symbol[] => symbols;

/** `name+0x4 [module]`, or the address if no symbol covers it: %pS. */
export function symbol_text(address: number, with_offset = true): string {
  const s = kallsyms_lookup(address);
  if (s === null) return `0x${(address >>> 0).toString(16)}`;
  const offset = address - s.value;
  const at = with_offset && (offset !== 0 || s.data) ? `+0x${offset.toString(16)}/0x${s.size.toString(16)}` : '';
  return s.name + at + (s.module === '' ? '' : ` [${s.module}]`);
}
