// A user's module file, on the host, on its way to the CPUs: read, syntax, types, what a module may not contain, then
// one bundle of it and its helper files, as CommonJS for the two builds. Nothing of it is run here. All problems that
// can be found together are thrown together, as one SourceErrors. Host code; keeps esbuild's service process running.
import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
import { parse } from 'acorn';
import { build as esbuild, transform, version as esbuildVersion, type Message } from 'esbuild';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashOf, hashOfHeaders, isRemembered, remember } from './cache.js';
import { SourceErrors, withText, type RefusalKind, type SourceError } from './errors.js';
import { exportedFunctions, instrument, toCommonJs, withInlineMap, type Generated } from './instrument.js';
import { moduleInfo, type Parameter } from './modinfo.js';
import { declarationOf, type Node } from './scope.js';
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

/** One source file, and what esbuild makes of it alone. */
interface Part {
  file: string;
  source: string;
  code: string;
  map: TraceMap;
  program: Node;
}

const DIST = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;
const TARGET = 'es2022';
const ESBUILD = {
  target: TARGET,
  format: 'esm',
  charset: 'utf8',
  legalComments: 'none',
  tsconfigRaw: '{}',
  logLevel: 'silent',
} as const;

/**
 * Compiles the module in `file`.
 * Throws SourceErrors: exit code 3 if the file is missing or can't be read, 2 for anything in the source.
 */
export async function compileModule(file: string, options: CompileOptions = {}): Promise<CompiledModule> {
  const entry = resolve(file);
  const headers = options.headers === undefined ? DIST : resolve(options.headers);
  checkName(entry);
  const parts = await readParts(entry, headers);
  const sources = new Map(parts.map((p) => [p.file, p.source]));
  const root = dirname(entry);
  const contents = parts.flatMap((p) => [relative(root, p.file), p.source]);

  const errors = parts.flatMap((p) => [...checkTopLevel(p), ...checkHost(p)]);
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
    ...(free && { free: { code: withInlineMap(free), path: `${entry}.cjs` } }),
    license: info.license,
    description: info.description,
    parameters: info.parameters,
    exports: exportedFunctions(esm),
  };
}

/** The module's name in the kernel. */
export const moduleName = (file: string): string => basename(file, extname(file)).replace(/\W/g, '_');

function stopAt(errors: SourceError[], sources: ReadonlyMap<string, string>): void {
  if (errors.length > 0) throw new SourceErrors(withText(errors, (f) => sources.get(f)));
}

const wholeFile = (kind: RefusalKind, file: string, message: string, advice?: string): SourceErrors =>
  new SourceErrors([{ kind, file, line: 0, column: 0, message, advice }]);

/** Refuses what can't be a module by its name; says what is there instead of a missing file. */
function checkName(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    const near = existsSync(`${file}.ts`) ? `did you mean ${basename(file)}.ts?` : similar(file);
    throw wholeFile('environment', file, 'no such file', near);
  }
  if (stat.isDirectory())
    throw wholeFile(
      'usage',
      file,
      'is a directory, not a module',
      'give one TypeScript file; it may import others next to it',
    );
  if (!/(?<!\.d)\.m?ts$/.test(file))
    throw wholeFile(
      'usage',
      file,
      `is not a kernel module: its name ends in '${/\.d\.m?ts$/.test(file) ? '.d.ts' : extname(file)}'`,
      'a module is a TypeScript file, name.ts',
    );
}

function similar(file: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(dirname(file)).filter((n) => /(?<!\.d)\.m?ts$/.test(n));
  } catch {
    return `the directory ${dirname(file)} doesn't exist`;
  }
  return names.length === 0
    ? undefined
    : `in that directory: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}`;
}

/** Reads the module and all that it imports by relative paths; the module is the first. */
async function readParts(entry: string, headers: string): Promise<Part[]> {
  const parts: Part[] = [];
  const errors: SourceError[] = [];
  const sources = new Map<string, string>();
  const wanted = [entry];
  for (let file = wanted.shift(); file !== undefined; file = wanted.shift()) {
    if (sources.has(file)) continue;
    let source: string;
    try {
      source = readFileSync(file, 'utf8');
    } catch (e) {
      throw wholeFile('environment', file, `can't be read: ${(e as Error).message}`);
    }
    sources.set(file, source);
    const part = await readPart(file, source, errors);
    if (part === undefined) continue;
    parts.push(part);
    wanted.push(...imports(part, headers, errors));
  }
  stopAt(errors, sources);
  return parts;
}

async function readPart(file: string, source: string, errors: SourceError[]): Promise<Part | undefined> {
  try {
    const { code, map } = await transform(source, {
      ...ESBUILD,
      loader: 'ts',
      sourcemap: 'external',
      sourcefile: file,
    });
    const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true }) as unknown as Node;
    return { file, source, code, map: new TraceMap(map), program };
  } catch (e) {
    const messages = (e as { errors?: Message[] }).errors;
    if (messages === undefined) throw e;
    errors.push(...messages.map((m) => fromEsbuild(m, file)));
    return undefined;
  }
}

