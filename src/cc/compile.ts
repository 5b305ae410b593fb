// From C to a module that can be loaded anywhere: position-independent wasm, every change of the stack pointer checked,
// then binaryen's asyncify over the calls that may sleep. Host code; needs the optional packages `@yowasp/clang` and
// `binaryen`. A seed of `lockstep cc`: sites, polls, null checks and headers of its own are still to come.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import { SLEEPER_NAMES } from './names.js';

type Files = Record<string, string | Uint8Array>;
type Tool = (args: string[] | null, files: Files, options?: object) => Promise<Files>;

/** Linked into every module: where the loader finds the tables that the linker gathered. */
const TABLES = `
#define TABLE(s) extern const char __start_##s[] __attribute__((weak)), __stop_##s[] __attribute__((weak));
TABLE(__ksymtab) TABLE(__param) TABLE(__modinfo)
static const void *const tables[6] = {
  __start___ksymtab, __stop___ksymtab, __start___param, __stop___param, __start___modinfo, __stop___modinfo };
__attribute__((export_name("__lockstep_tables"))) const void *__lockstep_tables(void) { return tables; }
`;
const TARGET = ['--target=wasm32-unknown-unknown', '-matomics', '-mbulk-memory', '-mmutable-globals'];
const C_FLAGS =
  '-O2 -std=gnu11 -ffreestanding -fno-builtin -fvisibility=hidden -fPIC -fno-strict-aliasing -fwrapv -fno-delete-null-pointer-checks -Wall -Werror';
const LD_FLAGS =
  '-shared --experimental-pic --shared-memory --import-memory --no-entry --no-gc-sections --no-merge-data-segments --unresolved-symbols=import-dynamic';

/** True if the packages that compile C are installed. */
export async function canCompileC(): Promise<boolean> {
  return (await tools()) !== null;
}

interface Binaryen {
  readBinary(bytes: Uint8Array): BinaryenModule;
  parseText(text: string): BinaryenModule;
  setDebugInfo(on: boolean): void;
  setPassArgument(name: string, value: string): void;
  setOptimizeLevel(level: number): void;
  setShrinkLevel(level: number): void;
}
interface BinaryenModule {
  getFeatures(): number;
  setFeatures(features: number): void;
  runPasses(passes: string[]): void;
  optimize(): void;
  validate(): number;
  emitText(): string;
  emitBinary(): Uint8Array;
  dispose(): void;
}
interface Tools {
  clang: Tool;
  ld: Tool;
  binaryen: Binaryen;
}
let found: Promise<Tools | null> | null = null;

function tools(): Promise<Tools | null> {
  found ??= find();
  return found;
}
async function find(): Promise<Tools | null> {
  // By variables: the packages are optional, also to the type checker.
  const [clang, optimiser] = ['@yowasp/clang', 'binaryen'];
  try {
    const y = (await import(clang)) as { runClang: Tool; commands: Record<string, Tool> };
    const { default: binaryen } = (await import(optimiser)) as { default: Binaryen };
    await y.runClang(null, {}, { fetchProgress() {} }); // else it prints its progress to stdout
    return { clang: y.runClang, ld: y.commands['wasm-ld']!, binaryen };
  } catch {
    return null;
  }
}

/** Compiles C files (and what they include, all by base name) to one module. Throws EnvironmentFailure or UsageError. */
export async function compileC(sources: string[], headers: string[] = []): Promise<Uint8Array> {
  const t = await tools();
  if (t === null)
    throw new EnvironmentFailure(
      'compiling C needs the optional packages @yowasp/clang and binaryen: npm install --include=optional',
    );
  const files: Files = { 'tables.c': TABLES };
  for (const file of [...sources, ...headers]) files[basename(file)] = readFileSync(file, 'utf8');
  const name = basename(sources[0]!, '.c'); // what call traces put before the functions
  const objects: Files = {};
  for (const source of [...sources.map((s) => basename(s)), 'tables.c']) {
    const object = source.replace(/\.c$/, '.o');
    objects[object] = (
      await run(t.clang, ['clang', ...TARGET, ...C_FLAGS.split(' '), '-c', '-o', object, source], files)
    )[object]!;
  }
  const linked = await run(t.ld, [...LD_FLAGS.split(' '), '-o', name, ...Object.keys(objects)], objects);
  return suspendable(t.binaryen, linked[name] as Uint8Array);
}

