// Data races that are meant: patterns, each with the reason why. Host code.
//
// A file has a line for each: the pattern, spaces, the reason. Empty lines and those that begin with # count for nothing.
// A pattern is one of these; * stands for any characters:
//
//   driver.ts:poll         either access is made in that function of a file whose path ends so
//   stats.packets, hits    what is accessed: the field of a struct, or a variable
import { readFile } from 'node:fs/promises';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import type { Suppression } from './outcome.js';
import type { Site } from '../stepped/transform/context.js';

/** Throws UsageError for one without a reason. */
export function check_suppressions(list: readonly Suppression[], where = 'suppressions'): void {
  for (const { pattern, reason } of list) {
    if (typeof pattern !== 'string' || pattern.trim() === '') throw new UsageError(`${where}: a pattern is empty`);
    if (typeof reason !== 'string' || reason.trim() === '')
      throw new UsageError(`${where}: '${pattern}' has no reason: say after it why the race is meant`);
  }
}

/** Throws EnvironmentFailure if the file cannot be read, UsageError for a line without a reason. */
export async function read_suppressions(file: string): Promise<Suppression[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new EnvironmentFailure(`cannot read the suppressions in ${file}: ${(error as Error).message}`);
  }
  const list: Suppression[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const found = /^\s*([^\s#]\S*)\s*(.*?)\s*$/.exec(line);
    if (found === null) continue;
    const one = { pattern: found[1]!, reason: found[2]! };
    check_suppressions([one], `${file}:${i + 1}`);
    list.push(one);
  }
  return list;
}

const matcher = (pattern: string, whole: boolean): RegExp =>
  new RegExp(
    `${whole ? '^' : '(^|/)'}${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );

/** The suppressions of a search, and how often each was used. */
export class Suppressions {
  readonly #list: { of: Suppression; place: RegExp | null; name: RegExp; used: number }[];

  constructor(list: readonly Suppression[]) {
    check_suppressions(list);
    this.#list = list.map((of) => ({
      of,
      place: of.pattern.includes(':') ? matcher(of.pattern, false) : null,
      name: matcher(of.pattern, true),
      used: 0,
    }));
  }
  /** `names`: what is accessed, by all its names. */
  match(sites: readonly (Site | undefined)[], names: readonly string[]): boolean {
    for (const one of this.#list) {
      const { place, name } = one;
      const hit =
        place === null
          ? names.some((n) => name.test(n))
          : sites.some((s) => s !== undefined && place.test(`${s.file}:${s.within}`));
      if (!hit) continue;
      one.used++;
      return true;
    }
    return false;
  }
  /** How many reports were suppressed, and the patterns that matched none. */
  get counts(): { suppressed: number; unused: Suppression[] } {
    return {
      suppressed: this.#list.reduce((sum, { used }) => sum + used, 0),
      unused: this.#list.filter(({ used }) => used === 0).map(({ of }) => of),
    };
  }
}
