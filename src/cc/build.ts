// From C to a .ko, in the compile thread:
//
//   C -> clang -> intermediate text -> sites.ts -> clang -> objects -> wasm-ld -> one position-independent module
//     -> instrument.ts: polls, null-page and stack checks -> binaryen: stack switching -> .ko
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { GLUE } from './glue.js';
import { instrument } from './instrument.js';
import { INCLUDE, makeKo } from './ko-file.js';
import { fromSourceMap, lineRows, toSourceMap } from './line-table.js';
import { SLEEPER_NAMES } from './names.js';
import { assignSites, modinfoOf, type Site } from './sites.js';
import { findToolchain, optimise, type Files, type Toolchain } from './toolchain.js';

export interface Job {
  /** The module's name in the kernel. */
  name: string;
  /** Folder that source positions are relative to. */
  root: string;
  /** Absolute paths, each with the flags of its own. */
  sources: { path: string; flags: readonly string[] }[];
  /** The sources and what they include of the user's, by absolute path. */
  files: Record<string, string>;
}
export interface Made {
  /** Null if something was wrong. */
  ko: Uint8Array | null;
  /** What the tools said: errors, or warnings. */
  said: string;
}

/** Linux's module flags, where they mean something here; and what the loader needs. */
const TARGET =
  '--target=wasm32-unknown-emscripten -U__EMSCRIPTEN__ -mcpu=mvp -matomics -mbulk-memory -mmutable-globals -msign-ext -fPIC';
const C_FLAGS =
  '-std=gnu11 -ffreestanding -fno-builtin -nostdinc -fvisibility=hidden -fno-strict-aliasing -fno-common -fwrapv ' +
  '-fno-delete-null-pointer-checks -funsigned-char -fshort-wchar ' +
  // A trap for what the processor of a real kernel traps: wasm divides by zero with a trap only where LLVM keeps it.
  '-fsanitize=integer-divide-by-zero -fsanitize-trap=integer-divide-by-zero ' +
  '-O2 -g1 -Xclang -disable-red-zone -D__KERNEL__ -DMODULE -Wall -Wundef -Wno-unused-command-line-argument ' +
  '-Wno-address-of-packed-member -Wno-gnu -Wno-unused-but-set-variable -Wno-unused-const-variable ' +
  '-Werror=implicit-function-declaration -Werror=implicit-int -Werror=return-type -Werror=int-conversion -Werror=incompatible-pointer-types';
const LD_FLAGS =
  '-shared --experimental-pic --shared-memory --import-memory --no-entry --no-gc-sections --no-merge-data-segments';
const CLEAN_UP = '--simplify-locals --coalesce-locals --reorder-locals --vacuum --merge-blocks';
const words = (text: string): string[] => text.split(' ');

let chain: Toolchain | null = null;

