// noinstr: never transformed, never interrupted.
// Stands in for kernel/loader.ts: evaluates a module's transformed code, once for all CPUs of this thread's machine.
import Module from 'node:module';
import { def_name } from '../linux/types.js';
import { header } from '../linux/registry.js';
import { evaluating } from '../kernel/loading.js';
import { register_text } from '../kernel/text.js';
import { runtime } from './transform/runtime.js';

const names = { def: def_name, text };

export function text(name: string, fn: (...args: never[]) => unknown): void {
  register_text(name, fn, evaluating('export').module);
}

interface NodeModule {
  filename: string;
  paths: string[];
  require: (id: string) => unknown;
  _compile(code: string, file: string): void;
}

/** C modules only. */
export const forget = (_module: string): void => {};

/** By path: Node forgets the source map of a module that nobody holds, and its stacks would be those of the output. */
const held = new Map<string, NodeModule>();

/** Runs the module's top level: `code` is the code itself here, positions are relative to `path`. */
export function evaluate(code: string, path: string): void {
  const made = new (Module as unknown as new (id: string) => NodeModule)(path);
  held.set(path, made);
  made.filename = path;
  made.paths = [];
  made.require = (id) =>
    id === 'lockstep:stepped' ? runtime : id === 'lockstep:runtime' ? names : header(id, evaluating('import').address);
  made._compile(code, path);
}
