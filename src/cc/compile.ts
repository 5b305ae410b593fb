// C modules for the host: from files, a folder with a Makefile, or a .ko, to what Machine.insmod loads. Compiling goes to
// a thread that stays (cc/worker.ts); what was compiled once is kept in the cache, by its content. Host code.
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import { cacheDirectory, hashOf } from '../module/cache.js';
import { shortPath } from '../module/errors.js';
import type { Parameter } from '../module/modinfo.js';
import { headerOf, ownHeaders, type Job, type Made } from './build.js';
import { INCLUDE, BadKo, readKo, type KoInfo } from './ko-file.js';
import { SLEEPER_NAMES } from './names.js';
import { readKbuild } from './kbuild.js';
import { findToolchain } from './toolchain.js';
import type { Order, Reply } from './worker.js';

/** Changes when the same sources compile to something else: with every change of the files in this folder. */
const TOOL_VERSION = '1';

/** A C module, compiled. */
export interface CModule {
  /** As lsmod prints it. */
  name: string;
  /** Absolute path of what was given: the first source, the folder, or the .ko. */
  file: string;
  /** Folder that the source positions in it are relative to. */
  root: string;
  ko: Uint8Array;
  license: string | undefined;
  description: string | undefined;
  parameters: Parameter[];
  info: KoInfo['info'];
}

/** A C source that was refused: the compiler's own words. */
export class CErrors extends UsageError {
  override name = 'CErrors';
}

/** Whether this names C: a C file, a .ko, or a folder. */
export const isC = (file: string): boolean =>
  /\.(c|ko)$/.test(file) || (existsSync(file) && statSync(file).isDirectory());

/** `hello` for `hello.c`, as the kernel has it. */
const kernelName = (file: string): string =>
  basename(file)
    .replace(/\.\w+$/, '')
    .replaceAll('-', '_');

export interface CompileCOptions {
  /** -D, -I, -O, -W and the like, for all files. */
  flags?: readonly string[];
  /** Its base name is the module's name, its folder what source positions are relative to. */
  output?: string;
  /** Gets what the compiler warns of; by default it goes to stderr. */
  warn?: (text: string) => void;
}

/**
 * The C module that `file` names. Throws CErrors for a source that was refused, UsageError for a folder without a
 * Makefile or a file that is no module of this Lockstep, EnvironmentFailure when something is missing.
 */
export async function loadC(file: string, options: CompileCOptions = {}): Promise<CModule> {
  if (file.endsWith('.ko')) return readModule(file);
  if (!existsSync(file)) throw new EnvironmentFailure(`${file}: no such file`);
  if (!statSync(file).isDirectory()) return compileC([file], options);
  const modules = readKbuild(resolve(file));
  if (modules.length > 1)
    throw new UsageError(
      `${file} builds ${modules.map(({ name }) => `${name}.ko`).join(', ')}: \`lockstep cc ${file}\` makes all, then give one`,
    );
  return compileUnits(modules[0]!.name, resolve(file), modules[0]!.sources, resolve(file), options);
}

/** All modules that the folder's Makefile names. */
export async function compileFolder(folder: string, options: CompileCOptions = {}): Promise<CModule[]> {
  const made: CModule[] = [];
  for (const { name, sources } of readKbuild(resolve(folder)))
    made.push(await compileUnits(name, resolve(folder), sources, resolve(folder), options));
  return made;
}

/** Compiles C files to one module. */
export function compileC(sources: readonly string[], options: CompileCOptions = {}): Promise<CModule> {
  for (const file of sources) {
    if (!file.endsWith('.c')) throw new UsageError(`${file}: the name of a C file ends in .c`);
    if (!existsSync(file)) throw new EnvironmentFailure(`${file}: no such file`);
  }
  const first = resolve(sources[0]!);
  const root = options.output === undefined ? dirname(first) : dirname(resolve(options.output));
  const units = sources.map((file) => ({ path: resolve(file), flags: [] }));
  return compileUnits(options.output ?? first, root, units, first, options);
}

/** Reads a .ko. Throws EnvironmentFailure, UsageError. */
export function readModule(file: string): CModule {
  if (!existsSync(file)) throw new EnvironmentFailure(`${file}: no such file`);
  const ko = readFileSync(file);
  try {
    return moduleOf(ko, resolve(file), dirname(resolve(file)));
  } catch (error) {
    if (error instanceof BadKo) throw new UsageError(`${shortPath(resolve(file))}: ${error.message}`);
    throw error;
  }
}

function moduleOf(ko: Uint8Array, file: string, root: string): CModule {
  const { name, info } = readKo(ko);
  const text = (tag: string): string | undefined => info.find(([t]) => t === tag)?.[1];
  const describe = (of: string): string | undefined =>
    info.find(([t, v]) => t === 'parm' && v.startsWith(`${of}:`))?.[1].slice(of.length + 1);
  const parameters = info
    .filter(([tag]) => tag === 'parmtype')
    .map(([, value]) => {
      const [of, type] = value.split(':') as [string, string];
      return { name: of, type, description: describe(of) };
    });
  return { name, file, root, ko, license: text('license'), description: text('description'), parameters, info };
}

type Units = { path: string; flags: readonly string[] }[];

