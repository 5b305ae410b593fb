// Host side: records of the log to lines as dmesg shows them.
import type { LogRecord } from './log-reader.js';

/** `[    0.001234] `: seconds since boot. */
export function stamp(ts: number): string {
  const us = Math.max(0, Math.floor(ts / 1000));
  const seconds = String(Math.floor(us / 1_000_000)).padStart(5);
  return `[${seconds}.${String(us % 1_000_000).padStart(6, '0')}] `;
}

/** The lines of a record, each with its time: one, unless the text has newlines in it. */
export function record_lines(record: LogRecord): string[] {
  const prefix = stamp(record.ts);
  const lines: string[] = [];
  if (record.lost > 0) lines.push(`${prefix}** ${record.lost} printk messages dropped **`);
  for (const line of record.text.split('\n')) lines.push(prefix + line);
  return lines;
}

/**
 * Joins continuations (KERN_CONT) to the record that they continue. A record that may be continued is held until the
 * next record comes, as in Linux, or until `flush`: the host calls that when the ring has been empty for a while.
 */
export class Continuations {
  #held: LogRecord | null = null;
  readonly #take: (record: LogRecord) => void;

  constructor(take: (record: LogRecord) => void) {
    this.#take = take;
  }

  add(record: LogRecord): void {
    const held = this.#held;
    if (held !== null && record.cont && record.lost === 0 && record.pid === held.pid && record.cpu === held.cpu) {
      this.#held = { ...held, text: held.text + record.text, open: record.open };
      if (!record.open) this.flush();
      return;
    }
    this.flush();
    if (record.open) this.#held = record;
    else this.#take(record);
  }

  flush(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#take(held);
  }
}
