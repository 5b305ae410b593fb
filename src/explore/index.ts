// Exploring and replaying, as a library. See session.ts for one schedule.
import { performance } from 'node:perf_hooks';
import { UsageError } from '../machine/errors.js';
import { compileModule, type CompiledModule } from '../module/compile.js';
import type { Strategy } from '../stepped/strategy.js';
import { remember } from './history.js';
import type { Choice } from './choices.js';
import { as_recorded, describe } from './failure.js';
import { minimise, type Minimised } from './minimise.js';
import type { CountedResults, Failure, Outcome, RaceCounts, Size, Suppression } from './outcome.js';
import { Session } from './session.js';
import { RandomWalk } from './strategies/random-walk.js';

export type {
  CountedResults,
  Failure,
  Outcome,
  RaceAccess,
  RaceReport,
  Size,
  Suppression,
  VerdictKind,
} from './outcome.js';
export type { ScheduleReport } from './report/schedule.js';
export { replay, type ReplayOptions, type ReplayResult } from './replay.js';

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
  /** Look for data races, see docs/races.md; false when not given. */
  races?: boolean;
  /** Races that are meant, each with the reason why. */
  suppressions?: readonly Suppression[];
  /** Go on after a failure; the first one is reported. */
  keepGoing?: boolean;
  /** A schedule goes on after a warning or an oops, as the free-running build does. Its token would not: none is made. */
  toTheEnd?: boolean;
  onProgress?(schedules: number): void;
  /** False: the schedule that failed is reported as it was found, however long. */
  minimise?: boolean;
  /** While the failure is minimised: candidates so far, size of the best one. */
  onMinimise?(schedules: number, best: Size): void;
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

export interface ExploreResult {
  schedules: number;
  steps: number;
  /** Logs that differ from each other, time stamps aside: the behaviours seen. */
  distinct: number;
  elapsed_ms: number;
  failure: Failure | null;
  /** How many schedules failed; 0 or 1 unless keepGoing. */
  failures: number;
  /** Null if none were looked for. */
  races: RaceCounts | null;
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
  const session = await Session.open(compiled, {
    ...session_options(compiled, options),
    races: options.races === true,
    ...(options.suppressions !== undefined && { suppressions: options.suppressions }),
  });
  session.to_the_end = options.toTheEnd === true;
  const began = performance.now();
  const behaviours = new Set<string>();
  let steps = 0;
  let failures = 0;
  let first: { schedule: number; choices: Choice[]; outcome: Outcome } | null = null;
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
      first ??= { schedule: done, choices: session.choices, outcome };
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
  const failure = first === null || session.to_the_end ? null : await shrunk(session, first, options);
  return {
    schedules: done,
    steps,
    distinct: behaviours.size,
    elapsed_ms,
    failure,
    failures,
    races: session.race_counts,
  };
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

async function shrunk(
  session: Session,
  { schedule, choices, outcome }: { schedule: number; choices: Choice[]; outcome: Outcome },
  options: ExploreOptions,
): Promise<Failure> {
  let minimised: Minimised | null = null;
  if (options.minimise !== false)
    minimised = await minimise(session, choices, outcome, { signal: options.signal, onProgress: options.onMinimise });
  const failure = describe(session, minimised?.deviations ?? as_recorded(session, choices), schedule, minimised);
  await remember(failure.token, session.compiled, session.parameters);
  return failure;
}
