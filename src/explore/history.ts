// The local history: which file a token was made from, so that `lockstep replay TOKEN` needs no file name, and what its
// sources were, to say which of them has changed since.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { UsageError } from '../machine/errors.js';
import type { CompiledModule } from '../module/compile.js';

interface Entry {
  file: string;
  token: string;
  parameters: [string, string][];
  /** Hash of each source file by its path. */
  sources: Record<string, string>;
}

export const history_folder = (): string =>
  join(
    process.env['LOCKSTEP_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lockstep'),
    'history',
  );
const path_of = (hash: string): string => join(history_folder(), `${hash}.json`);
const hash_of = (content: string): string => createHash('sha256').update(content).digest('hex');

/** Keeps where the module lies. A history that cannot be written is no reason to fail: the token works with the file. */
export async function remember(token: string, compiled: CompiledModule, parameters: [string, string][]): Promise<void> {
  try {
    const sources: Record<string, string> = {};
    for (const file of source_files(compiled)) sources[file] = hash_of(await readFile(file, 'utf8'));
    const entry: Entry = { file: compiled.file, token, parameters, sources };
    await mkdir(history_folder(), { recursive: true });
    const path = path_of(compiled.hash.slice(0, 8));
    // Whole or not at all: several searches may end at once.
    await writeFile(`${path}.${process.pid}.tmp`, JSON.stringify(entry));
    await rename(`${path}.${process.pid}.tmp`, path);
  } catch (error) {
    process.emitWarning(
      `lockstep: the history in ${history_folder()} cannot be written (${(error as Error).message}); replay will need the file's name`,
    );
  }
}

const source_files = (compiled: CompiledModule): string[] => {
  const { sources } = JSON.parse(compiled.esm.map) as { sources?: string[] };
  return [
    ...new Set([compiled.file, ...(sources ?? []).filter((file) => file.startsWith('/') && file.endsWith('.ts'))]),
  ];
};

/** Null if there is no entry; throws UsageError if it is damaged. */
async function entry_of(hash: string): Promise<Entry | null> {
  let text: string;
  try {
    text = await readFile(path_of(hash), 'utf8');
  } catch {
    return null;
  }
  try {
    const entry = JSON.parse(text) as Partial<Entry> | null;
    if (typeof entry?.file === 'string') return { token: '', parameters: [], sources: {}, ...entry, file: entry.file };
  } catch {
    // As one that has no file in it.
  }
  throw new UsageError(
    `the entry of this token in the local history is damaged (${path_of(hash)}): name the module's file, lockstep replay TOKEN FILE`,
  );
}

/** The file of the module with this hash; throws UsageError if it is not known here. */
export async function find_in_history(hash: string): Promise<string> {
  const entry = await entry_of(hash);
  if (entry !== null) return entry.file;
  throw new UsageError(
    `the module of this token (${hash}) is not in the local history: name its file, lockstep replay TOKEN FILE`,
  );
}

/** Which sources of the module with this hash are not what they were, as text; '' if that is not known. */
export async function changed_sources(hash: string): Promise<string> {
  const entry = await entry_of(hash).catch(() => null);
  const changed: string[] = [];
  for (const [file, was] of Object.entries(entry?.sources ?? {})) {
    const name = relative(process.cwd(), file);
    try {
      if (hash_of(await readFile(file, 'utf8')) !== was) changed.push(`${name} has changed`);
    } catch {
      changed.push(`${name} is gone`);
    }
  }
  return changed.join(', ');
}
