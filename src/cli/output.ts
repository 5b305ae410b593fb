// What the command line prints, and where: results and the kernel log on stdout, notes and errors on stderr. Colour and
// the status line only on a terminal; with --json nothing but one object goes to stdout. A reader that closes the pipe
// (`| head`) is no error: `onClosed` ends the command.
import { writeSync } from 'node:fs';
import type { LogRecord } from '../kernel/log-reader.js';
import { format_record } from '../machine/log-format.js';

/** Syslog levels: up to here a line tells of something wrong. */
const WARNING = 4;
const ERROR = 3;

type Colour = 'red' | 'yellow' | 'green' | 'bold' | 'dim';
const CODES: Record<Colour, string> = { red: '31', yellow: '33', green: '32', bold: '1', dim: '2' };

const wantsColour = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

export class Output {
  /** Set by the command's options before it prints anything. */
  json = false;
  quiet = false;
  /** Called once when nobody reads stdout any more. */
  onClosed: () => void = () => {};
  #closed = false;
  #status = false;
  #lastStatus = 0;
  readonly #colour = wantsColour(process.stdout);
  readonly #errorColour = wantsColour(process.stderr);

  constructor() {
    for (const stream of [process.stdout, process.stderr])
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') this.#fatal(error);
        if (this.#closed || stream !== process.stdout) return;
        this.#closed = true;
        this.onClosed();
      });
  }
  #fatal(error: Error): void {
    // The stream that failed may be stderr itself: try it once, without the stream.
    try {
      writeSync(2, `lockstep: cannot write the output: ${error.message}\n`);
    } finally {
      process.exit(3);
    }
  }

  #write(text: string): void {
    this.clearStatus();
    if (!this.#closed) process.stdout.write(text);
  }

  /** Whether stdout shows colours. */
  get colour(): boolean {
    return this.#colour;
  }
  /** Characters of a line of stdout; 100 if that is no terminal. */
  get width(): number {
    return process.stdout.isTTY ? process.stdout.columns || 80 : 100;
  }
  paint(colour: Colour, text: string): string {
    return this.#colour ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
  }

  /** A line of the result. Not with --json. */
  line(text = ''): void {
    if (!this.json) this.#write(`${text}\n`);
  }

  /** A record of the kernel log as dmesg shows it. With --quiet only what tells of something wrong. */
  log(record: LogRecord): void {
    if (this.json || (this.quiet && record.level > WARNING)) return;
    const text = format_record(record);
    this.#write(
      `${record.level <= ERROR ? this.paint('red', text) : record.level === WARNING ? this.paint('yellow', text) : text}\n`,
    );
  }

  /** The one object of --json. */
  result(value: unknown): void {
    if (this.json)
      this.#write(`${JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v), 2)}\n`);
  }

  /** Something worth knowing that is no result. */
  note(text: string): void {
    if (this.quiet) return;
    this.clearStatus();
    process.stderr.write(`lockstep: ${text}\n`);
  }

  /** Lines on stderr that explain what went wrong. Not with --quiet or --json. */
  detail(lines: readonly string[]): void {
    if (this.quiet || this.json) return;
    this.clearStatus();
    process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** What went wrong: once, at the end. */
  error(text: string): void {
    this.clearStatus();
    const head = this.#errorColour ? `\x1b[${CODES.red}mlockstep:\x1b[0m` : 'lockstep:';
    process.stderr.write(`${head} ${text}\n`);
  }

  /** Progress: one line that the next one replaces, on a terminal only, at most ten times a second. */
  status(text: string): void {
    if (!process.stderr.isTTY || this.quiet || this.json) return;
    const now = performance.now();
    if (this.#status && now - this.#lastStatus < 100) return;
    this.#lastStatus = now;
    this.#status = true;
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  }
  clearStatus(): void {
    if (!this.#status) return;
    this.#status = false;
    process.stderr.write('\r\x1b[K');
  }
}

/** `1 warning`, `3 warnings`. */
export const count = (n: number, what: string): string =>
  `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : /(s|x|ch|sh)$/.test(what) ? 'es' : 's'}`;