export async function build(job: Job): Promise<Made> {
  chain ??= findToolchain();
  const headers = ownHeaders();
  const files: Files = { ...job.files, ...headers };
  const sites: Site[] = [{ function: '', file: '', line: 0, column: 0, inlined_at: 0 }];
  const info: [string, string][] = [];
  const objects: Files = {};
  let said = '';
  const fail = (text: string): Made => ({ ko: null, said: text });
  for (const [i, { path, flags }] of job.sources.entries()) {
    const base = path.slice(path.lastIndexOf('/') + 1).replace(/\.c$/, '');
    const args = [
      ...words(TARGET),
      ...words(C_FLAGS),
      `-fmacro-prefix-map=${job.root}/=`,
      `-DKBUILD_MODNAME="${job.name}"`,
      `-DKBUILD_BASENAME="${base.replace(/\W/g, '_')}"`,
      ...['-include', `${INCLUDE}lockstep/config.h`],
      ...flags,
      ...[`-I${INCLUDE}`, `-I${INCLUDE}uapi`],
      ...['-S', '-emit-llvm', path],
    ];
    const ir = await chain.clang(args, files, 'unit.ll');
    said += ir.said;
    if (ir.made === null) continue; // the others' errors too
    const text = Buffer.from(ir.made).toString();
    info.push(...modinfoOf(text));
    const object = await chain.clang(
      [...words(TARGET), '-O2', '-Xclang', '-disable-llvm-passes', '-x', 'ir', '-c', 'sites.ll'],
      { 'sites.ll': namedTraps(assignSites(text, sites)) },
      'unit.o',
    );
    if (object.made === null) return fail(object.said);
    objects[`${i}.o`] = object.made;
  }
  if (Object.keys(objects).length < job.sources.length) return fail(said);
  const glue = await chain.clang(
    [...words(TARGET), '-O2', '-fvisibility=hidden', '-c', 'glue.c'],
    { 'glue.c': GLUE },
    'glue.o',
  );
  if (glue.made === null) return fail(glue.said);
  objects['glue.o'] = glue.made;
  const linked = await chain.ld(
    [...words(LD_FLAGS), `--unresolved-symbols=${chain.undefined_symbols}`, ...Object.keys(objects)],
    objects,
    job.name,
  );
  if (linked.made === null) return fail(said + linked.said);

  const checked = instrument(linked.made, lineRows(linked.made));
  const suspending = SLEEPER_NAMES.map((name) => `env.${name}`).join(',');
  const done = optimise(checked.bytes, toSourceMap(checked.rows), [
    ...['--asyncify', '--pass-arg=asyncify-import-globals', `--pass-arg=asyncify-imports@${suspending}`],
    ...words(CLEAN_UP),
  ]);
  if (done.bytes === null) return fail(done.said);
  const ko = makeKo(done.bytes, {
    name: job.name,
    info,
    compiler: chain.id,
    needs: needsOf(done.bytes, headers),
    sites: sites.map((site) => ({ ...site, file: shownPath(site.file, job.root) })),
    rows: fromSourceMap(done.map),
  });
  return { ko, said };
}

/** Traps become calls that say which one it is: wasm has but one, and its report would name the wrong cause. */
function namedTraps(ir: string): string {
  const divides = ir.includes('@llvm.ubsantrap(i8');
  const traps = ir.includes('@llvm.trap()');
  return (
    ir
      .replaceAll(/call void @llvm\.ubsantrap\(i8 (?:noundef )?\d+\)/g, 'call void @__lockstep_divide_error()')
      .replaceAll('call void @llvm.trap()', 'call void @__lockstep_trap()') +
    (divides ? '\ndeclare void @__lockstep_divide_error()\n' : '') +
    (traps ? '\ndeclare void @__lockstep_trap()\n' : '')
  );
}

let own: Record<string, string> | null = null;
/** The headers that Lockstep brings, by absolute path. */
export function ownHeaders(): Record<string, string> {
  own ??= Object.fromEntries(
    readdirSync(INCLUDE, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.h'))
      .sort()
      .map((name) => [join(INCLUDE, name), readFileSync(join(INCLUDE, name), 'utf8')]),
  );
  return own;
}
function shownPath(file: string, root: string): string {
  if (file.startsWith(INCLUDE)) return `lockstep/include/${file.slice(INCLUDE.length)}`;
  return file.startsWith('/') ? relative(root, file) : file;
}

/** Imports that are the kernel's or another module's, each with the header of ours that declares it. */
function needsOf(wasm: Uint8Array, headers: Readonly<Record<string, string>>): Record<string, string> {
  const needs: Record<string, string> = {};
  for (const { name, module, kind } of WebAssembly.Module.imports(
    new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>),
  ))
    if (
      (kind === 'function' || module.startsWith('GOT.')) &&
      !/^__(lockstep|start|stop)_|^(init|cleanup)_module$/.test(name)
    )
      needs[name] = headerOf(name, headers);
  return needs;
}

/** `linux/slab.h` for `kmalloc`, '' for a name that no header of ours declares. */
export function headerOf(name: string, headers: Readonly<Record<string, string>> = ownHeaders()): string {
  const declares = new RegExp(
    `^(?:extern|static|#\\s*define)\\b[^;={]*?\\b${name}\\b|^static inline [^;={]*\\b${name}\\(`,
    'm',
  );
  const found = Object.keys(headers).find((file) => declares.test(headers[file]!));
  return found === undefined ? '' : found.slice(INCLUDE.length);
}
