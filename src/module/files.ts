// The files of a module: the one that was named and those that it imports by relative paths, each read and parsed.
// Files that are missing, syntax errors and imports that a kernel has not are found here. Host code; no state.
import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
import { parse } from 'acorn';
import { transform, type Message } from 'esbuild';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { SourceErrors, withText, type RefusalKind, type SourceError } from './errors.js';
import type { Node } from './scope.js';

/** One source file, and what esbuild makes of it alone. */
export interface Part {
  file: string;
  source: string;
  code: string;
  map: TraceMap;
  program: Node;
}

/** How esbuild is called everywhere. */
export const ESBUILD = {
  target: 'es2022',
  format: 'esm',
  charset: 'utf8',
  legalComments: 'none',
  tsconfigRaw: '{}',
  logLevel: 'silent',
} as const;

export function stopAt(errors: SourceError[], sources: ReadonlyMap<string, string>): void {
  if (errors.length > 0) throw new SourceErrors(withText(errors, (f) => sources.get(f)));
}

const wholeFile = (kind: RefusalKind, file: string, message: string, advice?: string): SourceErrors =>
  new SourceErrors([{ kind, file, line: 0, column: 0, message, advice }]);

/** Refuses what can't be a module by its name; says what is there instead of a missing file. */
export function checkName(file: string): void {
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
export async function readParts(entry: string, headers: string): Promise<Part[]> {
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

export function fromEsbuild(m: Message, file: string): SourceError {
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
export function complaint(part: Part, node: Node, kind: RefusalKind, message: string, advice?: string): SourceError {
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
      if (!headerNames(headers).includes(header))
        complain(`\`${from}\`: there is no such header`, headerAdvice(header, headers));
      else if (s.type === 'ExportAllDeclaration')
        complain(`\`export *\` of a kernel header`, 'name what is meant: export { ... } from');
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

/** The public headers: those that the kernel's registry gives to modules; the directory has their parts too. */
function headerNames(headers: string): string[] {
  const linux = join(headers, 'linux');
  try {
    const registry = readFileSync(join(linux, 'registry.js'), 'utf8');
    return [...registry.matchAll(/^import \* as \w+ from '\.\/([\w/-]+)\.js'/gm)].map((m) => m[1]!);
  } catch {
    // The stand-ins of the tests have no registry.
    return existsSync(linux) ? readdirSync(linux).flatMap((n) => (n.endsWith('.d.ts') ? [n.slice(0, -5)] : [])) : [];
  }
}

function headerAdvice(header: string, headers: string): string {
  const names = headerNames(headers);
  const bare = header.replace(/\.(js|ts|h)$/, '').replace(/^linux\//, '');
  const near = names.filter((n) => n === bare || n.includes(bare) || bare.includes(n));
  return near.length > 0
    ? `did you mean ${near.map((n) => `'lockstep/linux/${n}'`).join(' or ')}?`
    : `there are: ${names.join(', ')}`;
}

export function resolveRelative(importer: string, from: string): string | undefined {
  const path = resolve(dirname(importer), from);
  const candidates = [path, path.replace(/\.(m?)js$/, '.$1ts'), `${path}.ts`, join(path, 'index.ts')];
  return candidates.find((c) => /(?<!\.d)\.m?ts$/.test(c) && statSync(c, { throwIfNoEntry: false })?.isFile());
}
