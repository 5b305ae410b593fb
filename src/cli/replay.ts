// `lockstep replay`: thin over the library in src/explore.
import type { ReplayOptions } from '../explore/index.js';
import type { InspectAddress } from '../explore/inspect.js';
import { UsageError } from '../machine/errors.js';
import type { CommonOptions } from './arguments.js';
import { printFailure, suppressionsOf, writePage } from './explore.js';
import { checkWritable, writeText } from './files.js';
import type { Interrupt } from './interrupt.js';
import { count, type Output } from './output.js';

export interface ReplayCommandOptions extends Omit<CommonOptions, 'cpus' | 'memory'> {
  /** The token has its own; another number is refused. */
  cpus?: number;
  memory?: number;
  times: number;
  hash: boolean;
  until?: number;
  show: string[];
  inspect?: InspectAddress;
  html?: string;
  trace?: string;
  suppressions?: string;
}

/** Return: the exit code; 1 if the failure happened again. */
export async function replayCommand(
  given: string,
  file: string | undefined,
  options: ReplayCommandOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  if (options.html !== undefined) checkWritable('--html', options.html);
  if (options.trace !== undefined) checkWritable('--trace', options.trace);
  const { replay } = await import('../explore/index.js');
  const { state_lines } = await import('../explore/machine-state.js');
  const { decode_token } = await import('../explore/token.js');
  const { read_token_file, TOKEN_FILE_SUFFIX } = await import('../explore/token-file.js');
  const saved = given.endsWith(TOKEN_FILE_SUFFIX) ? await read_token_file(given) : null;
  const token = saved?.token ?? given;
  const { cpus, memory } = decode_token(token);
  if (options.cpus !== undefined && options.cpus !== cpus)
    throw new UsageError(
      `--cpus ${options.cpus}: the token is of a machine with ${count(cpus, 'CPU')}, which replay always boots`,
    );
  if (options.memory !== undefined && options.memory !== memory)
    throw new UsageError(
      `--memory ${options.memory}: the token is of a machine with ${memory} bytes, which replay always boots`,
    );
  if (options.until !== undefined && (options.times > 1 || options.hash))
    throw new UsageError('--until stops in the middle: it cannot be given together with --times or --hash');
  const wanted: ReplayOptions = {
    check: options.check,
    times: options.times,
    hash: options.hash,
    ...(options.until !== undefined && { until: options.until }),
    show: options.show,
    ...(options.inspect !== undefined && { inspect: options.inspect }),
    suppressions: await suppressionsOf(options.suppressions),
  };
  const result = await interrupt.race(replay(token, file ?? saved?.module, wanted));
  const { failure, state } = result;
  out.result({ command: 'replay', token, cpus, ...result, exitCode: failure === null ? 0 : 1 });
  if (failure !== null) await printFailure(failure, out, options.quiet || options.times > 1);
  else for (const line of result.log) out.line(line);
  if (state !== null) {
    out.line();
    for (const line of state_lines(state)) out.line(line);
    out.line();
  }
  const again = options.times > 1 ? `, ${options.times.toLocaleString('en-US')} times alike` : '';
  const hash = result.hash === '' ? '' : `, hash over ${count(result.switches, 'switch')}: ${result.hash}`;
  const end = failure !== null ? '' : options.until !== undefined ? ' and stopped there' : ': nothing went wrong';
  if (!options.quiet) out.line(`Replayed ${count(result.steps, 'step')}${again}${hash}${end}`);
  if (failure !== null) await writePage(failure, options.html, out);
  if (failure !== null && options.trace !== undefined) {
    const { report_trace } = await import('../explore/report/trace.js');
    writeText('--trace', options.trace, JSON.stringify(report_trace(failure.report)));
    if (!out.quiet) out.line(`See it:     ${options.trace}, in ui.perfetto.dev`);
  }
  return failure === null ? 0 : 1;
}
