// The flight recorder on the command line: `--trace FILE`, and the last events after a failure.
import { closeSync, constants, fstatSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import type { ChromeTrace } from '../machine/chrome-types.js';
import type { EnvironmentFailure } from '../machine/errors.js';
import type { Machine } from '../machine/machine.js';
import { most_trace_events } from '../machine/options.js';
import { TRACE_FILE_EVENTS } from '../machine/params.js';
import { unwritable } from './files.js';
import type { Output } from './output.js';

/** Events of each CPU that are shown after a failure. */
const LAST_EVENTS = 10;
const CHUNK = 1 << 16;

const failure = (file: string, error: unknown): EnvironmentFailure => unwritable('--trace', file, error);

/** The file that `--trace` names. Opened before the run begins, so that a bad path does not cost a run. */
export class TraceFile {
  #written = false;
  private constructor(
    readonly file: string,
    private readonly fd: number,
    private readonly made: boolean,
  ) {}

  /** Throws EnvironmentFailure if the file cannot be written. What it holds is kept until `write`. */
  static open(file: string): TraceFile {
    try {
      let fd: number;
      let made = true;
      try {
        fd = openSync(file, 'wx');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        fd = openSync(file, constants.O_WRONLY);
        made = false;
      }
      return new TraceFile(file, fd, made);
    } catch (error) {
      throw failure(file, error);
    }
  }

  /**
   * Writes what the machine's flight recorder holds: call it before the machine is powered off. The last call counts.
   * Throws EnvironmentFailure. Return: the number of recorded events.
   */
  write(machine: Machine): number {
    const trace = machine.chromeTrace();
    try {
      const regular = fstatSync(this.fd).isFile();
      if (regular) ftruncateSync(this.fd, 0);
      let at = 0;
      for (const text of chunks(trace)) {
        const bytes = Buffer.from(text);
        for (let done = 0; done < bytes.length;) {
          const n = writeSync(this.fd, bytes, done, bytes.length - done, regular ? at : null);
          done += n;
          at += n;
        }
      }
    } catch (error) {
      throw failure(this.file, error);
    }
    this.#written = true;
    return trace.otherData['events'] as number;
  }

  /** Lets go of the file; one that was made for this and never written is removed. */
  close(): void {
    closeSync(this.fd);
    if (this.made && !this.#written) unlinkSync(this.file);
  }
}

/** The trace as JSON, an event a line: as one string it may be larger than a string can be. */
function* chunks({ traceEvents, ...rest }: ChromeTrace): Generator<string> {
  let text = `${JSON.stringify(rest).slice(0, -1)},"traceEvents":[\n`;
  for (const [i, event] of traceEvents.entries()) {
    text += (i === 0 ? '' : ',\n') + JSON.stringify(event);
    if (text.length < CHUNK) continue;
    yield text;
    text = '';
  }
  yield `${text}\n]}\n`;
}

/** What `trace_events` is to be for a machine of a run with `--trace`: undefined for the usual number without. */
export const traceEvents = (
  trace: string | undefined,
  { cpus, memory }: { cpus: number; memory: number },
): number | undefined =>
  trace === undefined ? undefined : Math.min(TRACE_FILE_EVENTS, most_trace_events(cpus, memory));

/** The last events of each CPU, a line each. Call it before the machine is powered off. */
export const lastEvents = (machine: Machine): string[] => machine.trace(LAST_EVENTS);

/** Prints them on stderr, beside what says what went wrong. Not with --quiet or --json. */
export function printEvents(lines: readonly string[], out: Output): void {
  if (lines.length === 0) return;
  out.detail([`The last ${LAST_EVENTS} events of each CPU (~: time is approximate):`, ...lines, '']);
}
