// One test of `lockstep stress`: a machine of its own, rounds of insmod, idle, rmmod until the time is over or something
// breaks, and what that came to.
import type { LogRecord } from '../kernel/log-reader.js';
import { LockstepError } from '../machine/errors.js';
import { format_record } from '../machine/log-format.js';
import type { Machine } from '../machine/machine.js';
import type { CompiledModule } from '../module/compile.js';
import type { MachineCommandOptions } from './arguments.js';
import { Interrupted, type Interrupt } from './interrupt.js';
import { findings, findingText } from './locate.js';
import { summary } from './run.js';
import { Session } from './session.js';
import { switches, type CpuRow } from './statistics.js';
import { lastEvents, traceEvents, type TraceFile } from './trace.js';

export interface TurnOptions extends MachineCommandOptions {
  /** Longest a round may take to get idle before the module is unloaded all the same, in seconds. */
  round: number;
  /** Seed of random delays, null for none. */
  chaos: number | null;
  /** The file of --trace: its presence makes the flight recorder longer. */
  trace?: string;
}

/** Lines of the log that a failure shows, and that are kept for it. */
export const LAST_LINES = 30;
const PROGRESS_MS = 250;
/** Rounds of one machine: addresses of functions are not used twice within a boot, so a machine does not last for ever. */
const ROUNDS_PER_BOOT = 100;

export interface Turn {
  name: string;
  file: string;
  module: string;
  parameters: Record<string, string>;
  rounds: number;
  seconds: number;
  rows: CpuRow[];
  /** Null: nothing broke. */
  failure: string | null;
  findings: string[];
  /** The last events of each CPU when it broke. */
  events: string[];
  log: LogRecord[];
  /** Texts of /proc files, before the last round's module was unloaded. */
  proc: Record<string, string>;
  /** Set when the turn was cut short by Ctrl-C or a closed pipe. */
  interrupted: boolean;
}
/** For --json. */
export const turnResult = ({ log, ...turn }: Turn): unknown => ({ ...turn, log: log.map(format_record) });

/** Told while the rounds go on: rounds so far, and operations of each CPU since the last time, and of how many seconds. */
export type Progress = (rounds: number, gone: number, operations: readonly number[], over: number) => void;

export async function runTurn(
  test: { name: string; parameters: Record<string, string> },
  module: CompiledModule,
  seconds: number,
  options: TurnOptions,
  interrupt: Interrupt,
  progress: Progress,
  /** Gets the events if the test fails, or `always`. */
  trace: { file: TraceFile; always: boolean } | null,
): Promise<Turn> {
  const started = performance.now();
  const trace_events = traceEvents(options.trace, options);
  const boot = (): Promise<Session> =>
    Session.boot({ ...options, ...(trace_events !== undefined && { trace_events }) }, interrupt);
  let session = await boot();
  let { machine } = session;
  const past = new Past(machine.cpus);
  const rounds = { all: 0, of: new Array<number>(machine.cpus).fill(0) };
  const count = new Operations(machine.cpus);
  const ticker = setInterval(() => {
    const { operations, over } = count.since(machine.statistics());
    progress(rounds.all, (performance.now() - started) / 1000, operations, over);
  }, PROGRESS_MS);
  const end = performance.now() + seconds * 1000;
  const limit = options.round * 1000;
  let failure: string | null = null;
  let interrupted = false;
  let events: string[] = [];
  let proc: Record<string, string> = {};
  try {
    await session.proc(options.proc); // refuses a wrong name before anything is done
    for (;;) {
      const before = switches(machine);
      await session.insmod(module, test.parameters, limit);
      const idle = await session.idle(limit); // the last round may go beyond the time: its threads must end
      const waiting = session.blocked();
      if (waiting.length > 0) events = lastEvents(machine); // not those of the unload
      if (options.proc.length > 0) proc = await session.proc(options.proc);
      await session.rmmod(module, limit);
      failure = judge(session, waiting);
      if (failure !== null && !idle)
        failure += `; it was unloaded while it still ran: not idle within ${options.round} s (--round)`;
      if (failure !== null) break;
      rounds.all++;
      switches(machine).forEach((n, c) => (rounds.of[c]! += n > before[c]! ? 1 : 0));
      machine.records.splice(0, machine.records.length - LAST_LINES);
      if (performance.now() >= end) break;
      if (rounds.all % ROUNDS_PER_BOOT !== 0) continue;
      past.add(machine, count);
      await session.end();
      session = await boot();
      ({ machine } = session);
    }
  } catch (error) {
    // A finding that the machine died of is a verdict; a source that is refused or a short memory is none.
    if (error instanceof LockstepError && error.exitCode === 1) failure = error.message;
    else if (error instanceof Interrupted) interrupted = true;
    else {
      await session.end();
      throw error;
    }
  } finally {
    clearInterval(ticker);
  }
  machine.dmesg(); // takes what the ring still holds
  if (failure === null) events = [];
  else if (events.length === 0) events = lastEvents(machine);
  if (trace !== null && (failure !== null || trace.always)) trace.file.write(machine);
  past.add(machine, count);
  const rows = past.rows(rounds.of, count, verdicts(machine.records, failure));
  await session.end();

  const found = findings(machine.records).map(findingText);
  const last = failure === null ? LAST_LINES : Math.max(LAST_LINES, sinceFirst(machine.records));
  return {
    name: test.name,
    file: module.file,
    module: module.name,
    parameters: test.parameters,
    rounds: rounds.all,
    seconds: (performance.now() - started) / 1000,
    rows,
    failure:
      failure !== null && found.length > 0 && !failure.includes(found[0]!) ? `${failure}; first: ${found[0]}` : failure,
    findings: found,
    events,
    log: machine.records.slice(-last),
    proc,
    interrupted,
  };
}

