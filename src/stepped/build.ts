// Writes the stepped kernel: dist/stepped-kernel/ holds every kernel file under its own path, with twins where
// primitives.ts declares them, and `sites.json`. Run as `node dist/stepped/build.js`, by the build and by whoever is
// about to boot a stepped machine; does nothing when nothing changed. Host code.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { threadId } from 'node:worker_threads';
import { parse } from 'acorn';
import {
  checkDeclarations,
  DECLARATIONS,
  is_inline,
  is_noinstr,
  is_pure,
  NO_WAIT,
  PURE,
  REPLACED,
  twin_keys,
} from './primitives.js';
import { transform, type Site } from './transform.js';
import type { Node } from './transform/ast.js';
import { KernelGraph } from './transform/kernel.js';
import { bundle_kernel } from './bundle.js';

/** The folders whose code runs on an emulated CPU, and the files of the machine that they use. */
export const KERNEL_FOLDERS = ['cpu', 'mm', 'sched', 'kernel', 'drivers', 'fs', 'linux', 'detect'];
const MACHINE_FILES = ['machine/params.js', 'machine/memory-map.js'];
const RUNTIME = 'stepped/transform/runtime.js';
const OUTPUT = 'stepped-kernel';
/** In it: what was built. */
const MANIFEST = 'sites.json';

export interface SteppedKernel {
  /** Where it lies: import `linux/spinlock.js` and the like from there. */
  root: string;
  /** Changes with every change of the kernel, the declarations or the transform. */
  hash: string;
  sites: Site[];
  /** Number of the first site that modules may use. */
  nextSite: number;
  /** False if it was up to date. */
  built: boolean;
}

const to_posix = (path: string): string => path.split('\\').join('/');

function files_below(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .map((f) => posix.join(folder, to_posix(String(f))))
    .filter((f) => f.endsWith('.js'))
    .sort();
}

/** Every compiled kernel file, by its path from `dist`. */
export function kernelSources(dist: string): Map<string, string> {
  const files = [...KERNEL_FOLDERS.flatMap((f) => files_below(dist, f)), ...MACHINE_FILES];
  return new Map(files.filter((f) => existsSync(join(dist, f))).map((f) => [f, readFileSync(join(dist, f), 'utf8')]));
}

/** The map beside a compiled file, its sources as they lie from the new place. */
function map_of(dist: string, file: string, output: string): { sources: string[] } | undefined {
  const path = join(dist, `${file}.map`);
  if (!existsSync(path)) return undefined;
  const map = JSON.parse(readFileSync(path, 'utf8')) as { sources: string[]; sourceRoot?: string };
  map.sources = map.sources.map((s) =>
    to_posix(relative(dirname(output), resolve(dirname(path), map.sourceRoot ?? '', s))),
  );
  delete map.sourceRoot;
  return map;
}

/** Rewrites the specifiers of imports by `to`; nothing else moves. */
function with_imports(source: string, to: (specifier: string) => string): string {
  const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module' }) as Node;
  let out = source;
  for (const s of (program.body as Node[]).toReversed()) {
    if (!s.source) continue;
    const specifier = s.source.value as string;
    const wanted = to(specifier);
    if (wanted !== specifier)
      out = out.slice(0, s.source.start as number) + JSON.stringify(wanted) + out.slice(s.source.end as number);
  }
  return out;
}

