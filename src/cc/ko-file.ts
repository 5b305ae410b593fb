// What a .ko says of itself beside its code: a custom section `lockstep` of JSON at the end of the wasm file. Written by
// the compiler, read by the host (parameters, modinfo) and by the CPUs (source positions). No kernel state.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Rows } from './line-table.js';
import { SLEEPER_NAMES } from './names.js';
import type { Site } from './sites.js';
import { customSections, withSection } from './wasm-file.js';

export const INCLUDE = fileURLToPath(new URL('../../include/', import.meta.url));
const SECTION = 'lockstep';
/** Of what follows the section's name. */
const FORMAT = 1;

export interface KoInfo {
  /** Name in the kernel. */
  name: string;
  /** MODULE_* in the order of the sources: `['license', 'GPL']`. */
  info: [tag: string, text: string][];
  /** Clang's version. */
  compiler: string;
  /** What it needs of the kernel or of other modules, each with the header that declares it ('' if none of ours does). */
  needs: Record<string, string>;
  /** Paths are relative to the folder that the .ko was made for; those of Lockstep's own headers begin with `lockstep/`. */
  sites: Site[];
  rows: Rows;
}
interface Stored extends KoInfo {
  format: number;
  version: string;
  layout: string;
}

export const VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;

let layout: string | null = null;
/** A hash over what C code has compiled into it: layouts of the kernel's structs, and where it may be suspended. */
export const layoutHash = (): string =>
  (layout ??= createHash('sha256')
    .update(SLEEPER_NAMES.join(' '))
    .update(readFileSync(`${INCLUDE}lockstep/layout.h`))
    .digest('hex')
    .slice(0, 16));

/** The wasm file as a .ko. */
export function makeKo(wasm: Uint8Array, info: KoInfo): Uint8Array {
  const stored: Stored = { format: FORMAT, version: VERSION, layout: layoutHash(), ...info };
  return withSection(wasm, SECTION, Buffer.from(JSON.stringify(stored)));
}

/** What is the matter with a file that should be a .ko of this Lockstep. */
export class BadKo extends Error {}

/** Reads the section. Throws BadKo, which says what is wrong with the file. */
export function readKo(bytes: Uint8Array): KoInfo {
  if (Buffer.from(bytes.subarray(0, 4)).toString('latin1') === '\x7fELF')
    throw new BadKo('this .ko is machine code for a real kernel: compile its C sources with `lockstep cc`');
  if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== '\0asm\x01\0\0\0')
    throw new BadKo('not a kernel module: it does not begin as a WebAssembly file (`lockstep cc` makes one from C)');
  let section;
  try {
    section = customSections(bytes).custom.get(SECTION);
  } catch (error) {
    throw new BadKo(`the file is corrupt: ${(error as Error).message}`);
  }
  if (section === undefined)
    throw new BadKo('not a kernel module: a WebAssembly file without the section that `lockstep cc` writes');
  let stored: Partial<Stored>;
  try {
    stored = JSON.parse(Buffer.from(bytes.subarray(section.start, section.end)).toString()) as Stored;
  } catch {
    throw new BadKo(`the file is corrupt: its section '${SECTION}' cannot be read`);
  }
  if (stored.format !== FORMAT || stored.version !== VERSION || stored.layout !== layoutHash())
    throw new BadKo(
      `made by ${stored.version === VERSION ? 'another build of Lockstep' : `Lockstep ${stored.version ?? '?'}`}, ` +
        `this is ${VERSION}${stored.version === VERSION ? ', whose structs lie differently' : ''}: compile it again with \`lockstep cc\``,
    );
  // A flipped bit shows when the engine compiles the code; that is caught here rather than on a CPU.
  if (!WebAssembly.validate(bytes)) throw new BadKo('the file is corrupt: its code is not valid');
  return stored as Stored;
}

/** A position in the code as `function (file:line:column)`, innermost first, then the callers it was inlined into. */
export function placesOf({ sites, rows }: Pick<KoInfo, 'sites' | 'rows'>, offset: number): Site[] {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]![0] <= offset) low = middle + 1;
    else high = middle;
  }
  const places: Site[] = [];
  // binaryen leaves a function's entry without a place: what comes next is its first statement.
  const found = rows[low - 1]?.[1] || (rows[low]?.[1] ?? 0);
  for (let site = found; site !== 0; site = sites[site]!.inlined_at) places.push(sites[site]!);
  return places;
}