/** What the CPUs counted on the machines of a turn, one after the other. */
class Past {
  readonly #rows: CpuRow[];
  constructor(cpus: number) {
    this.#rows = Array.from({ length: cpus }, (_, cpu) => ({
      cpu,
      rounds: 0,
      operations: 0,
      contended: 0,
      migrations: 0,
      switches: 0,
      interrupts: 0,
      worst_wait_ms: 0,
      verdict: 'ok',
    }));
  }
  /** Before the machine is powered off. */
  add(machine: Machine, count: Operations): void {
    count.since(machine.statistics());
    count.reset();
    for (const [c, of] of machine.statistics().entries()) {
      const row = this.#rows[c]!;
      row.contended += of.contended;
      row.migrations += of.migrations;
      row.switches += of.switches;
      row.interrupts += of.interrupts;
      row.worst_wait_ms = Math.max(row.worst_wait_ms, of.worst_wait_ms);
    }
  }
  rows(rounds: readonly number[], count: Operations, verdicts: ReadonlyMap<number, string>): CpuRow[] {
    return this.#rows.map((row, c) => ({
      ...row,
      rounds: rounds[c] ?? 0,
      operations: count.total[c]!,
      verdict: verdicts.get(c) ?? 'ok',
    }));
  }
}

/** Operations of each CPU, whose own count is a word that wraps. */
class Operations {
  readonly total: number[];
  readonly #last: number[];
  #at = performance.now();
  constructor(cpus: number) {
    this.total = new Array<number>(cpus).fill(0);
    this.#last = new Array<number>(cpus).fill(0);
  }
  /** The next counts are those of a new machine. */
  reset(): void {
    this.#last.fill(0);
  }
  since(statistics: readonly { operations: number }[]): { operations: number[]; over: number } {
    const now = performance.now();
    const over = (now - this.#at) / 1000;
    this.#at = now;
    const operations = statistics.map((of, c) => {
      const more = (of.operations - this.#last[c]!) >>> 0;
      this.#last[c] = of.operations;
      this.total[c]! += more;
      return more;
    });
    return { operations, over };
  }
}

/** What is wrong after a round, null if nothing is. */
function judge(session: Session, waiting: readonly string[]): string | null {
  const { oopses, warnings, reports } = session.verdict;
  const blocked = session.machine.tasks > 0 ? waiting : [];
  if (oopses + warnings + reports + blocked.length === 0) return null;
  return (
    summary({ oopses, warnings, reports, blocked: blocked.length }) + blocked.map((line) => `\n  ${line}`).join('')
  );
}

/** How many records there are from the first finding on. */
function sinceFirst(records: readonly LogRecord[]): number {
  const first = findings(records)[0];
  return first === undefined ? 0 : records.length - records.indexOf(first.record);
}

/** The worst that each CPU's own log lines say. */
function verdicts(records: readonly LogRecord[], failure: string | null): Map<number, string> {
  const found = new Map<number, string>();
  const rank = (text: string): number => ['ok', 'WARNING', 'BUG', 'oops', 'panic', 'dead'].indexOf(text);
  const note = (cpu: number, verdict: string): void => {
    if (rank(verdict) > rank(found.get(cpu) ?? 'ok')) found.set(cpu, verdict);
  };
  for (const { record, text } of findings(records))
    note(
      record.cpu,
      text.startsWith('WARNING')
        ? 'WARNING'
        : text.startsWith('BUG')
          ? 'BUG'
          : text.startsWith('Kernel')
            ? 'panic'
            : 'oops',
    );
  const dead = /(?<!panic on )CPU (\d+)(?: died|:)/.exec(failure ?? '');
  if (dead !== null) note(Number(dead[1]), 'dead');
  return found;
}
