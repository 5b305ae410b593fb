// Values of options and `name=value` pairs: text in, a value or a UsageError that says what would have been right.
import { InvalidArgumentError } from 'commander';
import type { LoadableModule } from '../module/load.js';
import { UsageError } from '../machine/errors.js';
import { MAX_CPUS, MAX_MEMORY, MIN_MEMORY } from '../machine/params.js';

/** What every command takes. */
export interface CommonOptions {
  cpus: number;
  /** Bytes. */
  memory: number;
  json: boolean;
  quiet: boolean;
  /** False: `--no-check`. */
  check: boolean;
}
/** What `run` and `stress` take beside that. */
export interface MachineCommandOptions extends CommonOptions {
  watchdog: number;
  heap: number;
  /** /proc files to show at the end. */
  proc: string[];
}

/** A parser of whole numbers for commander. */
export const integer =
  (low: number, high: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(value >= low && value <= high))
      throw new InvalidArgumentError(
        high === Infinity
          ? `A whole number of at least ${low} is needed.`
          : `A whole number from ${low} to ${high} is needed.`,
      );
    return value;
  };
export const cpuCount = integer(1, MAX_CPUS);

/** Seconds, fractions allowed. */
export const seconds =
  (low: number) =>
  (text: string): number => {
    const value = /^(\d+\.?\d*|\.\d+)s?$/.test(text) ? parseFloat(text) : NaN;
    if (!(value >= low && value <= 1e6))
      throw new InvalidArgumentError(`A number of seconds from ${low} to 1000000 is needed.`);
    return value;
  };

/** `a,b,c`. */
export const names = (text: string): string[] => {
  const found = text.split(',').filter((name) => name !== '');
  if (found.length === 0) throw new InvalidArgumentError('Names are needed, with commas between them.');
  return found;
};

/** `64M`, `1G`, or a plain number of bytes. */
export function memorySize(text: string): number {
  const found = /^(\d+)([kKmMgG]?)(i?[bB])?$/.exec(text);
  const unit = { '': 1, k: 1024, m: 1 << 20, g: 1 << 30 }[found?.[2]?.toLowerCase() ?? ''] ?? NaN;
  const bytes = Number(found?.[1] ?? NaN) * unit;
  if (!(bytes >= MIN_MEMORY && bytes <= MAX_MEMORY) || bytes % 65536 !== 0)
    throw new InvalidArgumentError(
      `A size like 64M is needed: a multiple of 64K from ${MIN_MEMORY >> 20}M to ${MAX_MEMORY >> 20}M.`,
    );
  return bytes;
}

/** `name=value ...` as modules take them. */
export function moduleParameters(texts: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const text of texts) {
    const found = /^([A-Za-z_]\w*)=(.*)$/s.exec(text);
    if (found === null) throw new UsageError(`'${text}' is no module parameter: write name=value`);
    if (Object.hasOwn(parameters, found[1]!)) throw new UsageError(`the module parameter '${found[1]}' is given twice`);
    parameters[found[1]!] = found[2]!;
  }
  return parameters;
}

/** Refuses parameters that the module does not have, before a machine is booted for it. */
export function checkParameters(module: LoadableModule, given: Record<string, string>): void {
  for (const name of Object.keys(given)) {
    if (module.parameters.some((p) => p.name === name)) continue;
    const known = module.parameters.map((p) => `${p.name}${p.default === undefined ? '' : ` (${String(p.default)})`}`);
    throw new UsageError(
      `${module.name} has no parameter '${name}'${known.length === 0 ? ': it has none' : `; it has: ${known.join(', ')}`}`,
    );
  }
}
