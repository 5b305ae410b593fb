// Remembers which sources passed the type check, by content, so that the next run of the same module does not load the
// type checker at all (most of a second). Host code. A cache that can't be read or written costs time, never a run:
// every fault here counts as "not in the cache".
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** LOCKSTEP_CACHE, else lockstep/ in XDG_CACHE_HOME or ~/.cache. */
export function cacheDirectory(): string {
  const own = process.env['LOCKSTEP_CACHE'];
  if (own) return own;
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'lockstep');
}

const entry = (key: string): string => join(cacheDirectory(), 'checked', key.slice(0, 2), key);

/** Files that a check read besides those that its key covers (imported for their types only): path to hash. */
type Others = Record<string, string>;

/** True if `key` was remembered, and no other file that the check read has changed since. */
export function isRemembered(key: string): boolean {
  try {
    const others = JSON.parse(readFileSync(entry(key), 'utf8')) as Others;
    return Object.entries(others).every(([file, hash]) => hashOf(readFileSync(file, 'utf8')) === hash);
  } catch {
    return false; // not there, or not readable: check again
  }
}

/** Remembers `key`. Written under another name first, so that two processes at once can't leave half a file. */
export function remember(key: string, others: ReadonlyMap<string, string>): void {
  const file = entry(key);
  const content: Others = Object.fromEntries([...others].map(([name, text]) => [name, hashOf(text)]));
  try {
    mkdirSync(join(file, '..'), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(content));
    renameSync(temporary, file);
  } catch {
    // A read-only home or a full disk: the next run checks again.
  }
}

/** A hash over texts; their borders count. */
export function hashOf(...texts: string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:`).update(text);
  return hash.digest('hex');
}

const headerHashes = new Map<string, string>();

/** A hash over every `.d.ts` file below `directory`: what the type check depends on besides the module. */
export function hashOfHeaders(directory: string): string {
  let hash = headerHashes.get(directory);
  if (hash === undefined) {
    hash = hashOf(...declarations(directory));
    headerHashes.set(directory, hash);
  }
  return hash;
}

function declarations(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((n) => n.endsWith('.d.ts'));
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => [name, readFileSync(join(directory, name), 'utf8')]);
}
