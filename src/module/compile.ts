// A user's module file, on the host, on its way to the CPUs: read, syntax, types, what a module may not contain, then
// one bundle of it and its helper files, as CommonJS for the two builds. Nothing of it is run here. All problems that
// can be found together are thrown together, as one SourceErrors. Host code; keeps esbuild's service process running.
import { build as esbuild, version as esbuildVersion, type Message } from 'esbuild';
import { createRequire } from 'node:module';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../machine/errors.js';
import { hashOf, hashOfHeaders, isRemembered, remember } from './cache.js';
import { SourceErrors, type SourceError } from './errors.js';
import { ESBUILD, checkName, complaint, fromEsbuild, readParts, resolveRelative, stopAt, type Part } from './files.js';
import { asFactory, exportedFunctions, instrument, toCommonJs, withInlineMap, type Generated } from './instrument.js';
import { moduleInfo, type Parameter } from './modinfo.js';
import { declarationOf, type Node } from './scope.js';
import { checkSubset } from './subset.js';
import { judgeTopLevel } from './toplevel.js';
import { typeCheck } from './typecheck.js';

export interface CompileOptions {
  /** False skips the type check; everything else is still refused. */
  check?: boolean;
  /** Which builds are wanted; 'both' by default. */
  build?: 'free' | 'stepped' | 'both';
  /** What `lockstep` stands for: a directory with index.d.ts and linux/*.d.ts. This package's dist, except in tests. */
  headers?: string;
}

export interface CompiledModule {
  /** As lsmod prints it: the file's name without extension, '-' as '_'. */
  name: string;
  /** Absolute path. */
  file: string;
  source: string;
  /** SHA-256 over the sources of the module and its helpers, and Lockstep's version. */
  hash: string;
  /** The module and its helper files as one ES module. */
  esm: Generated;
  /** The same as CommonJS with the names of static data: input of the stepped transform. */
  cjs: Generated;
  /** For the free-running build: `Module._compile(code, path)`; the map is inside. Absent for build 'stepped'. */
  free?: { code: string; path: string };
  license: string | undefined;
  description: string | undefined;
  /** The parameters that can be given at insmod; see modinfo.ts for how a module declares them. */
  parameters: Parameter[];
  /** The module's symbols: names of all exported functions, helper files first, in source order. */
  exports: string[];
}

const DIST = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;
/**
 * Compiles the module in `file`.
 * Throws SourceErrors: exit code 3 if the file is missing or can't be read, 2 for anything in the source.
 */
export async function compileModule(file: string, options: CompileOptions = {}): Promise<CompiledModule> {
  if (/\.(c|ko)$/.test(file))
    throw new UsageError(
      `${file}: C modules cannot be explored yet; \`lockstep run\` and \`lockstep stress\` take them (in a program, loadModule and Machine.insmod)`,
    );
  const entry = resolve(file);
  const headers = options.headers === undefined ? DIST : resolve(options.headers);
  checkName(entry);
  const parts = await readParts(entry, headers);
  const sources = new Map(parts.map((p) => [p.file, p.source]));
  const root = dirname(entry);
  const contents = parts.flatMap((p) => [relative(root, p.file), p.source]);

  const errors = parts.flatMap((p) => [...checkTopLevel(p), ...checkConstructs(p)]);
  errors.push(...checkSymbols(parts));
  if (options.check !== false) errors.push(...cachedTypeCheck(entry, sources, headers, contents));
  stopAt(errors, sources);

  const esm = await bundle(entry, parts);
  const info = moduleInfo(esm.code);
  const free = options.build === 'stepped' ? undefined : instrument(esm, entry);
  return {
    name: moduleName(entry),
    file: entry,
    source: parts[0]!.source,
    hash: hashOf(VERSION, ...contents),
    esm,
    cjs: toCommonJs(esm, entry),
    ...(free && { free: { code: withInlineMap(asFactory(free)), path: `${entry}.cjs` } }),
    license: info.license,
    description: info.description,
    parameters: info.parameters,
    exports: exportedFunctions(esm),
  };
}

/** The module's name in the kernel. */
export const moduleName = (file: string): string => basename(file, extname(file)).replace(/\W/g, '_');

