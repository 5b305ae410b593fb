// `lockstep stress`: the torture tests that ship, or a user's module, round after round on real parallel CPUs until the
// time is over or something breaks. What one test does is stress-turn.ts.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../machine/errors.js';
import { format_record } from '../machine/log-format.js';
import { shortPath } from '../module/errors.js';
import { loadModule, type LoadableModule } from '../module/load.js';
import { checkParameters, moduleParameters } from './arguments.js';
import { commandLine } from '../explore/command-line.js';
import type { Interrupt } from './interrupt.js';
import { count, type Output } from './output.js';
import { printProc } from './run.js';
import { number, printCpus, printTests, rate } from './statistics.js';
import { LAST_LINES, runTurn, turnResult, type Turn, type TurnOptions } from './stress-turn.js';
import { printEvents, TraceFile } from './trace.js';
import { select, tortureControls, tortureTests, type Control, type Test } from './torture.js';

export interface StressOptions extends Omit<TurnOptions, 'round'> {
  /** Not given: see ROUND_SECONDS. */
  round?: number;
  /** Of all tests together; of each with --broken. Not given: see DEFAULT_SECONDS. */
  seconds?: number;
  repeat: number;
  failFast: boolean;
  list: boolean;
  broken: boolean;
  /** All of them on one machine at the same time. */
  together: boolean;
}
/** What a round may take, of one module and of many. */
export const ROUND_SECONDS = { one: 10, together: 120 };
/** One module; each torture test; each broken variant. */
const DEFAULT_SECONDS = { file: 10, test: 3, control: 30 };

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

/** What `--json` and the closing table have of a test. */
interface Result extends Turn {
  verdict: string;
  /** With --broken: caught, as it was to be. */
  fine: boolean;
}

/** Return: the exit code. */
export async function stress(
  words: readonly string[],
  options: StressOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  const given = words.filter((word) => /^[A-Za-z_]\w*=/.test(word));
  const names = words.filter((word) => !given.includes(word));
  const parameters = moduleParameters(given);
  const tests = choose(names, options).filter((test) => !(options.together && test.alone));
  if (tests.length === 0) throw new UsageError(`${names.join(' ')}: runs only by itself, not with --together`);
  if (options.list) return list(tests, options, out);
  if (options.together && options.broken) throw new UsageError('--broken runs one variant at a time: not --together');
  const modules = await compile(tests, options, interrupt);
  const known = knownParameters(modules, parameters);
  const loaded = tests.map((test) => ({
    ...test,
    parameters: { ...test.parameters, ...known.get(test.file) },
    module: modules.get(test.file)!,
  }));
  const turns = options.together
    ? [{ name: 'together', tests: [...modules.keys()].map((file) => loaded.filter((test) => test.file === file)) }]
    : loaded.map((test) => ({ name: test.name, tests: [[test]] }));

  const each = options.broken
    ? (options.seconds ?? DEFAULT_SECONDS.control)
    : options.seconds === undefined
      ? DEFAULT_SECONDS[tests.length === 1 && tests[0]!.summary === '' ? 'file' : 'test']
      : null;
  const results: Result[] = [];
  let stop = false;
  const trace = options.trace === undefined ? null : TraceFile.open(options.trace);
  try {
    for (let pass = 1; pass <= options.repeat && !stop; pass++) {
      let left = options.seconds ?? 0;
      for (const [i, { name, tests: together }] of turns.entries()) {
        const seconds = each ?? left / (turns.length - i);
        const control = options.broken ? (tests[i] as Control) : null;
        const title = turns.length === 1 ? name : `${name} (${i + 1}/${turns.length})`;
        const turn = await runTurn(
          name,
          together,
          seconds,
          {
            ...options,
            cpus: Math.max(options.cpus, control?.cpus ?? 1),
            round: options.round ?? ROUND_SECONDS[options.together ? 'together' : 'one'],
          },
          interrupt,
          (rounds, gone, operations, over) =>
            out.status(`${title}: ${gone.toFixed(0)} s, ${count(rounds, 'round')}${rates(operations, over)}`),
          // The first failure's events, else those of the last test.
          trace === null || results.some((result) => !result.fine)
            ? null
            : { file: trace, always: pass === options.repeat && i === turns.length - 1 },
        );
        out.clearStatus();
        left = Math.max(0, left - turn.seconds);
        const result = judge(turn, control?.report ?? null);
        results.push(result);
        stop = turn.interrupted || (!result.fine && options.failFast);
        if (Object.keys(turn.proc).length > 0 && !options.quiet) {
          if (turns.length > 1) out.line(out.paint('bold', `== ${turn.name}`));
          printProc(turn.proc, out);
        }
        if (!result.fine && !turn.interrupted) explain(result, turns.length > 1, out);
        if (stop || interrupt.reason !== null) break;
      }
    }
  } finally {
    trace?.close();
  }
  return close(results, turns.length === 1, options, out, interrupt);
}