function fromEsbuild(m: Message, file: string): SourceError {
  const at = m.location;
  const notes = m.notes.map((n) => n.text).join('; ');
  return {
    kind: 'syntax',
    file,
    line: at?.line ?? 0,
    // esbuild counts bytes
    column: at ? Buffer.from(at.lineText).subarray(0, at.column).toString().length + 1 : 0,
    message: m.text,
    advice: at?.suggestion ? `write ${at.suggestion}` : notes === '' ? undefined : notes,
    text: at?.lineText,
  };
}

/** A position in what esbuild made of a file, in the file. */
function complaint(part: Part, node: Node, kind: RefusalKind, message: string, advice?: string): SourceError {
  const { line, column } = originalPositionFor(part.map, node['loc'].start as { line: number; column: number });
  return { kind, file: part.file, line: line ?? 1, column: (column ?? 0) + 1, message, advice };
}

/** The relative imports of a file, as paths; complains about all others that are not kernel headers. */
function imports(part: Part, headers: string, errors: SourceError[]): string[] {
  const found: string[] = [];
  for (const s of part.program['body'] as Node[]) {
    const from: unknown = s['source']?.value;
    if (!/^(Import|Export)/.test(s.type) || typeof from !== 'string') continue;
    const complain = (message: string, advice?: string): void =>
      void errors.push(complaint(part, s, 'import', message, advice));
    if (/^\.\.?\//.test(from)) {
      const file = resolveRelative(part.file, from);
      if (file === undefined) complain(`\`${from}\`: no such file`, 'a helper file is TypeScript, next to the module');
      else found.push(file);
    } else if (from.startsWith('lockstep/linux/')) {
      const header = from.slice('lockstep/linux/'.length);
      if (!existsSync(join(headers, 'linux', `${header}.d.ts`)))
        complain(`\`${from}\`: there is no such header`, headerAdvice(header, headers));
    } else
      complain(
        `\`${from}\` can't be imported: kernel code has neither packages nor the host's modules`,
        packageAdvice(from),
      );
  }
  return found;
}

function packageAdvice(from: string): string {
  if (from === 'lockstep' || from.startsWith('lockstep/'))
    return "a module imports the kernel's headers: 'lockstep/linux/...'";
  if (from.startsWith('/')) return "write a relative path: './helper.js'";
  return "use the kernel's headers ('lockstep/linux/...'), or put the code into a helper file and import './helper.js'";
}

function headerAdvice(header: string, headers: string): string {
  let names: string[] = [];
  try {
    names = readdirSync(join(headers, 'linux')).flatMap((n) => (n.endsWith('.d.ts') ? [n.slice(0, -5)] : []));
  } catch {
    return `${headers} is not built`;
  }
  const bare = header.replace(/\.(js|ts|h)$/, '').replace(/^linux\//, '');
  const near = names.filter((n) => n === bare || n.includes(bare) || bare.includes(n));
  return near.length > 0
    ? `did you mean ${near.map((n) => `'lockstep/linux/${n}'`).join(' or ')}?`
    : `there are: ${names.join(', ')}`;
}

function resolveRelative(importer: string, from: string): string | undefined {
  const path = resolve(dirname(importer), from);
  const candidates = [path, path.replace(/\.(m?)js$/, '.$1ts'), `${path}.ts`, join(path, 'index.ts')];
  return candidates.find((c) => /(?<!\.d)\.m?ts$/.test(c) && statSync(c, { throwIfNoEntry: false })?.isFile());
}

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

/** `import()` and `import.meta` reach for the host's loader. */
function checkHost(part: Part): SourceError[] {
  if (!/\bimport\s*[.(]/.test(part.code)) return [];
  const errors: SourceError[] = [];
  const look = (n: unknown): void => {
    if (Array.isArray(n)) n.forEach(look);
    else if (typeof n === 'object' && n !== null && 'type' in n) {
      const node = n as Node;
      if (node.type === 'ImportExpression')
        errors.push(
          complaint(
            part,
            node,
            'import',
            "`import()` loads from the host, which a CPU can't wait for",
            'import it at the top of the file',
          ),
        );
      if (node.type === 'MetaProperty' && node['meta'].name === 'import')
        errors.push(
          complaint(part, node, 'import', '`import.meta` belongs to the host', 'a module has no path in the kernel'),
        );
      for (const key of Object.keys(node)) if (key !== 'loc') look(node[key]);
    }
  };
  look(part.program);
  return errors;
}

/** Exports are the module's symbols: two of one name in its files can't be told apart. */
function checkSymbols(parts: Part[]): SourceError[] {
  const owners = new Map<string, string>();
  const errors: SourceError[] = [];
  for (const part of parts)
    for (const s of part.program['body'] as Node[]) {
      if (s.type !== 'ExportNamedDeclaration' || s['source']) continue;
      for (const e of s['specifiers'] as Node[]) {
        const name: string = e['exported'].name;
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
