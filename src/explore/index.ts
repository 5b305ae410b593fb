// Exploring and replaying, as a library. See session.ts for one schedule.
import { performance } from 'node:perf_hooks';
import { format_record } from '../machine/log-format.js';
import { UsageError } from '../machine/errors.js';
import { compileModule, type CompiledModule } from '../module/compile.js';
import type { Strategy } from '../stepped/strategy.js';
import { find_in_history, remember } from './history.js';
import { interleaving, type Interleaving } from './interleaving.js';
import type { CountedResults, Outcome, VerdictKind } from './outcome.js';
import { Session } from './session.js';
import { RandomWalk } from './strategies/random-walk.js';
import { Replay, ReplayDiverged } from './strategies/replay.js';
import { decode_token, encode_token } from './token.js';

export type { CountedResults, Outcome, VerdictKind } from './outcome.js';

export interface ExploreOptions {
  /** 1 to 64; 4 when not given. */
  cpus?: number;
  /** Bytes; see STEPPED_MEMORY in params.ts. A token does not hold it: give replay the same. */
  memory?: number;
  /** At most this many; 10,000 when not given. */
  schedules?: number;
  /** Decides all that is random; 1 when not given. */
  seed?: number;
  /** A schedule longer than this is a livelock. */
  maxSteps?: number;
  strategy?: 'random';
  parameters?: Record<string, string | number | boolean>;
  /** False: no type check. */
  check?: boolean;
  /** Go on after a failure; the first one is reported. */
  keepGoing?: boolean;
  /** A schedule goes on after a warning or an oops, as the free-running build does. Its token would not: none is made. */
  toTheEnd?: boolean;
  onProgress?(schedules: number): void;
  /** Called with each schedule's outcome and log: what the differential test compares. */
  onOutcome?(outcome: Outcome, log: () => LogLine[], results: () => CountedResults): void;
  /** Ends the search: an AbortSignal, say. */
  signal?: { readonly aborted: boolean };
}
export interface LogLine {
  pid: number;
  level: number;
  text: string;
}

export interface Failure {
  verdict: VerdictKind;
  message: string;
  /** Replays it. */
  token: string;
  /** Which schedule of the search. */
  schedule: number;
  /** The log, as dmesg prints it. */
  log: string[];
  /** What happened, a column for each CPU. */
  interleaving: string;
}
export interface ExploreResult {
  schedules: number;
  steps: number;
  /** Logs that differ from each other, time stamps aside: the behaviours seen. */
  distinct: number;
  elapsed_ms: number;
  failure: Failure | null;
  /** How many schedules failed; 0 or 1 unless keepGoing. */
  failures: number;
}

const make_strategy = (name: string, seed: number): Strategy => {
  if (name === 'random') return new RandomWalk(seed);
  throw new UsageError(`there is no strategy '${name}'; there is: random`);
};

