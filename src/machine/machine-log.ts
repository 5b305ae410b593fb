// The log of a machine as the host keeps it: takes records out of the ring (or, if the CPU runs in this thread, from the
// timekeeper, which drains there), joins continuations, keeps the latest, and hands out what the serial console sends.
import { drain_uart } from '../drivers/serial/uart-host.js';
import { Continuations } from '../kernel/log-lines.js';
import { drain, log_wait, take_lost, type LogRecord } from '../kernel/log-reader.js';
import { format_record } from './log-format.js';
import { Mach } from './memory-map.js';
import type { MachineOptions } from './options.js';
import { LOG_KEPT } from './params.js';
import type { Pool } from './pool.js';

const PANIC = 'Kernel panic - not syncing: ';

export class MachineLog {
  /** The records so far, the latest LOG_KEPT of them. */
  readonly records: LogRecord[] = [];
  readonly #lines = new Continuations((record) => this.#keep(record));
  readonly #U16: Uint16Array;
  #following: Promise<void> | null = null;
  #ended = false;

  constructor(
    private readonly pool: Pool,
    private readonly options: Pick<MachineOptions, 'log' | 'console' | 'inline'>,
  ) {
    this.#U16 = new Uint16Array(pool.memory.buffer);
  }

  #keep(record: LogRecord): void {
    this.records.push(record);
    if (this.records.length > LOG_KEPT) this.records.splice(0, LOG_KEPT >> 2);
    this.options.log?.(record);
  }
  #add(records: LogRecord[]): boolean {
    for (const record of records) this.#lines.add(record);
    this.#lines.flush();
    return records.length > 0;
  }

  /** Takes what is there. Return: true if there was anything. */
  drain(): boolean {
    if (this.#ended) return false;
    this.#drain_console();
    if (this.options.inline === true) return this.#add(this.pool.inline_log());
    const { I32, U8, F64 } = this.pool;
    return drain(I32, U8, F64, (record) => this.#lines.add(record)) > 0;
  }
  /** The CPU runs in this thread: takes what the timekeeper has sent, without asking it for more. */
  drain_sent(): void {
    this.#add(this.pool.inline_sent());
  }
  #drain_console(): void {
    if (this.options.console === undefined) return;
    const bytes = drain_uart(this.pool.I32, this.#U16);
    if (bytes.length > 0) this.options.console(bytes);
  }

  /** Drains until `end`. */
  follow(): void {
    this.#following = this.#follow();
  }
  async #follow(): Promise<void> {
    while (!this.#ended) {
      if (!this.drain()) this.#lines.flush(); // nothing new: what was left open will not be continued soon
      await log_wait(this.pool.I32, 100);
    }
  }

  /** The last drain, when no CPU writes any more: what was left incomplete by one that was killed is passed over. */
  async end(): Promise<void> {
    this.#ended = true;
    if (this.options.inline === true) {
      this.drain_sent();
      this.#drain_console();
      return;
    }
    const { I32, U8, F64 } = this.pool;
    Atomics.store(I32, Mach.LOG_BELL >> 2, 0);
    Atomics.notify(I32, Mach.LOG_BELL >> 2);
    await this.#following;
    drain(I32, U8, F64, (record) => this.#lines.add(record), { skip_incomplete: true });
    this.#lines.flush();
    this.#drain_console();
    const lost = take_lost(I32);
    if (lost > 0) process.emitWarning(`lockstep: ${lost} log records were lost: the ring was full`);
  }

  /** The reason of the panic; '' if the log has none. */
  panic_reason(): string {
    this.drain();
    return this.records.findLast((record) => record.text.startsWith(PANIC))?.text.slice(PANIC.length) ?? '';
  }

  /** As dmesg prints it. */
  text(): string[] {
    this.drain();
    return this.records.map(format_record);
  }
}
