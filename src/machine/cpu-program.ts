// The program of a CPU's thread: machine/cpu-main.js and all that it imports as one file, dist/cpu-kernel/kernel.js. A
// thread that loads it is ready three times as soon as one that loads some 150 files. Host code.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle } from './bundle.js';

const DIST = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(DIST, 'cpu-kernel');
const PROGRAM = join(FOLDER, 'kernel.js');
/** What it was made of, and the hash of that. */
const MANIFEST = join(FOLDER, 'inputs.json');

interface Manifest {
  files: string[];
  hash: string;
}

let program: URL | null = null;

/** Its address; it is built first if it is not there or a file that it is made of has changed. */
export function cpu_program(): URL {
  program ??= up_to_date() || build() ? pathToFileURL(PROGRAM) : new URL('./cpu-main.js', import.meta.url);
  return program;
}

function up_to_date(): boolean {
  if (!existsSync(MANIFEST) || !existsSync(PROGRAM)) return false;
  const { files, hash } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as Manifest;
  return hash_of(files) === hash;
}

function hash_of(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of [...files, 'machine/bundle.js']) {
    const path = join(DIST, file);
    if (!existsSync(path)) return '';
    hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Writes it. Return: false where nothing can be written: the files do as well, later. */
function build(): boolean {
  try {
    mkdirSync(FOLDER, { recursive: true });
    const entry = "export { default } from './machine/cpu-main.js';";
    const files = bundle(entry, DIST, PROGRAM);
    const draft = `${MANIFEST}.${process.pid}`;
    writeFileSync(draft, JSON.stringify({ files, hash: hash_of(files) } satisfies Manifest));
    renameSync(draft, MANIFEST);
    return true;
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) cpu_program();