/** What a module may have at its top level, in one of its files; positions are those of the TypeScript. */
function checkTopLevel(part: Part): SourceError[] {
  const errors: SourceError[] = [];
  judgeTopLevel(
    part.program,
    (node, message, advice) => errors.push(complaint(part, node, 'toplevel', message, advice)),
    (node) => part.code.slice(node.start, node.end),
  );
  return errors;
}

/** Constructs that a module may not use anywhere. */
function checkConstructs(part: Part): SourceError[] {
  return checkSubset(part.program, part.map, part.file).map(({ file, line, column, what, advice }) => ({
    kind: 'subset',
    file,
    line,
    column,
    message: what,
    advice,
  }));
}

/** Exports are the module's symbols: two of one name in its files can't be told apart. */
function checkSymbols(parts: Part[]): SourceError[] {
  const owners = new Map<string, string>();
  const errors: SourceError[] = [];
  for (const part of parts)
    for (const s of part.program['body'] as Node[]) {
      if (s.type !== 'ExportNamedDeclaration' || s['source']) continue;
      for (const e of s['specifiers'] as Node[]) {
        const name: string = e['exported'].name ?? e['exported'].value;
        if (!/^\w+$/.test(name))
          errors.push(
            complaint(
              part,
              declarationOf(part.program, e['local'].name) ?? s,
              'toplevel',
              `\`${name}\` is no name for a symbol`,
              'letters, digits and _',
            ),
          );
        const other = owners.get(name);
        if (other !== undefined && !isImported(part.program, e['local'].name))
          errors.push(
            complaint(
              part,
              declarationOf(part.program, e['local'].name) ?? s,
              'toplevel',
              `\`${name}\` is exported by ${basename(other)} too: symbols of a module have one name each`,
              'rename one of them',
            ),
          );
        else if (other === undefined) owners.set(name, part.file);
      }
    }
  return errors;
}

const isImported = (program: Node, local: string): boolean =>
  (program['body'] as Node[]).some(
    (s) => s.type === 'ImportDeclaration' && s['specifiers'].some((i: Node) => i['local'].name === local),
  );

function cachedTypeCheck(
  entry: string,
  sources: ReadonlyMap<string, string>,
  headers: string,
  contents: string[],
): SourceError[] {
  const key = hashOf('1', VERSION, esbuildVersion, hashOfHeaders(headers), dirname(entry), ...contents);
  if (isRemembered(key)) return [];
  const { errors, others } = typeCheck(entry, sources, headers);
  if (errors.length === 0) remember(key, others);
  return errors;
}

/** The module and its helpers as one ES module whose exports are those of all its files. */
async function bundle(entry: string, parts: Part[]): Promise<Generated> {
  const sources = new Map(parts.map((p) => [p.file, p.source]));
  const all = parts.map((p) => `export * from ${JSON.stringify(p.file)};`).join('\n');
  try {
    const result = await esbuild({
      ...ESBUILD,
      ...(parts.length === 1
        ? { entryPoints: [entry] }
        : { stdin: { contents: all, resolveDir: dirname(entry), sourcefile: 'symbols' } }),
      absWorkingDir: dirname(entry),
      bundle: true,
      write: false,
      outfile: `${entry}.js`,
      sourcemap: 'external',
      treeShaking: false,
      platform: 'neutral',
      plugins: [
        {
          name: 'lockstep',
          setup(b) {
            b.onResolve({ filter: /.*/ }, ({ path, importer }) => {
              if (path.startsWith('lockstep/')) return { path, external: true };
              return { path: sources.has(path) ? path : resolveRelative(importer, path)! };
            });
            b.onLoad({ filter: /.*/ }, ({ path }) => ({ contents: sources.get(path)!, loader: 'ts' }));
          },
        },
      ],
    });
    const map = JSON.parse(result.outputFiles.find((f) => f.path.endsWith('.map'))!.text) as { sources: string[] };
    map.sources = map.sources.map((s) => resolve(dirname(entry), s));
    return { code: result.outputFiles.find((f) => f.path.endsWith('.js'))!.text, map: JSON.stringify(map) };
  } catch (e) {
    const messages = (e as { errors?: Message[] }).errors;
    if (messages === undefined) throw e;
    throw new SourceErrors(
      messages.map((m) => fromEsbuild(m, m.location ? resolve(dirname(entry), m.location.file) : entry)),
    );
  }
}