/** Files, or tests by name. */
function choose(names: readonly string[], options: StressOptions): Test[] {
  // One name may be that of an example of this package.
  const example = join(EXAMPLES, `${names[0]}.ts`);
  if (names.length === 1 && !options.list && !options.broken && !existsSync(names[0]!) && existsSync(example))
    return [{ name: shortPath(example), file: example, parameters: {}, summary: '', alone: false }];
  const files = names.filter((name) => existsSync(name) || /[/\\]|\.([cm]?[tj]s|c|ko)$/.test(name));
  if (files.length === 0) return select<Test>(options.broken ? tortureControls() : tortureTests(), names);
  if (names.length > files.length) throw new UsageError(`give files, or names of tests: ${names.join(' ')}`);
  if (options.broken)
    throw new UsageError('--broken is for the tests that ship; give broken=N to a module of your own');
  if (options.list) throw new UsageError('--list is for the tests that ship');
  return files.map((file) => ({ name: shortPath(file), file, parameters: {}, summary: '', alone: false }));
}

function list(tests: readonly Test[], options: StressOptions, out: Output): number {
  out.result({
    command: 'stress',
    list: tests.map(({ name, file, parameters, summary }) => ({ name, file, parameters, summary })),
  });
  const width = Math.max(...tests.map((test) => test.name.length));
  for (const test of tests) out.line(`${test.name.padEnd(width)}  ${test.summary}`);
  if (!options.broken) {
    out.line();
    out.line('Deliberately broken variants, which must be caught: lockstep stress --broken --list');
  }
  return 0;
}

/** By file. */
async function compile(
  tests: readonly Test[],
  options: StressOptions,
  interrupt: Interrupt,
): Promise<Map<string, LoadableModule>> {
  const made = new Map<string, LoadableModule>();
  for (const { file } of tests)
    if (!made.has(file))
      made.set(file, await interrupt.race(loadModule(file, { check: options.check, build: 'free' })));
  return made;
}

/** By file: those of the given parameters that the module has. Throws UsageError for one that none of them has. */
function knownParameters(
  modules: ReadonlyMap<string, LoadableModule>,
  given: Record<string, string>,
): Map<string, Record<string, string>> {
  const has = (module: LoadableModule, name: string): boolean => module.parameters.some((p) => p.name === name);
  const all = [...modules.values()];
  for (const name of Object.keys(given))
    if (!all.some((module) => has(module, name))) checkParameters(all[0]!, { [name]: given[name]! });
  return new Map(
    [...modules].map(([file, module]) => [
      file,
      Object.fromEntries(Object.entries(given).filter(([name]) => has(module, name))),
    ]),
  );
}

/** ` 1.2 M/s (CPU 0: 0.6 M/s, 1: 0.6 M/s)`, '' for a module that counts none. */
function rates(operations: readonly number[], over: number): string {
  const all = operations.reduce((sum, n) => sum + n, 0);
  if (all === 0) return '';
  const each =
    operations.length <= 8
      ? operations.map((n) => rate(n, over).replace('/s', '')).join(', ')
      : `${rate(Math.min(...operations), over)} to ${rate(Math.max(...operations), over)}`;
  return `, ${rate(all, over)} (${operations.length <= 8 ? 'CPUs: ' : 'of a CPU: '}${each})`;
}

