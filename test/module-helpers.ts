// For the tests of the module compiler: files in a directory of their own, fake headers, a fake kernel to run code in.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Module } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { compileModule, type CompiledModule, type CompileOptions } from '../dist/module/compile.js';
import { SourceErrors } from '../dist/module/errors.js';

export const HEADERS = fileURLToPath(new URL('./fixtures/headers', import.meta.url));
export const directory = mkdtempSync(join(tmpdir(), 'lockstep-module-'));
process.env['LOCKSTEP_CACHE'] = join(directory, 'cache');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let count = 0;
/** Writes files into a new directory; returns the path of the first. */
export function write(files: Record<string, string>): string {
  const where = join(directory, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(where, name)), { recursive: true });
    writeFileSync(join(where, name), text);
  }
  return join(where, Object.keys(files)[0]!);
}

/** Compiles one source text (or several files); without the type check unless asked for. */
export function compile(
  source: string | Record<string, string>,
  options: CompileOptions = {},
): Promise<CompiledModule> {
  const file = write(typeof source === 'string' ? { 'test.ts': source } : source);
  return compileModule(file, { check: false, headers: HEADERS, ...options });
}

/** What is wrong with a source, in order; of these kinds alone if any are given. */
export async function refusals(
  source: string | Record<string, string>,
  options: CompileOptions = {},
  kinds: readonly string[] = [],
): Promise<string[]> {
  return (await failure(source, options)).errors
    .filter((e) => kinds.length === 0 || kinds.includes(e.kind))
    .map((e) => `${basename(e.file)}:${e.line}:${e.column}: ${e.message} => ${e.advice}`);
}

export async function failure(
  source: string | Record<string, string>,
  options: CompileOptions = {},
): Promise<SourceErrors> {
  try {
    await compile(source, options);
  } catch (e) {
    if (e instanceof SourceErrors) return e;
    throw e;
  }
  throw new Error('the module was accepted');
}

/** Evaluates CommonJS with these modules to require; returns its exports. */
export function evaluate(code: string, path: string, modules: Record<string, unknown>): Record<string, never> {
  const module = new Module(path) as Module & { _compile(code: string, path: string): void };
  module.require = ((id: string): unknown => {
    if (!Object.hasOwn(modules, id)) throw new Error(`the test has no ${id}`);
    return modules[id];
  }) as never;
  module._compile(code, path);
  return module.exports as Record<string, never>;
}
