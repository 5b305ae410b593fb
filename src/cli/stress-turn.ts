// One test of `lockstep stress`, or several together: a machine of their own, rounds of insmod, idle, rmmod until the time
// is over or something breaks, and what that came to.
import type { LogRecord } from '../kernel/log-reader.js';
import { LockstepError } from '../machine/errors.js';
import { format_record } from '../machine/log-format.js';
import type { LoadableModule } from '../module/load.js';
import type { MachineCommandOptions } from './arguments.js';
import { Interrupted, type Interrupt } from './interrupt.js';
import { findings, findingText } from './locate.js';
import { summary } from './run.js';
import { Session } from './session.js';
import { switches, totals, type CpuRow } from './statistics.js';
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

/** A module with parameters, as a test runs it. */
export interface Loaded {
  name: string;
  file: string;
  parameters: Record<string, string>;
}

export interface Turn {
  name: string;
  /** What was loaded at the same time: one module, or several with --together. */
  modules: Loaded[];
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

/** Rounds so far, and on how many of them a task of the module ran on each CPU. */
interface Rounds {
  all: number;
  of: number[];
}
/** What the rounds on one machine came to. */
interface Part {
  rows: CpuRow[];
  failure: string | null;
  interrupted: boolean;
  events: string[];
  records: LogRecord[];
  proc: Record<string, string>;
  /** The time is over, or something ended the rounds before. */
  over: boolean;
}
/** What a round loads: of each file the tests that use it, one of them in turn, since a module is loaded but once. */
export type Together = readonly (readonly (Loaded & { module: LoadableModule })[])[];
/** Gets the events if the test fails, or `always`. */
type Trace = { file: TraceFile; always: boolean } | null;

export async function runTurn(
  name: string,
  together: Together,
  seconds: number,
  options: TurnOptions,
  interrupt: Interrupt,
  progress: Progress,
  trace: Trace,
): Promise<Turn> {
  const started = performance.now();
  const gone = (): number => (performance.now() - started) / 1000;
  const trace_events = traceEvents(options.trace, options);
  const boot = (): Promise<Session> =>
    Session.boot({ ...options, ...(trace_events !== undefined && { trace_events }) }, interrupt);
  let session = await boot();
  const end = performance.now() + seconds * 1000;
  const rounds: Rounds = { all: 0, of: new Array<number>(session.machine.cpus).fill(0) };
  let rows: CpuRow[] = [];
  let part: Part;
  for (;;) {
    part = await runPart(session, together, end, options, rounds, trace, (operations, over) =>
      progress(rounds.all, gone(), operations, over),
    );
    rows = addRows(rows, part.rows);
    if (part.over) break;
    try {
      session = await boot();
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      part.interrupted = true;
      break;
    }
  }
  rows.forEach((row, c) => (row.rounds = rounds.of[c]!));
  const { failure, interrupted, events, records, proc } = part;
  const found = findings(records).map(findingText);
  const last = failure === null ? LAST_LINES : Math.max(LAST_LINES, sinceFirst(records));
  return {
    name,
    modules: together.flat().map(({ name, file, parameters }) => ({ name, file, parameters })),
    rounds: rounds.all,
    seconds: gone(),
    rows,
    failure:
      failure !== null && found.length > 0 && !failure.includes(found[0]!) ? `${failure}; first: ${found[0]}` : failure,
    findings: found,
    events,
    log: records.slice(-last),
    proc,
    interrupted,
  };
}

/** Up to ROUNDS_PER_BOOT rounds on one machine, which is powered off at the end. */
async function runPart(
  session: Session,
  together: Together,
  end: number,
  options: TurnOptions,
  rounds: Rounds,
  trace: Trace,
  progress: (operations: readonly number[], over: number) => void,
): Promise<Part> {
  const { machine } = session;
  const count = new Operations(machine.cpus);
  const ticker = setInterval(() => {
    const { operations, over } = count.since(machine.statistics());
    progress(operations, over);
  }, PROGRESS_MS);
  const limit = options.round * 1000;
  let failure: string | null = null;
  let interrupted = false;
  let over = false;
  let events: string[] = [];
  let proc: Record<string, string> = {};
  try {
    await session.proc(options.proc); // refuses a wrong name before anything is done
    for (let n = 0; n < ROUNDS_PER_BOOT && !over; n++) {
      const before = switches(machine);
      const tests = together.map((ways) => ways[rounds.all % ways.length]!);
      for (const { module, parameters } of tests) await session.insmod(module, parameters, limit);
      const idle = await session.idle(limit); // the last round may go beyond the time: its threads must end
      const waiting = session.blocked();
      if (waiting.length > 0) events = lastEvents(machine); // not those of the unload
      if (options.proc.length > 0) proc = await session.proc(options.proc);
      for (const { module } of tests.reverse()) await session.rmmod(module, limit);
      failure = judge(session, waiting);
      if (failure !== null && !idle)
        failure += `; it was unloaded while it still ran: not idle within ${options.round} s (--round)`;
      if (failure !== null) break;
      rounds.all++;
      switches(machine).forEach((n, c) => (rounds.of[c]! += n > before[c]! ? 1 : 0));
      machine.records.splice(0, machine.records.length - LAST_LINES);
      over = performance.now() >= end;
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
  over ||= failure !== null || interrupted;
  machine.dmesg(); // takes what the ring still holds
  if (failure === null) events = [];
  else if (events.length === 0) events = lastEvents(machine);
  if (trace !== null && (failure !== null || (over && trace.always))) trace.file.write(machine);
  count.since(machine.statistics());
  const verdict = verdicts(machine.records, failure);
  const rows = machine.statistics().map((of, c) => ({
    cpu: of.cpu,
    rounds: 0,
    operations: count.total[c]!,
    contended: of.contended,
    migrations: of.migrations,
    switches: of.switches,
    interrupts: of.interrupts,
    worst_wait_ms: of.worst_wait_ms,
    verdict: verdict.get(of.cpu) ?? 'ok',
  }));
  await session.end();
  return { rows, failure, interrupted, events, records: machine.records, proc, over };
}

/** What a machine's CPUs counted, on top of what those before it did. */
const addRows = (past: readonly CpuRow[], rows: readonly CpuRow[]): CpuRow[] =>
  rows.map((row, c) => {
    const before = past[c];
    return before === undefined ? row : { ...row, ...totals([before, row]) };
  });

/** Operations of each CPU, whose own count is a word that wraps. */
class Operations {
  readonly total: number[];
  readonly #last: number[];
  #at = performance.now();
  constructor(cpus: number) {
    this.total = new Array<number>(cpus).fill(0);
    this.#last = new Array<number>(cpus).fill(0);
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
