// Replaying a token, as a library.
import { format_record } from '../machine/log-format.js';
import { UsageError } from '../machine/errors.js';
import { compileModule } from '../module/compile.js';
import { describe, type Failure } from './failure.js';
import { find_in_history } from './history.js';
import type { Outcome } from './outcome.js';
import { Session } from './session.js';
import { Replay, ReplayDiverged } from './strategies/replay.js';
import { decode_token } from './token.js';

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
  if (!Number.isSafeInteger(times) || times < 1)
    throw new UsageError(`times: ${times} is not a whole number from 1 on`);
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
  const strategy = new Replay(wanted.deviations);
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
    log,
    steps: outcome.steps,
    hash: hashing ? (outcome.hash >>> 0).toString(16).padStart(8, '0') : '',
    switches: outcome.switches,
    times,
  };
}
