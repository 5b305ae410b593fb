// The local history: which file a token was made from, so that `lockstep replay TOKEN` needs no file name.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../machine/errors.js';
import type { CompiledModule } from '../module/compile.js';

interface Entry {
  file: string;
  token: string;
  parameters: [string, string][];
}

export const history_folder = (): string =>
  join(
    process.env['LOCKSTEP_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lockstep'),
    'history',
  );

/** Keeps where the module lies. A history that cannot be written is no reason to fail: the token works with the file. */
export async function remember(token: string, compiled: CompiledModule, parameters: [string, string][]): Promise<void> {
  const entry: Entry = { file: compiled.file, token, parameters };
  try {
    await mkdir(history_folder(), { recursive: true });
    await writeFile(join(history_folder(), `${compiled.hash.slice(0, 8)}.json`), JSON.stringify(entry));
  } catch (error) {
    process.emitWarning(
      `lockstep: the history in ${history_folder()} cannot be written (${(error as Error).message}); replay will need the file's name`,
    );
  }
}

/** The file of the module with this hash; throws UsageError if it is not known here. */
export async function find_in_history(hash: string): Promise<string> {
  try {
    return (JSON.parse(await readFile(join(history_folder(), `${hash}.json`), 'utf8')) as Entry).file;
  } catch {
    throw new UsageError(
      `the module of this token (${hash}) is not in the local history: name its file, lockstep replay TOKEN FILE`,
    );
  }
}
