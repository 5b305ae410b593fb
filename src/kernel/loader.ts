// noinstr: never transformed, never interrupted.
// Evaluates a module on this CPU. The code has been compiled and checked by the host; it is read from a file and run by
// Module._compile (only that keeps source-mapped stacks, and import() never resolves in a busy worker).
// Replaced by stepped/loader.ts in the stepped build. Context: insmod's task on the first CPU, an IPI on the others.
import { readFileSync } from 'node:fs';
import Module from 'node:module';
import { forget_image, load_image } from '../cc/image.js';
import { heap } from '../cpu/heap.js';
import { step_slow } from '../cpu/step.js';
import { def_name } from '../linux/types.js';
import { header } from '../linux/registry.js';
import { isBuiltinIterator } from '../module/builtin-iterators.js';
import { evaluating } from './loading.js';
import { KernelBug } from './panic.js';
import { register_text } from './text.js';

/** What compiled module code finds as `lockstep:runtime`. */
const runtime = { heap, step_slow, undelegated, def: def_name, text };

/** An exported function of the module, before anything refers to it. */
export function text(name: string, fn: (...args: never[]) => unknown): void {
  register_text(name, fn, evaluating('export').module);
}

/** A sleeping call without `yield*`: it has not run, or not slept. */
export function undelegated(value: object, name: string): unknown {
  if (isBuiltinIterator(value)) return value;
  throw new KernelBug(
    `sleeping function called without yield*: ${name}() may sleep; write \`yield* ${name}(...)\` in a generator function`,
  );
}

interface NodeModule {
  filename: string;
  paths: string[];
  exports: unknown;
  _compile(code: string, file: string): void;
}

/** A module goes from this CPU: what it keeps of it beside the text. */
export const forget = forget_image;

/** What a module's compiled code exports: see asFactory in module/instrument.ts. */
type Factory = (require: (id: string) => unknown, module: object, exports: object) => void;
/**
 * The last ones by their code, oldest first. Node forgets the source map of a module that nobody holds, and its stacks
 * would be those of the output.
 */
const compiled = new Map<string, NodeModule>();
const KEPT = 64;

function compile(code: string, path: string): Factory {
  const key = `${path}\0${code}`;
  let made = compiled.get(key);
  if (made === undefined) {
    made = new (Module as unknown as new (id: string) => NodeModule)(path);
    made.filename = path;
    made.paths = [];
    made._compile(code, path);
    if (compiled.size === KEPT) compiled.delete(compiled.keys().next().value!);
  }
  compiled.delete(key);
  compiled.set(key, made);
  return made.exports as Factory;
}

/** Runs the module's top level: `file` holds its compiled code, positions are relative to `path`. Or a C module's. */
export function evaluate(file: string, path: string): void {
  if (file.endsWith('.ko')) return load_image(file, path);
  const made = { exports: {} };
  const factory = compile(readFileSync(file, 'utf8'), path);
  factory((id) => (id === 'lockstep:runtime' ? runtime : header(id, evaluating('import').address)), made, made.exports);
}
