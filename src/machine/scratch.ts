// Compiled modules as files, because CPUs load code from files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadableModule } from '../module/load.js';

let scratch: string | null = null;
let scratch_count = 0;
const scratch_files = new WeakMap<LoadableModule, string>();
/** The module's code as a file of this kind in this process's own folder, removed with it when the process ends. */
export function scratch_file(module: LoadableModule, content: string | Uint8Array, extension = 'cjs'): string {
  const made = scratch_files.get(module);
  if (made !== undefined) return made;
  if (scratch === null) {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
    scratch = folder;
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  }
  const file = join(scratch, `${++scratch_count}.${extension}`);
  writeFileSync(file, content);
  scratch_files.set(module, file);
  return file;
}
