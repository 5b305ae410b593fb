// Replaying a token, as a library.
import { format_record } from '../machine/log-format.js';
import { UsageError } from '../machine/errors.js';
import { compileModule } from '../module/compile.js';
import { describe } from './failure.js';
import { changed_sources, find_in_history } from './history.js';
import { wait_for_debugger, type InspectAddress } from './inspect.js';
import { Follower, machine_state } from './machine-state.js';
import type { Failure, MachineState, Outcome, Suppression } from './outcome.js';
import { Session, type StaticDatum, type Watched } from './session.js';
import { find_statics } from './show.js';
import { Replay, ReplayDiverged } from './strategies/replay.js';
import { decode_token } from './token.js';

export interface ReplayOptions {
  /** What explore had: the token says it, another size is refused. */
  memory?: number;
  check?: boolean;
  /** Data races that explore was told to pass over: a token does not hold them. */
  suppressions?: readonly Suppression[];
  /** Replay this many times and compare the hashes of the memory at each switch; 1 when not given. */
  times?: number;
  /** Stops when so many steps have been made: `state` is what the machine is like there. */
  until?: number;
  /** Waits for a debugger there, pauses when the module is loaded, and closes it after the schedule. */
  inspect?: InspectAddress;
  /** Names of static data of the module (DEFINE_STATIC) that `state` tells of. */
  show?: readonly string[];
  /** Hash the memory at each switch. On when `times` is more than 1. */
  hash?: boolean;
}
export interface ReplayResult {
  /** With `until`: there; with `show` alone: at the end. Else null. */
  state: MachineState | null;
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
  if (!Number.isSafeInteger(times) || times < 1)
    throw new UsageError(`times: ${times} is not a whole number from 1 on`);
  const wanted = decode_token(token);
  if (options.memory !== undefined && options.memory !== wanted.memory)
    throw new UsageError(
      `the token is of a machine with ${wanted.memory >>> 20} MiB of memory, which replay always has`,
    );
  const path = file ?? (await find_in_history(wanted.module));
  const compiled = await compileModule(path, { build: 'stepped', check: options.check ?? true });
  if (compiled.hash.slice(0, 8) !== wanted.module) {
    const changed = await changed_sources(wanted.module);
    throw new UsageError(
      `the token was made from other sources than ${path} is now${changed === '' ? '' : `: ${changed}`}; it replays only exactly those (module ${wanted.module}, this is ${compiled.hash.slice(0, 8)})`,
    );
  }
  // Before the module is loaded: the client has to see it come.
  const close_debugger = options.inspect === undefined ? null : wait_for_debugger(options.inspect);
  const session = await Session.open(compiled, {
    cpus: wanted.cpus,
    max_steps: wanted.max_steps,
    parameters: Object.fromEntries(wanted.parameters),
    memory: wanted.memory,
    races: wanted.races,
    ...(options.suppressions !== undefined && { suppressions: options.suppressions }),
  });
  if (session.kernel_hash !== wanted.kernel)
    throw new UsageError(
      `the token was made by another build of Lockstep (kernel ${wanted.kernel}, this is ${session.kernel_hash}): explore again, or use that build`,
    );
  const strategy = new Replay(wanted.deviations);
  const statics = find_statics(session, options.show ?? []);
  if (close_debugger !== null) {
    // The module is loaded: set breakpoints in its source now, then go on.
    debugger;
    session.run(strategy, 0);
    close_debugger();
  }
  if (options.until !== undefined) return stopped(session, strategy, options.until, statics);
  const hashing = options.hash === true || times > 1;
  let first: Outcome | null = null;
  for (let i = 0; i < times; i++) {
    let outcome: Outcome;
    try {
      outcome = session.run(strategy, 0, hashing);
      strategy.finish();
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
    failure: outcome.verdict === null ? null : describe(session, wanted.deviations, 0, null),
    state: statics.length === 0 ? null : followed(session, strategy, statics),
    log,
    steps: outcome.steps,
    hash: hashing ? (outcome.hash >>> 0).toString(16).padStart(8, '0') : '',
    switches: outcome.switches,
    times,
  };
}

/** Replays the first `until` steps. */
function stopped(session: Session, strategy: Replay, until: number, statics: StaticDatum[]): ReplayResult {
  if (!Number.isSafeInteger(until) || until < 0)
    throw new UsageError(`until: ${until} is not a whole number from 0 on`);
  let follower: Follower;
  const follow = (machine: Watched): Follower => (follower = new Follower(machine));
  const found = session.run_until(strategy, until, follow, () => ({
    failure: null,
    state: machine_state(session, until, follower, statics),
    log: session.log().map(format_record),
    steps: until,
    hash: '',
    switches: 0,
    times: 1,
  }));
  if (found === null)
    throw new UsageError(
      `until: ${until} is beyond the end: the schedule has ${session.k.core.total_steps()} steps, and stops before the one after \`until\``,
    );
  return found;
}

/** The machine at the end of the schedule. */
function followed(session: Session, strategy: Replay, statics: StaticDatum[]): MachineState {
  let follower: Follower | undefined;
  session.trace((machine) => (follower = new Follower(machine)));
  const { steps } = session.run(strategy, 0);
  session.trace(null);
  follower!.end();
  return machine_state(session, steps, follower!, statics);
}