export function buildSteppedKernel(
  dist: string = resolve(dirname(fileURLToPath(import.meta.url)), '..'),
): SteppedKernel {
  const root = join(dist, OUTPUT);
  const sources = kernelSources(dist);
  const replacements = new Map(
    Object.entries(REPLACED).map(([file, by]) => [file, readFileSync(join(dist, by), 'utf8')]),
  );
  const hash = hash_of(dist, sources, replacements);
  const old = built_before(root, hash);
  if (old !== null) return { ...old, root, built: false };

  const graph = new KernelGraph(sources);
  const twins = twin_keys(DECLARATIONS, graph);
  const by = new Map(Object.entries(REPLACED).map(([file, replacement]) => [replacement, file]));
  const sites: Site[] = [];
  // Beside the old one, and put in its place when it is whole: other processes may use it, or build it too.
  const draft = `${root}-${process.pid}-${threadId}`;
  for (const [file, original] of sources) {
    const output = join(draft, file);
    // Where the text comes from decides what its relative imports mean.
    const from = REPLACED[file] ?? file;
    let source = replacements.get(file) ?? original;
    source = with_imports(source, (specifier) => {
      if (!specifier.startsWith('.')) return specifier;
      const target = posix.join(posix.dirname(from), specifier);
      const inside = by.get(target) ?? target;
      return relative_to(file, sources.has(inside) ? inside : `../${target}`);
    });
    let map: object | undefined = map_of(dist, from, output);
    const inline = is_inline(source);
    const names = [...twins].some((k) => k.startsWith(`${file}:`));
    if (from === file && (inline || (names && !is_noinstr(source)))) {
      const made = transform(source, {
        file: `src/${file.replace(/\.js$/, '.ts')}`,
        mode: inline ? 'inline' : 'kernel',
        ...(map && { inputMap: map }),
        siteBase: sites.length,
        runtime: relative_to(file, `../${RUNTIME}`),
        ...(inline ? {} : { twins: (scopes) => graph.of_file(file, scopes, twins) }),
      });
      source = made.code;
      map = made.map;
      sites.push(...made.sites);
    }
    mkdirSync(dirname(output), { recursive: true });
    const code =
      source.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n') + no_wait(file) + header_marks(file, original);
    writeFileSync(output, map ? `${code}//# sourceMappingURL=${posix.basename(file)}.map\n` : code);
    if (map) writeFileSync(`${output}.map`, JSON.stringify(map));
  }
  bundle_kernel(draft);
  const made = { hash, nextSite: sites.length, sites };
  writeFileSync(join(draft, MANIFEST), JSON.stringify(made));
  put_in_place(draft, root, hash);
  return { ...made, root, built: true };
}

/** What was built, if that is what `hash` says. */
function built_before(root: string, hash: string): Omit<SteppedKernel, 'root' | 'built'> | null {
  const manifest = join(root, MANIFEST);
  if (!existsSync(manifest)) return null;
  const old = JSON.parse(readFileSync(manifest, 'utf8')) as Omit<SteppedKernel, 'root' | 'built'>;
  return old.hash === hash ? old : null;
}

function put_in_place(draft: string, root: string, hash: string): void {
  for (let tries = 0; ; tries++)
    try {
      rmSync(root, { recursive: true, force: true });
      renameSync(draft, root);
      return;
    } catch (error) {
      // Another process does the same at this moment.
      if (tries === 10 || !['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      if (built_before(root, hash) === null) continue;
      rmSync(draft, { recursive: true });
      return;
    }
}

function no_wait(file: string): string {
  const said = NO_WAIT[file];
  if (said === undefined) return '';
  return `${said.imports ?? ''}\n${said.of.map((f) => `${f}.$w = `).join('')}${said.test};\n`;
}

/** What a module can import is marked as a primitive, see `exported`. */
function header_marks(file: string, source: string): string {
  if (!file.startsWith('linux/')) return '';
  const pure = is_inline(source) || is_pure(source) ? true : (PURE[file] ?? []);
  const runtime = JSON.stringify(relative_to(file, `../${RUNTIME}`));
  return `import { exported as $exported } from ${runtime};\nimport * as $self from './${posix.basename(file)}';\n$exported($self, ${JSON.stringify(pure)});\n`;
}

function relative_to(file: string, target: string): string {
  const path = posix.relative(posix.dirname(file), target);
  return path.startsWith('.') ? path : `./${path}`;
}

/** Over everything that goes in: the kernel, what replaces parts of it, and the transform itself. */
function hash_of(
  dist: string,
  sources: ReadonlyMap<string, string>,
  replacements: ReadonlyMap<string, string>,
): string {
  const hash = createHash('sha256');
  const own = [
    'machine/bundle.js',
    'stepped/build.js',
    'stepped/bundle.js',
    'stepped/primitives.js',
    'stepped/transform.js',
    ...files_below(dist, 'stepped/transform'),
  ];
  for (const file of own)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(dist, file)));
  for (const [file, source] of [...sources, ...replacements]) hash.update(`\0${file}\0`).update(source);
  return hash.digest('hex');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const began = performance.now();
  const { built, root, nextSite } = buildSteppedKernel();
  const took = `${Math.round(performance.now() - began)} ms`;
  const wrong = checkDeclarations(new KernelGraph(kernelSources(resolve(root, '..'))));
  for (const { file, line, what } of wrong) console.error(`${file}:${line}: ${what}`);
  if (wrong.length > 0) process.exitCode = 1;
  console.log(
    built
      ? `stepped kernel: ${nextSite} sites, written to ${relative(process.cwd(), root)} in ${took}`
      : `stepped kernel: up to date (${took})`,
  );
}
