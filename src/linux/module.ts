// <linux/module.h>: what a module declares at its top level, and references to modules.
import { find_module, module_put as put, try_module_get } from '../kernel/module.js';
import { evaluating } from '../kernel/loading.js';
import { kallsyms_lookup_name, module_of_text, text_at } from '../kernel/text.js';
import type { Sleeping } from '../sched/sleep.js';

type InitFunction = () => number | Sleeping<number>;
type ExitFunction = (() => void) | (() => Sleeping<unknown>);

/** The function that runs when the module is loaded; 0, or -errno to refuse. May be a generator function. */
export function module_init(init: InitFunction): void {
  const evaluation = evaluating('module_init');
  if (evaluation.init !== null) throw new Error('module_init twice in one module');
  if (typeof init !== 'function') throw new TypeError('module_init: a function is needed');
  evaluation.init = named(init, 'module_init');
}
/** The function that runs before the module is unloaded. A module without one cannot be unloaded. */
export function module_exit(exit: ExitFunction): void {
  const evaluation = evaluating('module_exit');
  if (evaluation.exit !== null) throw new Error('module_exit twice in one module');
  if (typeof exit !== 'function') throw new TypeError('module_exit: a function is needed');
  evaluation.exit = named(exit, 'module_exit');
}
/** Call traces name a function without a name after what it is given to; its twins in the stepped build too. */
function named<F extends (...args: never[]) => unknown>(f: F, name: string): F {
  const { $g, $y } = f as { $g?: object; $y?: object };
  for (const of of [f, $g, $y])
    if (of !== undefined && !/^\w/.test((of as F).name)) Object.defineProperty(of, 'name', { value: name });
  return f;
}
const note = (macro: string, tag: string, value: string): void => void evaluating(macro).info.set(tag, value);
export const MODULE_LICENSE = (license: string): void => note('MODULE_LICENSE', 'license', license);
export const MODULE_AUTHOR = (author: string): void => note('MODULE_AUTHOR', 'author', author);
export const MODULE_DESCRIPTION = (text: string): void => note('MODULE_DESCRIPTION', 'description', text);
export const MODULE_VERSION = (version: string): void => note('MODULE_VERSION', 'version', version);
export const MODULE_ALIAS = (alias: string): void => note('MODULE_ALIAS', 'alias', alias);

/** Lets other modules reach the function by symbol_get. It must be exported from the file too. */
export function EXPORT_SYMBOL(fn: (...args: never[]) => unknown): void {
  evaluating('EXPORT_SYMBOL').exported.add(fn.name);
}
export const EXPORT_SYMBOL_GPL = EXPORT_SYMBOL;

/**
 * A function of another module by name; its module stays loaded until symbol_put. Context: task.
 * Return: the function, null if there is none (Linux's macro returns a null pointer).
 */
export function symbol_get<T extends (...args: never[]) => unknown>(name: string): T | null {
  const handle = kallsyms_lookup_name(name);
  if (handle === 0 || handle >= 0x1000) return null;
  return try_module_get(find_module(module_of_text(handle))) ? (text_at(handle) as T) : null;
}
export const symbol_put = (name: string): void => put(find_module(module_of_text(kallsyms_lookup_name(name))));
export {
  __module_get,
  find_module,
  module_name,
  try_module_get,
  module_refcount,
  module_put,
} from '../kernel/module.js';

/**
 * The module that imports it: the address of its struct module, for try_module_get, __module_get, module_put and
 * module_name, and for the owner of an operation table. NULL for the kernel itself. The loader gives it to each module.
 */
export const THIS_MODULE: number = 0;
export {
  module_param,
  module_param_array,
  module_param_named,
  module_param_string,
  MODULE_PARM_DESC,
} from './moduleparam.js';
