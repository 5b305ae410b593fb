// What a machine can be told at boot and with a module, and the checks of it.
import { inspect } from 'node:util';
import type { LogRecord } from '../kernel/log-reader.js';
import { BREAKS } from '../cpu/break.js';
import { UsageError } from './errors.js';
import {
  DEFAULT_MEMORY,
  MAX_CPUS,
  MAX_HEAP_MIB,
  MAX_MEMORY,
  MIN_HEAP_MIB,
  MIN_MEMORY,
  TRACE_EVENTS,
  TRACE_MAX_EVENTS,
  TRACE_MEMORY_PART,
  TRACE_MIN_EVENTS,
} from './params.js';

const TRACE_RECORD = 32;

export interface MachineOptions {
  /** 1 to 64; 4 when not given. */
  cpus?: number;
  /** Bytes of memory, a multiple of 64 KiB; 64 MiB when not given. */
  memory?: number;
  /** Called for each log record, in order. */
  log?: (record: LogRecord) => void;
  /** Called with what the serial console sends: the log as a terminal on the machine's 16550A sees it. */
  console?: (bytes: Uint8Array) => void;
  /** An oops ends the machine (panic_on_oops). */
  panic_on_oops?: boolean;
  /** A soft lock-up ends the machine too (softlockup_panic). */
  panic_on_lockup?: boolean;
  /** Limits of the detectors in milliseconds, times CPUs per core; see params.ts for those taken when not given. */
  soft_lockup_ms?: number;
  hard_lockup_ms?: number;
  hung_task_ms?: number;
  rcu_stall_ms?: number;
  /**
   * The only CPU (cpus: 1) runs in this thread, while a method of the machine is being called: for profilers that see
   * the main thread only. If it hangs the process is killed, after a report. One such machine at a time.
   */
  inline?: boolean;
  /** JavaScript heap of each CPU in MiB. */
  heap_mib?: number;
  /** Seed (32 bits) of random delays, spurious interrupts and forced switches at steps, which widen races' windows. */
  chaos?: number;
  /**
   * Records of each CPU's flight recorder: a power of two from 64 to 131072, 0 for none; TRACE_EVENTS of params.ts when not
   * given. 32 bytes each; all recorders together may take a quarter of the memory.
   */
  trace_events?: number;
  /** Breaks parts of the kernel on purpose, for tests that must be able to fail: names from cpu/break.ts. */
  break_for_test?: string[];
  /** A boot that takes longer than this has failed. */
  boot_ms?: number;
}

/** What happened on a machine that a run should fail for. */
export interface Verdict {
  oopses: number;
  warnings: number;
  reports: number;
}

const KNOWN: ReadonlySet<string> = new Set<keyof MachineOptions>([
  'cpus',
  'memory',
  'log',
  'console',
  'panic_on_oops',
  'panic_on_lockup',
  'soft_lockup_ms',
  'hard_lockup_ms',
  'hung_task_ms',
  'rcu_stall_ms',
  'inline',
  'heap_mib',
  'chaos',
  'trace_events',
  'break_for_test',
  'boot_ms',
]);

/** Throws UsageError. `inline_taken`: a machine runs in this thread already. Return: with the defaults filled in. */
export function check_options(
  options: MachineOptions,
  inline_taken: boolean,
): { cpus: number; memory: number; trace_events: number } {
  if (typeof options !== 'object' || options === null)
    throw new UsageError(`Machine.boot takes an object of options, not ${inspect(options)}`);
  for (const name of Object.keys(options))
    if (!KNOWN.has(name)) throw new UsageError(`there is no option '${name}'; there are: ${[...KNOWN].join(', ')}`);
  const cpus = options.cpus ?? 4;
  const memory = options.memory ?? DEFAULT_MEMORY;
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS)
    throw new UsageError(`cpus: ${inspect(cpus)} is not a whole number from 1 to ${MAX_CPUS}`);
  if (!Number.isInteger(memory) || memory < MIN_MEMORY || memory > MAX_MEMORY || memory % 65536 !== 0)
    throw new UsageError(
      `memory: ${inspect(memory)} bytes is not a multiple of 64 KiB from ${MIN_MEMORY >> 20} MiB to ${MAX_MEMORY >> 20} MiB`,
    );
  const { heap_mib } = options;
  if (heap_mib !== undefined && !(Number.isInteger(heap_mib) && heap_mib >= MIN_HEAP_MIB && heap_mib <= MAX_HEAP_MIB))
    throw new UsageError(
      `heap_mib: ${inspect(heap_mib)} is not a whole number of MiB from ${MIN_HEAP_MIB} to ${MAX_HEAP_MIB}`,
    );
  for (const name of ['soft_lockup_ms', 'hard_lockup_ms', 'hung_task_ms', 'rcu_stall_ms', 'boot_ms'] as const) {
    const ms = options[name];
    if (ms !== undefined && !(typeof ms === 'number' && ms >= 0))
      throw new UsageError(`${name}: ${inspect(ms)} is not a number of milliseconds`);
  }
  if (options.inline === true && cpus !== 1)
    throw new UsageError(`inline: a machine in the calling thread has one CPU, not ${cpus}`);
  if (options.inline === true && inline_taken)
    throw new UsageError('inline: there is such a machine in this thread already');
  const { chaos } = options;
  if (chaos !== undefined && !(Number.isInteger(chaos) && chaos >= 0 && chaos <= 0xffffffff))
    throw new UsageError(`chaos: ${chaos} is no seed: a whole number from 0 to 4294967295`);
  for (const name of options.break_for_test ?? []) break_bit(name);
  const trace_events = options.trace_events ?? TRACE_EVENTS;
  check_trace_events(trace_events, cpus, memory);
  return { cpus, memory, trace_events };
}
function check_trace_events(n: number, cpus: number, memory: number): void {
  if (n === 0) return;
  if (!Number.isInteger(n) || (n & (n - 1)) !== 0 || n < TRACE_MIN_EVENTS || n > TRACE_MAX_EVENTS)
    throw new UsageError(
      `trace_events: ${n} is neither 0 nor a power of two from ${TRACE_MIN_EVENTS} to ${TRACE_MAX_EVENTS}`,
    );
  const most = most_trace_events(cpus, memory);
  if (n > most)
    throw new UsageError(
      `trace_events: ${n} for each of ${cpus} CPUs is too much for ${memory >> 20} MiB of memory: at most ${most}`,
    );
}
/** The most that a machine of this shape may have. */
export function most_trace_events(cpus: number, memory: number): number {
  const records = memory / TRACE_MEMORY_PART / cpus / TRACE_RECORD;
  return Math.min(TRACE_MAX_EVENTS, 2 ** Math.floor(Math.log2(records)));
}
/** The bit of a name of break_for_test. */
export function break_bit(name: string): number {
  const bit = BREAKS[name];
  if (bit === undefined)
    throw new UsageError(`break_for_test: there is no '${name}'; there are: ${Object.keys(BREAKS).join(', ')}`);
  return bit;
}

/** Parameters as insmod gives them. */
export const parameter_texts = (parameters: Record<string, string | number | boolean>): [string, string][] =>
  Object.entries(parameters).map(([name, value]) => [
    name,
    value === true ? 'y' : value === false ? 'n' : String(value),
  ]);
