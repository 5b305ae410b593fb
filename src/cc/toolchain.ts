// The compilers: a host's clang with wasm32 and wasm-ld where there is one, else the one inside the npm package
// @yowasp/clang, which is WebAssembly itself. binaryen, for stack switching, always comes from npm. LOCKSTEP_CLANG names
// a clang, or is `npm`. Used by the compile thread only (see cc/worker.ts): the host's tools block it while they run.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvironmentFailure } from '../machine/errors.js';

/** By path. Absolute ones are the user's files and Lockstep's headers, others are made on the way. */
export type Files = Record<string, string | Uint8Array>;

export interface Outcome {
  /** The file that was asked for, null if the tool failed. */
  made: Uint8Array | null;
  /** Errors and warnings. */
  said: string;
}
export interface Toolchain {
  /** Version, for caches and modinfo. */
  readonly id: string;
  /** What undefined symbols are for the linker: LLVM 14 has another word for imports than later ones. */
  readonly undefined_symbols: string;
  clang(args: readonly string[], files: Files, made: string): Promise<Outcome>;
  ld(args: readonly string[], files: Files, made: string): Promise<Outcome>;
}

/** LLVM before this one does not link position-independent wasm as needed. */
const OLDEST = 14;
const NEWEST = 22;
const HOW_TO_GET_ONE = `compiling C needs the optional packages @yowasp/clang and binaryen: npm install --include=optional (a clang ${OLDEST} or newer with wasm32 and wasm-ld can stand in for the first)`;

/** Throws EnvironmentFailure if there is none. */
export function findToolchain(): Toolchain {
  const wanted = process.env['LOCKSTEP_CLANG'] ?? '';
  wasm_opt(); // both need it
  if (wanted !== '' && wanted !== 'npm') {
    const found = host(wanted);
    if (typeof found === 'string') throw new EnvironmentFailure(`LOCKSTEP_CLANG=${wanted}: ${found}`);
    return found;
  }
  if (wanted === '') {
    const names = ['clang', ...Array.from({ length: NEWEST - OLDEST + 1 }, (_, i) => `clang-${NEWEST - i}`)];
    for (const name of names) {
      const found = host(name);
      if (typeof found !== 'string') return found;
    }
  }
  return packaged();
}

