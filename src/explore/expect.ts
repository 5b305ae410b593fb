// For tests: a search or a replay that found something as an error whose message is the report, under any test runner.
import { MachineFailure } from '../machine/errors.js';
import type { CompiledModule } from '../module/compile.js';
import { explore, type ExploreOptions, type ExploreResult } from './index.js';
import type { Failure, VerdictKind } from './outcome.js';

/** A schedule of a module failed. The message is what happened and how to replay it. */
export class ExplorationError extends MachineFailure {
  override name = 'ExplorationError';
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(
      [
        `${failure.verdict}: ${failure.message}`,
        '',
        failure.interleaving.trimEnd(),
        ...(failure.log.length === 0 ? [] : ['', ...failure.log]),
        '',
        `Replay it:  ${failure.report.replay}`,
      ].join('\n'),
    );
    this.failure = failure;
  }
}

/** Throws ExplorationError if a schedule failed: `throwIfFailed(await replay(token))`. Return: what was given. */
export function throwIfFailed<T extends { failure: Failure | null }>(result: T): T {
  if (result.failure !== null) throw new ExplorationError(result.failure);
  return result;
}

/**
 * Explores the module and throws ExplorationError at the first schedule that fails. Return: what the search covered.
 * Throws SourceErrors, UsageError, EnvironmentFailure as `explore` does.
 */
export async function expectNoFailure(
  file: string | CompiledModule,
  options: ExploreOptions = {},
): Promise<ExploreResult> {
  return throwIfFailed(await explore(file, options));
}

/**
 * The control beside it: explores a module that is known to be broken. Return: how it failed. Throws if no schedule
 * failed, or the first one that did failed otherwise than `wanted` says.
 */
export async function expectFailure(
  file: string | CompiledModule,
  wanted: { verdict?: VerdictKind; message?: RegExp | string } = {},
  options: ExploreOptions = {},
): Promise<Failure> {
  const { failure, schedules } = await explore(file, options);
  const name = typeof file === 'string' ? file : file.file;
  if (failure === null)
    throw new MachineFailure(
      `${name} should have failed, and did not in ${schedules.toLocaleString('en-US')} schedules`,
    );
  const { verdict, message } = wanted;
  const matches =
    message === undefined ||
    (typeof message === 'string' ? failure.message.includes(message) : message.test(failure.message));
  if ((verdict !== undefined && verdict !== failure.verdict) || !matches) {
    const error = new ExplorationError(failure);
    error.message = `${name} failed otherwise than expected (${[verdict, message].filter((w) => w !== undefined).join(', ')}):\n${error.message}`;
    throw error;
  }
  return failure;
}