function judge(turn: Turn, report: RegExp | null): Result {
  const { failure } = turn;
  if (report === null)
    return {
      ...turn,
      verdict: failure !== null ? 'FAILED' : turn.interrupted ? 'interrupted' : 'ok',
      fine: failure === null,
    };
  if (failure === null) return { ...turn, verdict: 'NOT CAUGHT', fine: false };
  const said = [failure, ...turn.log.map(format_record)].some((line) => report.test(line));
  return said
    ? { ...turn, verdict: `caught in ${turn.seconds.toFixed(1)} s`, fine: true }
    : { ...turn, verdict: 'caught, but by another report', fine: false };
}

/** The commands that narrow a failure down: for the modules that the log names, if there were several. */
function exploreHints(turn: Turn, options: StressOptions): string[] {
  const named = turn.modules.filter(({ file }) => turn.log.some(({ text }) => text.includes(`${shortPath(file)}:`)));
  return (named.length > 0 ? named : turn.modules).map(({ file, parameters }) =>
    commandLine(
      'lockstep',
      'explore',
      shortPath(file),
      ...Object.entries(parameters).map(([name, value]) => `${name}=${value}`),
      '--cpus',
      String(Math.min(options.cpus, 4)),
    ),
  );
}

/** What a failure shows at once, while the other tests go on. */
function explain(turn: Result, several: boolean, out: Output): void {
  if (several)
    out.line(out.paint('red', `${turn.name}: ${turn.verdict} in round ${turn.rounds + 1}: ${turn.failure ?? ''}`));
  out.line(`The log's last lines:`);
  for (const record of turn.log.slice(0, 2 * LAST_LINES)) out.log(record);
  out.line();
  printEvents(turn.events, out);
}

function close(
  results: readonly Result[],
  single: boolean,
  options: StressOptions,
  out: Output,
  interrupt: Interrupt,
): number {
  const failed = results.filter((result) => !result.fine && !result.interrupted);
  const exitCode = failed.length > 0 ? 1 : (interrupt.reason?.exitCode ?? 0);
  out.result({
    command: 'stress',
    cpus: options.cpus,
    memory: options.memory,
    chaos: options.chaos,
    broken: options.broken,
    exitCode,
    tests: results.map((result) => ({
      ...(turnResult(result) as object),
      ...(failed.includes(result) && !options.broken && { explore: exploreHints(result, options) }),
    })),
  });
  if (!options.quiet || failed.length > 0) {
    if (single && results.length === 1) {
      const [turn] = results as [Result];
      out.line(
        `${turn.name}: ${count(turn.rounds, 'round')} in ${turn.seconds.toFixed(1)} s on ${count(options.cpus, 'CPU')}`,
      );
      printCpus(turn.rows, turn.rounds, turn.seconds, turn.verdict, out);
    } else if (results.length > 0) printTests(results, out);
  }
  if (failed.length === 0) {
    if (interrupt.reason !== null) throw interrupt.reason;
    return 0;
  }
  out.line();
  const first = failed[0]!;
  if (options.broken)
    out.error(
      `${count(failed.length, 'broken variant')} not caught as expected: ${failed.map((f) => f.name).join(', ')}`,
    );
  else {
    out.error(
      failed.length === 1
        ? `${first.name} broke in round ${number(first.rounds + 1)}: ${first.failure}`
        : `${count(failed.length, 'test')} failed: ${failed.map((f) => f.name).join(', ')}`,
    );
    out.line('To find the interleaving and get a token that replays it:');
    for (const hint of new Set(failed.flatMap((turn) => exploreHints(turn, options)))) out.line(`  ${hint}`);
  }
  return 1;
}