// ---- the host's -------------------------------------------------------------------------------------------------
/** The tools beside this clang, or why they can't be used. */
function host(clang: string): Toolchain | string {
  const version = run(clang, ['--version']);
  if (version === null) return 'it cannot be run';
  const major = Number(/clang version (\d+)/.exec(version)?.[1] ?? 0);
  if (major < OLDEST) return `clang ${OLDEST} or newer is needed, this is: ${version.split('\n')[0]}`;
  if (!/^\s*wasm32\b/m.test(run(clang, ['--print-targets']) ?? '')) return 'this clang was built without wasm32';
  const linkers = [run(clang, ['--print-prog-name=wasm-ld'])?.trim() ?? '', `wasm-ld-${major}`, 'wasm-ld'];
  const linker = linkers.find((name) => name !== '' && run(name, ['--version']) !== null);
  if (linker === undefined) return `there is no wasm-ld for it: install lld ${major}`;
  return {
    id: version.split('\n')[0]!.trim(),
    undefined_symbols: major < 15 ? 'ignore-all' : 'import-dynamic',
    clang: (args, files, made) => Promise.resolve(inFolder(clang, args, files, made)),
    ld: (args, files, made) => Promise.resolve(inFolder(linker, args, files, made)),
  };
}
/** What the command prints, null if it can't be run. */
function run(command: string, args: string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout : null;
}
/** Runs a tool in a folder of its own; files by absolute paths are where they are. */
function inFolder(command: string, args: readonly string[], files: Files, made: string): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-cc-'));
  try {
    for (const [path, content] of Object.entries(files))
      if (!path.startsWith('/')) writeFileSync(join(folder, path), content);
    const { status, stderr } = spawnSync(command, [...args, '-o', made], { cwd: folder, encoding: 'utf8' });
    return { made: status === 0 ? readFileSync(join(folder, made)) : null, said: stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ---- npm's ------------------------------------------------------------------------------------------------------
interface Tree {
  [name: string]: Tree | string | Uint8Array;
}
type Tool = (args: readonly string[] | null, files: Tree, options: object) => Promise<Tree>;

const PACKAGE = '@yowasp/clang';

/** Nothing of the package is loaded before its first use: it is a hundred megabytes. */
function packaged(): Toolchain {
  const { version } = JSON.parse(readFileSync(join(packageFolder(PACKAGE), 'package.json'), 'utf8')) as {
    version: string;
  };
  type Tools = { runClang: Tool; commands: Record<string, Tool> };
  let tools: Promise<Tools> | null = null;
  const load = async (): Promise<Tools> => {
    const loaded = (await import(PACKAGE)) as Tools;
    await loaded.runClang(null, {}, { fetchProgress() {} }); // else it prints its progress to stdout
    return loaded;
  };
  const use = async (name: string, args: readonly string[], files: Files, made: string): Promise<Outcome> => {
    const { runClang, commands } = await (tools ??= load());
    const tool = name === 'clang' ? runClang : commands[name]!;
    const said: Uint8Array[] = [];
    const hear = (bytes: Uint8Array | null): void => void (bytes !== null && said.push(bytes.slice()));
    const text = (): string => Buffer.concat(said).toString();
    try {
      const out = await tool([...args, '-o', made], tree(files), { fetchProgress() {}, stdout: hear, stderr: hear });
      return { made: out[made] as Uint8Array, said: text() };
    } catch (error) {
      // The tool's own failure has an exit code; else it died.
      const died = (error as { code?: unknown }).code === undefined;
      return { made: null, said: died ? `${text()}\n${name}: ${(error as Error).message}` : text() };
    }
  };
  return {
    id: `${PACKAGE} ${version}`,
    undefined_symbols: 'import-dynamic',
    clang: (args, files, made) => use('clang', ['clang', ...args], files, made),
    ld: (args, files, made) => use('wasm-ld', args, files, made),
  };
}
/** Files by path as folders in folders. */
function tree(files: Files): Tree {
  const root: Tree = {};
  for (const [path, content] of Object.entries(files)) {
    const names = path.split('/').filter((part) => part !== '');
    let folder = root;
    for (const name of names.slice(0, -1)) folder = (folder[name] ??= {}) as Tree;
    folder[names.at(-1)!] = content;
  }
  return root;
}

// ---- binaryen ---------------------------------------------------------------------------------------------------
const wasm_opt = (): string => join(packageFolder('binaryen'), 'bin', 'wasm-opt');

/** Where an optional package lies. Throws EnvironmentFailure if it is not installed. */
function packageFolder(name: string): string {
  try {
    const main = fileURLToPath(import.meta.resolve(name));
    const end = main.lastIndexOf(`/node_modules/${name}/`);
    return end < 0 ? dirname(main) : main.slice(0, end + `/node_modules/${name}`.length);
  } catch {
    throw new EnvironmentFailure(HOW_TO_GET_ONE);
  }
}

/** Runs wasm-opt; the source map goes along. */
export function optimise(
  wasm: Uint8Array,
  map: string,
  passes: readonly string[],
): { bytes: Uint8Array; map: string; said: string } | { said: string; bytes: null } {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-cc-'));
  const at = (name: string): string => join(folder, name);
  try {
    writeFileSync(at('in.wasm'), wasm);
    writeFileSync(at('in.map'), map);
    const args = [at('in.wasm'), '-ism', at('in.map'), '-osm', at('out.map'), '-osu', 'x', ...passes];
    execFileSync(process.execPath, [wasm_opt(), ...args, '-g', '-o', at('out.wasm')], { stdio: 'pipe' });
    return { bytes: readFileSync(at('out.wasm')), map: readFileSync(at('out.map'), 'utf8'), said: '' };
  } catch (error) {
    return { bytes: null, said: String((error as { stderr?: Buffer }).stderr ?? error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