/** One run of a tool; what it complained about is the error. */
async function run(tool: Tool, args: string[], files: Files): Promise<Files> {
  const said: Uint8Array[] = [];
  const stderr = (bytes: Uint8Array | null): void => void (bytes !== null && said.push(bytes.slice()));
  try {
    return await tool(args, files, { fetchProgress() {}, stderr });
  } catch (error) {
    const text = Buffer.concat(said).toString().trim();
    throw new UsageError(text === '' ? (error as Error).message : text);
  }
}

/** Stack checks, then asyncify with its state in imported globals: one of each for all modules of a CPU. */
function suspendable(binaryen: Binaryen, bytes: Uint8Array): Uint8Array {
  const dylink = section0(bytes);
  binaryen.setDebugInfo(true);
  const linked = binaryen.readBinary(bytes);
  const features = linked.getFeatures();
  const checked = binaryen.parseText(with_stack_checks(linked.emitText()));
  linked.dispose();
  checked.setFeatures(features); // all of them would make it emit an encoding that Node 20 cannot read
  binaryen.setPassArgument('asyncify-imports', SLEEPER_NAMES.map((name) => `env.${name}`).join(','));
  binaryen.setPassArgument('asyncify-import-globals', '1');
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(0);
  checked.runPasses(['asyncify']);
  checked.optimize();
  if (checked.validate() === 0) throw new Error('binaryen made an invalid module');
  const made = checked.emitBinary();
  checked.dispose();
  if (section0(made) !== null || dylink === null) return made;
  return Uint8Array.from([...made.subarray(0, 8), ...dylink, ...made.subarray(8)]);
}

/** The custom section dylink.0, whole, if the file begins with it. */
function section0(bytes: Uint8Array): Uint8Array | null {
  if (bytes[8] !== 0) return null;
  let size = 0;
  let at = 9;
  for (let shift = 0; ; shift += 7) {
    const b = bytes[at++]!;
    size |= (b & 0x7f) << shift;
    if ((b & 0x80) === 0) break;
  }
  const name = Buffer.from(bytes.subarray(at + 1, at + 9)).toString();
  return name === 'dylink.0' ? bytes.subarray(8, at + size) : null;
}

/**
 * A new stack pointer must lie in the same 16 KiB block as the old one (a stack's top counts as its last byte), else
 * __lockstep_stack_overflow() is called before anything is written: no limit has to be switched with the task.
 */
function with_stack_checks(text: string): string {
  const name = /\(import "env" "__stack_pointer" \(global (\$\S+)/.exec(text)?.[1];
  if (name === undefined) return text;
  const set = `(func $__lockstep_set_sp (param $sp i32)
    (if (i32.and (i32.xor (i32.sub (local.get $sp) (i32.const 1)) (i32.sub (global.get ${name}) (i32.const 1))) (i32.const -16384))
      (then (call $__lockstep_stack_overflow)))
    (global.set ${name} (local.get $sp)))`;
  const escaped = name.replace(/[$.]/g, '\\$&');
  const body = text.replace(new RegExp(`\\(global\\.set ${escaped}(?=[\\s)])`, 'g'), '(call $__lockstep_set_sp');
  const handler = '(import "env" "__lockstep_stack_overflow" (func $__lockstep_stack_overflow))';
  return body.replace(/\(module[^\n(]*/, (head) => `${head.trimEnd()} ${handler}\n`).replace(/\)\s*$/, `${set})`);
}
