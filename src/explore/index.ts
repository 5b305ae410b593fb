// Exploring and replaying, as a library. See session.ts for one schedule.
import { performance } from 'node:perf_hooks';
import { UsageError } from '../machine/errors.js';
import { compileModule, type CompiledModule } from '../module/compile.js';
import { remember } from './history.js';
import type { Choice } from './choices.js';
import { as_recorded, describe } from './failure.js';
import { minimise, type Minimised } from './minimise.js';
import type { Coverage } from './coverage.js';
import type { CountedResults, Failure, Outcome, RaceCounts, Size, Suppression } from './outcome.js';
import { Search } from './search.js';
import type { Session, SessionOptions } from './session.js';
import { make_strategy, type StrategyName } from './strategies/index.js';

export type { BoundCoverage, Coverage, Variety } from './coverage.js';
export type {
  CountedResults,
  Failure,
  Outcome,
  RaceAccess,
  RaceCounts,
  RaceReport,
  Size,
  Suppression,
  VerdictKind,
} from './outcome.js';
export type { StrategyName } from './strategies/index.js';
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
  /** How to choose; 'portfolio', a mixture of all, when not given. See docs/explore.md. */
  strategy?: StrategyName;
  /** Of strategy 'pct': how many orders a bug needs, from 1 on; 3 when not given. */
  depth?: number;
  /** Of strategies 'bounded' and 'portfolio': at most so many preemptions, from 0 on. Without it 'bounded' has no limit. */
  bound?: number;
  parameters?: Record<string, string | number | boolean>;
  /** False: no type check. */
  check?: boolean;
  /** Look for data races, see docs/races.md; true when not given, unless `toTheEnd` is. */
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
  /** Logs that differ from each other, time stamps aside. */
  distinct: number;
  coverage: Coverage;
  elapsed_ms: number;
  failure: Failure | null;
  /** How many schedules failed; 0 or 1 unless keepGoing. */
  failures: number;
  /** Null if none were looked for. */
  races: RaceCounts | null;
}

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
  make_strategy(options); // wrong options are refused before anything is compiled
  const compiled =
    typeof file === 'string' ? await compileModule(file, { build: 'stepped', check: options.check ?? true }) : file;
  const machine = {
    ...session_options(compiled, options),
    races: options.races ?? options.toTheEnd !== true,
    ...(options.suppressions !== undefined && { suppressions: options.suppressions }),
  };
  const search = await Search.open(compiled, machine, options);
  const { session } = search;
  session.to_the_end = options.toTheEnd === true;
  const began = performance.now();
  let failures = 0;
  let first: { schedule: number; choices: Choice[]; outcome: Outcome } | null = null;
  let breath = began;
  for (let number = 0; search.schedules < schedules && !search.exhausted && !aborted(options); number++) {
    const outcome = search.run(number);
    if (outcome === null) continue;
    options.onOutcome?.(
      outcome,
      () => session.log().map(({ pid, level, text }) => ({ pid, level, text })),
      () => session.results,
    );
    if (outcome.verdict !== null) {
      failures++;
      first ??= { schedule: number, choices: session.choices, outcome };
      if (options.keepGoing !== true) break;
    }
    if ((search.schedules & 63) === 0 && performance.now() - breath > 200) {
      options.onProgress?.(search.schedules);
      await new Promise((resolve) => setImmediate(resolve));
      breath = performance.now();
    }
  }
  const elapsed_ms = performance.now() - began;
  const races = session.race_counts; // of the search: minimising runs more schedules
  const failure = first === null || session.to_the_end ? null : await shrunk(session, first, options);
  const { steps, coverage } = search;
  return {
    schedules: search.schedules,
    steps,
    distinct: coverage.outcomes.distinct,
    coverage,
    elapsed_ms,
    failure,
    failures,
    races,
  };
}

const aborted = (options: ExploreOptions): boolean => options.signal?.aborted === true;

function session_options(
  compiled: CompiledModule,
  options: Pick<ExploreOptions, 'cpus' | 'memory' | 'maxSteps' | 'parameters' | 'races' | 'suppressions'>,
): SessionOptions {
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
    races: options.races === true,
    ...(options.suppressions !== undefined && { suppressions: options.suppressions }),
  };
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
