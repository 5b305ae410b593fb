// Refusals of a module's source, for people: where, what, the line itself, what to write instead. Host code; no state.
import { relative, isAbsolute } from 'node:path';

/** What stopped the module; 'environment' is a fault of the host (exit code 3), all else is one of the source (2). */
export type RefusalKind = 'environment' | 'usage' | 'syntax' | 'import' | 'type' | 'toplevel' | 'subset';

/** One thing that is wrong. Lines and columns count from 1; both are 0 if the whole file is meant. */
export interface SourceError {
  kind: RefusalKind;
  /** Absolute path. */
  file: string;
  line: number;
  column: number;
  message: string;
  /** What to do about it. */
  advice?: string | undefined;
  /** The source line that is meant. */
  text?: string | undefined;
}

/** The most problems that one message prints; the rest is counted. */
const MOST = 20;

/** Every problem that was found in a module's files, as one error whose message is ready to be printed. */
export class SourceErrors extends Error {
  override readonly name = 'SourceErrors';
  readonly errors: readonly SourceError[];
  /** What the command line exits with: 2 a source that was refused, 3 a file that is missing. */
  readonly exitCode: 2 | 3;

  constructor(errors: SourceError[]) {
    const sorted = inOrder(errors);
    super(print(sorted));
    this.errors = sorted;
    this.exitCode = sorted.every((e) => e.kind === 'environment') ? 3 : 2;
    this.stack = `${this.name}: ${this.message}`; // where the compiler threw it interests nobody
  }
}

/**
 * By file in the order they came, then by position. What two checks found at one place is said once: the check of
 * constructs repeats that of the top level, and a name of JavaScript's host has no type either.
 */
function inOrder(errors: SourceError[]): SourceError[] {
  const files = [...new Set(errors.map((e) => e.file))];
  const seen = new Set<string>();
  const sorted = [...errors].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
  return sorted.filter((e) => {
    const place = `${e.file}:${e.line}:${e.column}`;
    const repeats = e.kind === 'subset' || (e.kind === 'type' && e.message.startsWith('Cannot find name'));
    if ((repeats && e.line > 0 && seen.has(place)) || seen.has(`${place} ${e.message}`)) return false;
    seen.add(place).add(`${place} ${e.message}`);
    return true;
  });
}

/** The path as a person would type it. */
export function shortPath(file: string): string {
  const short = relative(process.cwd(), file);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? file : short;
}

function printOne(error: SourceError): string {
  const { line, column, text, advice } = error;
  const where = line > 0 ? `${shortPath(error.file)}:${line}:${column}` : shortPath(error.file);
  const lines = [`${where}: ${error.message}`];
  const margin = ' '.repeat(Math.max(4, String(line).length));
  if (line > 0 && text !== undefined && text.trim() !== '') {
    const upTo = text.slice(0, column - 1).replace(/[^\t]/g, ' '); // tabs stay, so that the caret is under its column
    lines.push(`${String(line).padStart(margin.length)} | ${text}`, `${margin} | ${upTo}^`);
  }
  if (advice !== undefined) lines.push(`${margin} = ${advice}`);
  return lines.join('\n');
}

function print(errors: SourceError[]): string {
  const parts = errors.slice(0, MOST).map(printOne);
  if (errors.length > MOST) parts.push(`... and ${errors.length - MOST} more`);
  return parts.join('\n\n');
}

/** Adds the source line to errors that only know their position. */
export function withText(errors: SourceError[], source: (file: string) => string | undefined): SourceError[] {
  return errors.map((e) =>
    e.text !== undefined || e.line === 0 ? e : { ...e, text: source(e.file)?.split(/\r?\n/)[e.line - 1] },
  );
}