async function compileUnits(
  named: string,
  root: string,
  units: Units,
  file: string,
  { flags = [], warn = (text) => process.stderr.write(text) }: CompileCOptions,
): Promise<CModule> {
  const given = flags.map((flag) => (/^-I[^/]/.test(flag) ? `-I${resolve(flag.slice(2))}` : flag));
  const sources = units.map((unit) => ({ path: unit.path, flags: [...unit.flags, ...given] }));
  const job: Job = { name: kernelName(named), root, sources, files: collect(sources) };
  const shown = sources.map(({ path }) => relative(root, path));
  const key = hashOf(
    ...[TOOL_VERSION, findToolchain().id, job.name, SLEEPER_NAMES.join()],
    ...sources.flatMap(({ path, flags: own }) => [relative(root, path), ...own]),
    ...Object.entries(job.files).flatMap(([path, text]) => [relative(root, path), text]),
    ...Object.values(ownHeaders()),
  );
  const made = cached(key) ?? (await compileInThread(job));
  const said = withAdvice(made.said);
  if (made.ko === null) throw new CErrors(`${shown.join(', ')}: the source was refused\n\n${said}`);
  if (said !== '') warn(said);
  keep(key, made);
  return moduleOf(made.ko, file, root);
}

// ---- what a source includes -------------------------------------------------------------------------------------
/**
 * The sources and every file of the user's that they may include, by absolute path: whatever #include names, read or
 * skipped by the preprocessor. (A path that a macro makes is not seen: the npm compiler does not find such a file.)
 */
function collect(sources: Units): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { path, flags } of sources) {
    const folders = flags.filter((flag) => flag.startsWith('-I')).map((flag) => flag.slice(2));
    const visit = (file: string): void => {
      if (Object.hasOwn(files, file)) return;
      const text = readFileSync(file, 'utf8');
      files[file] = text;
      for (const [, name] of text.matchAll(/^[ \t]*#[ \t]*include(?:_next)?[ \t]*["<]([^">\n]+)[">]/gm)) {
        const found = [dirname(file), ...folders].map((folder) => resolve(folder, name!)).find(isFile);
        if (found !== undefined) visit(found);
      }
    };
    visit(path);
  }
  return files;
}
const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

// ---- what the compiler says -------------------------------------------------------------------------------------
/** Paths as people type them; and after a complaint about a name of the kernel's, where it is declared. */
function withAdvice(text: string): string {
  const lines = text.replaceAll(INCLUDE, 'lockstep/include/').replaceAll(`${process.cwd()}/`, '').split('\n');
  return lines
    .flatMap((line) => {
      const undeclared = /: error: .*(?:undeclared (?:function|identifier)|unknown type name) '(\w+)'/.exec(line)?.[1];
      const header = undeclared === undefined ? '' : headerOf(undeclared);
      if (header !== '') return [line, `  = ${undeclared} is declared in <${header}>`];
      if (undeclared !== undefined && /undeclared function/.test(line))
        return [line, `  = ${undeclared} is not provided: no header of Lockstep's declares it`];
      const missing = /: fatal error: '((?:linux|asm|uapi)\/\S+)' file not found/.exec(line)?.[1];
      return missing === undefined ? [line] : [line, `  = Lockstep has no <${missing}>`];
    })
    .join('\n');
}

// ---- the cache --------------------------------------------------------------------------------------------------
// A fault here costs time, never a run.
const entry = (key: string): string => join(cacheDirectory(), 'c', key.slice(0, 2), key);

function cached(key: string): Made | null {
  try {
    const ko = readFileSync(`${entry(key)}.ko`);
    readKo(ko); // half a file, a full disk's: compile again
    return { ko, said: readFileSync(`${entry(key)}.txt`, 'utf8') };
  } catch {
    return null;
  }
}
function keep(key: string, { ko, said }: Made): void {
  try {
    const file = entry(key);
    if (existsSync(`${file}.ko`)) return;
    mkdirSync(dirname(file), { recursive: true });
    const write = (name: string, content: string | Uint8Array): void => {
      writeFileSync(`${name}.${process.pid}`, content);
      renameSync(`${name}.${process.pid}`, name);
    };
    write(`${file}.txt`, said);
    write(`${file}.ko`, ko!);
  } catch {
    // A read-only home: the next run compiles again.
  }
}

// ---- the thread -------------------------------------------------------------------------------------------------
let thread: Worker | null = null;
let orders = 0;
const waiting = new Map<number, { resolve: (made: Made) => void; reject: (error: Error) => void }>();

/** Keeps the process alive only while somebody waits. */
function compileInThread(job: Job): Promise<Made> {
  if (thread === null) {
    thread = new Worker(new URL('./worker.js', import.meta.url));
    thread.on('message', (reply: Reply) => {
      const order = waiting.get(reply.id)!;
      waiting.delete(reply.id);
      if (waiting.size === 0) thread?.unref();
      if ('made' in reply) order.resolve(reply.made);
      else order.reject(reply.exitCode === 3 ? new EnvironmentFailure(reply.error.message) : reply.error);
    });
    thread.on('error', (error: Error & { code?: string }) => {
      thread = null;
      for (const { reject } of waiting.values())
        reject(
          error.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? new EnvironmentFailure(`the compiler ran out of memory: ${error.message}`)
            : error,
        );
      waiting.clear();
    });
  }
  thread.ref();
  const order: Order = { id: ++orders, job };
  thread.postMessage(order);
  return new Promise((resolve, reject) => waiting.set(order.id, { resolve, reject }));
}