function check_count(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${name}: ${value} is not a whole number from 1 on`);
}

/**
 * Searches the interleavings of a module for one that breaks it. Throws SourceErrors, UsageError, EnvironmentFailure.
 * The calling thread is busy meanwhile; it lets its event loop run a few times a second.
 */
export async function explore(file: string | CompiledModule, options: ExploreOptions = {}): Promise<ExploreResult> {
  const schedules = options.schedules ?? 10_000;
  check_count('schedules', schedules);
  const seed = options.seed ?? 1;
  if (!Number.isSafeInteger(seed)) throw new UsageError(`seed: ${seed} is not a whole number`);
  const strategy = make_strategy(options.strategy ?? 'random', seed);
  const compiled =
    typeof file === 'string' ? await compileModule(file, { build: 'stepped', check: options.check ?? true }) : file;
  const session = await Session.open(compiled, session_options(compiled, options));
  session.to_the_end = options.toTheEnd === true;
  const began = performance.now();
  const behaviours = new Set<string>();
  let steps = 0;
  let failures = 0;
  let first: { schedule: number; token: string } | null = null;
  let done = 0;
  let breath = began;
  for (; done < schedules && options.signal?.aborted !== true;) {
    const outcome = session.run(strategy, done);
    steps += outcome.steps;
    behaviours.add(behaviour(session, outcome));
    options.onOutcome?.(
      outcome,
      () => session.log().map(({ pid, level, text }) => ({ pid, level, text })),
      () => session.results,
    );
    if (outcome.verdict !== null) {
      failures++;
      first ??= { schedule: done, token: token_of(session) };
    }
    done++;
    if (first !== null && options.keepGoing !== true) break;
    if ((done & 63) === 0 && performance.now() - breath > 200) {
      options.onProgress?.(done);
      await new Promise((resolve) => setImmediate(resolve));
      breath = performance.now();
    }
  }
  const elapsed_ms = performance.now() - began;
  const failure = first === null || session.to_the_end ? null : await describe(session, first.token, first.schedule);
  return { schedules: done, steps, distinct: behaviours.size, elapsed_ms, failure, failures };
}

function session_options(
  compiled: CompiledModule,
  options: {
    cpus?: number;
    memory?: number;
    maxSteps?: number;
    parameters?: Record<string, string | number | boolean>;
  },
): {
  cpus?: number;
  memory?: number;
  max_steps?: number;
  parameters?: Record<string, string | number | boolean>;
} {
  for (const name of Object.keys(options.parameters ?? {})) {
    if (compiled.parameters.some((p) => p.name === name)) continue;
    const known = compiled.parameters.map((p) => p.name).join(', ');
    throw new UsageError(
      `${compiled.name} has no parameter '${name}'${known === '' ? ': it has none' : `; it has: ${known}`}`,
    );
  }
  return {
    ...(options.cpus !== undefined && { cpus: options.cpus }),
    ...(options.memory !== undefined && { memory: options.memory }),
    ...(options.maxSteps !== undefined && { max_steps: options.maxSteps }),
    ...(options.parameters !== undefined && { parameters: options.parameters }),
  };
}

/** What a person could tell two runs apart by; on which CPU it happened is not part of it. */
function behaviour(session: Session, outcome: Outcome): string {
  if (outcome.verdict === null && !session.has_log) return '\n'; // the usual one: no string is made
  const text = session.has_log
    ? session
        .log()
        .map((r) => (r.text.startsWith('CPU: ') ? '' : `${r.pid}:${r.text}`))
        .join('\n')
    : '';
  return `${outcome.verdict ?? ''}\n${text}`;
}

function token_of(session: Session): string {
  return encode_token({
    kernel: session.kernel_hash,
    module: session.compiled.hash.slice(0, 8),
    cpus: session.cpus,
    max_steps: session.max_steps,
    memory: session.memory,
    parameters: session.parameters,
    choices: session.choices,
  });
}

/** Runs the failing schedule once more, traced. */
async function describe(session: Session, token: string, schedule: number): Promise<Failure> {
  const replayed = new Replay(decode_token(token).choices);
  const steps = interleaving(session, () => session.run(replayed, 0));
  if (steps.outcome.verdict === null)
    throw new Error(
      'the schedule that failed does not fail again: the stepped machine is not deterministic; please report this',
    );
  await remember(token, session.compiled, session.parameters);
  return {
    verdict: steps.outcome.verdict,
    message: located(steps),
    token,
    schedule,
    log: session.log().map(format_record),
    interleaving: steps.text,
  };
}

/** The message, and where the tasks were if it does not say so itself. */
function located({ outcome, where }: Interleaving): string {
  if (outcome.verdict !== 'deadlock' && outcome.verdict !== 'livelock' && outcome.verdict !== 'init')
    return outcome.message;
  const named = (task: string): boolean =>
    outcome.verdict === 'init' ? task.startsWith('insmod/') : outcome.message.includes(task);
  const places = [...where].filter(([task]) => named(task)).map(([task, place]) => `${task} is at ${place}`);
  return [outcome.message, ...places].join('; ');
}

export interface ReplayOptions {
  /** What explore had: the token says it, another size is refused. */
  memory?: number;
  check?: boolean;
  /** Replay this many times and compare the hashes of the memory at each switch; 1 when not given. */
  times?: number;
  /** Hash the memory at each switch. On when `times` is more than 1. */
  hash?: boolean;
}
export interface ReplayResult {
  failure: Failure | null;
  log: string[];
  steps: number;
  /** 8 hex digits over the memory at every switch; empty unless asked for. */
  hash: string;
  /** How many switches were hashed. */
  switches: number;
  times: number;
}

/**
 * Does exactly what the token recorded. Without `file` the module is found by its hash in the local history. Throws
 * UsageError if the token is damaged or was made from other sources, another kernel build or another version.
 */
export async function replay(token: string, file?: string, options: ReplayOptions = {}): Promise<ReplayResult> {
  const times = options.times ?? 1;
  check_count('times', times);
  const wanted = decode_token(token);
  if (options.memory !== undefined && options.memory !== wanted.memory)
    throw new UsageError(
      `the token is of a machine with ${wanted.memory >>> 20} MiB of memory, which replay always has`,
    );
  const path = file ?? (await find_in_history(wanted.module));
  const compiled = await compileModule(path, { build: 'stepped', check: options.check ?? true });
  if (compiled.hash.slice(0, 8) !== wanted.module)
    throw new UsageError(
      `the token was made from other sources than ${path} is now: it replays only exactly those (module ${wanted.module}, this is ${compiled.hash.slice(0, 8)})`,
    );
  const session = await Session.open(compiled, {
    cpus: wanted.cpus,
    max_steps: wanted.max_steps,
    parameters: Object.fromEntries(wanted.parameters),
    memory: wanted.memory,
  });
  if (session.kernel_hash !== wanted.kernel)
    throw new UsageError(
      `the token was made by another build of Lockstep (kernel ${wanted.kernel}, this is ${session.kernel_hash}): explore again, or use that build`,
    );
  const strategy = new Replay(wanted.choices);
  const hashing = options.hash === true || times > 1;
  let first: Outcome | null = null;
  for (let i = 0; i < times; i++) {
    let outcome: Outcome;
    try {
      outcome = session.run(strategy, 0, hashing);
    } catch (error) {
      if (error instanceof ReplayDiverged)
        throw new UsageError(`the token does not fit this machine: ${error.message}`);
      throw error;
    }
    first ??= outcome;
    if (outcome.hash !== first.hash || outcome.steps !== first.steps || outcome.switches !== first.switches)
      throw new Error(
        `replay ${i + 1} differs from the first one (steps ${outcome.steps} and ${first.steps}, hash ${outcome.hash} and ${first.hash}); please report this`,
      );
  }
  const outcome = first!;
  const log = session.log().map(format_record);
  return {
    failure: outcome.verdict === null ? null : await describe(session, token, 0),
    log,
    steps: outcome.steps,
    hash: hashing ? (outcome.hash >>> 0).toString(16).padStart(8, '0') : '',
    switches: outcome.switches,
    times,
  };
}
