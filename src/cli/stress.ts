// `lockstep stress`: rounds of insmod, idle, rmmod on one machine until the time is over or something breaks. Without a
// file all examples that are meant to pass take turns, each with its share of the time.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogRecord } from '../kernel/log-reader.js';
import { LockstepError, UsageError } from '../machine/errors.js';
import { format_record } from '../machine/log-format.js';
import { compileModule, type CompiledModule } from '../module/compile.js';
import { shortPath } from '../module/errors.js';
import { checkParameters, moduleParameters, type CommonOptions } from './arguments.js';
import { commandLine } from './explore.js';
import { Interrupted, type Interrupt } from './interrupt.js';
import { findings, findingText } from './locate.js';
import { count, type Output } from './output.js';
import { summary } from './run.js';
import { Session } from './session.js';
import { cpuRows, printTable, switches, type CpuRow } from './statistics.js';

export interface StressOptions extends CommonOptions {
  seconds: number;
  /** Longest a round may take to get idle before the module is unloaded all the same, in seconds. */
  round: number;
  watchdog: number;
  heap: number;
}

/** Examples with this in their first comment are there to be found failing. */
const MEANT_TO_FAIL = /^\/\/.*meant to fail/im;
const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
/** Lines of the log that a failure shows, and that are kept for it. */
const LAST_LINES = 30;

/** What one module's turn came to. */
interface Turn {
  file: string;
  module: string;
  rounds: number;
  seconds: number;
  rows: CpuRow[];
  failure: string | null;
  findings: string[];
  log: string[];
}

/** Return: the exit code. */
export async function stress(
  file: string | undefined,
  given: readonly string[],
  options: StressOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  const parameters = moduleParameters(given);
  const files = file === undefined ? passingExamples() : [exampleOr(file)];
  const modules: CompiledModule[] = [];
  for (const f of files) modules.push(await interrupt.race(compileModule(f, { check: options.check, build: 'free' })));
  for (const module of modules) checkParameters(module, parameters);

  const turns: Turn[] = [];
  let left = options.seconds;
  for (const [i, module] of modules.entries()) {
    const turn = await stressOne(module, parameters, left / (modules.length - i), options, out, interrupt);
    turns.push(turn);
    left = Math.max(0, left - turn.seconds);
    if (turn.failure !== null || interrupt.reason !== null) break;
  }
  const failed = turns.find((turn) => turn.failure !== null);
  const exitCode = failed !== undefined ? 1 : (interrupt.reason?.exitCode ?? 0);
  const hint =
    failed &&
    commandLine('lockstep', 'explore', shortPath(failed.file), ...given, '--cpus', String(Math.min(options.cpus, 4)));
  out.result({
    command: 'stress',
    parameters,
    cpus: options.cpus,
    memory: options.memory,
    exitCode,
    turns,
    ...(hint !== undefined && { explore: hint }),
  });
  if (failed === undefined && interrupt.reason !== null) throw interrupt.reason;
  if (failed === undefined) return 0;
  out.error(
    `${shortPath(failed.file)} broke in round ${(failed.rounds + 1).toLocaleString('en-US')}: ${failed.failure}`,
  );
  out.line();
  out.line(`To find the interleaving and get a token that replays it:\n  ${hint}`);
  return 1;
}

/** The examples of this package that are meant to pass. */
function passingExamples(): string[] {
  const files = existsSync(EXAMPLES) ? readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts')) : [];
  const passing = files
    .sort()
    .map((name) => join(EXAMPLES, name))
    .filter((f) => !MEANT_TO_FAIL.test(readFileSync(f, 'utf8')));
  if (passing.length === 0) throw new UsageError('there are no examples to run: give the file of a module');
  return passing;
}
/** A file, or the name of an example of this package. */
function exampleOr(file: string): string {
  const example = join(EXAMPLES, `${file}.ts`);
  return !existsSync(file) && basename(file) === file && existsSync(example) ? example : file;
}

async function stressOne(
  module: CompiledModule,
  parameters: Record<string, string>,
  seconds: number,
  options: StressOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<Turn> {
  const name = shortPath(module.file);
  const started = performance.now();
  const session = await Session.boot(options, interrupt);
  const { machine } = session;
  const rounds = { all: 0, of: new Array<number>(machine.cpus).fill(0) };
  const end = performance.now() + seconds * 1000;
  const limit = options.round * 1000;
  let failure: string | null = null;
  let rows: CpuRow[] = [];
  try {
    while (failure === null && performance.now() < end) {
      const before = switches(machine);
      await session.insmod(module, parameters, limit);
      const idle = await session.idle(limit); // the last round may go beyond the time: its threads must end
      const waiting = session.blocked();
      await session.rmmod(module, limit);
      failure = judge(session, waiting);
      if (failure !== null && !idle)
        failure += `; it was unloaded while it still ran: not idle within ${options.round} s (--round)`;
      if (failure !== null) break;
      rounds.all++;
      switches(machine).forEach((n, c) => (rounds.of[c]! += n > before[c]! ? 1 : 0));
      machine.records.splice(0, machine.records.length - LAST_LINES);
      const gone = (performance.now() - started) / 1000;
      out.status(`${name}: ${gone.toFixed(0)} s, ${count(rounds.all, 'round')} (${Math.round(rounds.all / gone)}/s)`);
    }
  } catch (error) {
    // A finding that the machine died of is a verdict; a source that is refused or a short memory is none.
    if (error instanceof LockstepError && error.exitCode === 1) failure = error.message;
    else if (!(error instanceof Interrupted)) {
      await session.end();
      throw error;
    }
  }
  machine.dmesg(); // takes what the ring still holds
  rows = cpuRows(machine, rounds.of, verdicts(machine.records, failure));
  await session.end();
  out.clearStatus();

  const found = findings(machine.records).map(findingText);
  const log = machine.records.slice(
    failure === null ? -LAST_LINES : -Math.max(LAST_LINES, sinceFirst(machine.records)),
  );
  const turn: Turn = {
    file: module.file,
    module: module.name,
    rounds: rounds.all,
    seconds: (performance.now() - started) / 1000,
    rows,
    failure:
      failure !== null && found.length > 0 && !failure.includes(found[0]!) ? `${failure}; first: ${found[0]}` : failure,
    findings: found,
    log: log.map(format_record),
  };
  if (!options.quiet || failure !== null) {
    out.line(
      `${name}: ${count(turn.rounds, 'round')} in ${turn.seconds.toFixed(1)} s on ${count(machine.cpus, 'CPU')}`,
    );
    printTable(rows, turn.rounds, failure === null ? 'ok' : 'FAILED', out);
    out.line();
  }
  if (failure !== null) {
    out.line(`The log's last lines:`);
    for (const record of log.slice(0, 2 * LAST_LINES)) out.log(record);
    out.line();
  }
  return turn;
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
