// The torture tests that ship: modules/torture/NAME.json beside NAME.ts says what each gives. See the README there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';

const FOLDER = fileURLToPath(new URL('../../modules/torture/', import.meta.url));

/** One test: a module with parameters. */
export interface Test {
  name: string;
  file: string;
  parameters: Record<string, string>;
  summary: string;
  /** Takes all of something: the others cannot run beside it. */
  alone: boolean;
  /** With these besides, a schedule of the explorer is short. */
  explore?: Record<string, string>;
  /** Why the explorer has nothing to say about it; '' where it has. */
  parallelOnly?: string;
}
/** A deliberately broken variant of a test, which must be caught. */
export interface Control extends Test {
  /** What the log, or the failure, says when it is caught. */
  report: RegExp;
  /** CPUs that it needs at least. */
  cpus: number;
}

/** The modules print the first broken invariants and count all: the sum at unload is there whatever the log has lost. */
const INVARIANTS = 'broken invariants';
/**
 * What the kernel may say first when a module writes to memory, or frees memory, that is not its own: which of its
 * structures is hit is a matter of chance.
 */
const CORRUPTION = [
  'double free',
  'was overwritten',
  'was written after it was freed',
  'k(v?free|mem_cache_free)\\(|free_pages\\(|free_percpu\\(|get_page:',
  'freed by two CPUs',
  'lies in no slab',
  'leads to 0x\\w+, which is no such block',
  'Slab cache still has objects|Wrong slab cache',
  'leaked',
  'list_(add|del) (corruption|double add)',
  'NULL pointer dereference|unable to handle page fault|unaligned (read|write)',
  'is not initialised',
  'has ended and was freed|no reference is left',
  'BUG: KASAN',
  'lockup',
].join('|');

interface Manifest {
  summary: string;
  runs?: { name: string; parameters: Parameters; summary?: string; alone?: boolean; parallel_only?: string }[];
  explore?: Parameters;
  broken: {
    broken: number;
    what: string;
    report: string;
    corrupts?: boolean;
    cpus?: number;
    parameters?: Parameters;
    explore?: Parameters;
    parallel_only?: string;
  }[];
}
type Parameters = Record<string, string | number>;

const texts = (parameters: Parameters = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]));

function manifests(): { name: string; file: string; manifest: Manifest }[] {
  if (!existsSync(FOLDER)) throw new EnvironmentFailure(`the torture modules are missing: ${FOLDER}`);
  return readdirSync(FOLDER)
    .filter((entry) => entry.endsWith('.json'))
    .sort()
    .map((entry) => {
      const name = entry.slice(0, -'.json'.length);
      return {
        name,
        file: join(FOLDER, `${name}.ts`),
        manifest: JSON.parse(readFileSync(join(FOLDER, entry), 'utf8')) as Manifest,
      };
    });
}

export function tortureTests(): Test[] {
  return manifests().flatMap(({ name, file, manifest }) =>
    (manifest.runs ?? [{ name, parameters: {} }]).map((run) => ({
      name: run.name,
      file,
      parameters: texts(run.parameters),
      summary: run.summary ?? manifest.summary,
      alone: run.alone ?? false,
      explore: texts(manifest.explore),
      parallelOnly: run.parallel_only ?? '',
    })),
  );
}

export function tortureControls(): Control[] {
  return manifests().flatMap(({ name, file, manifest }) =>
    manifest.broken.map((variant) => ({
      name: `${name} broken=${variant.broken}`,
      file,
      parameters: { ...texts(variant.parameters), broken: String(variant.broken) },
      summary: variant.what,
      alone: false,
      explore: { ...texts(manifest.explore), ...texts(variant.explore) },
      report: new RegExp([variant.report, INVARIANTS, ...(variant.corrupts === true ? [CORRUPTION] : [])].join('|')),
      cpus: variant.cpus ?? 1,
      parallelOnly: variant.parallel_only ?? '',
    })),
  );
}

/**
 * The tests that the filters name; all, without any. A filter is a name, the beginning of one, or a pattern with `*`.
 * Throws UsageError for one that names nothing.
 */
export function select<T extends Test>(tests: readonly T[], filters: readonly string[]): T[] {
  if (filters.length === 0) return [...tests];
  const wanted = new Set<T>();
  for (const filter of filters) {
    const escaped = filter.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
    const pattern = new RegExp(`^${escaped.replaceAll('*', '.*')}${filter.includes('*') ? '$' : ''}`);
    const exact = tests.filter((test) => test.name === filter);
    const found = exact.length > 0 ? exact : tests.filter((test) => pattern.test(test.name));
    if (found.length === 0)
      throw new UsageError(
        `there is no file and no test '${filter}'; the tests (lockstep stress --list): ${tests.map((t) => t.name).join(', ')}`,
      );
    for (const test of found) wanted.add(test);
  }
  return tests.filter((test) => wanted.has(test));
}
