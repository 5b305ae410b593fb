// `lockstep explore`: thin over the library in src/explore.
import type {
  Coverage,
  ExploreOptions,
  Failure,
  RaceCounts,
  Size,
  StrategyName,
  Suppression,
} from '../explore/index.js';
import { commandLine } from '../explore/command-line.js';
import { moduleParameters, type CommonOptions } from './arguments.js';
import { checkWritable, writeText } from './files.js';
import type { Interrupt } from './interrupt.js';
import { count, type Output } from './output.js';

export interface ExploreCommandOptions extends Omit<CommonOptions, 'memory'> {
  html?: string;
  memory?: number;
  schedules: number;
  seed: number;
  strategy: StrategyName;
  depth?: number;
  bound?: number;
  maxSteps?: number;
  minimise: boolean;
  races: boolean;
  suppressions?: string;
  /** Where the token is written as a file. */
  save?: string;
}

/** `3 switches, 1 interrupt`. */
function sizeText({ switches, interruptions }: Size): string {
  const parts = [count(switches, 'switch')];
  if (interruptions > 0) parts.push(count(interruptions, 'interrupt'));
  return parts.join(' and ');
}
function minimisedText({ before, after, schedules, complete }: NonNullable<Failure['minimised']>): string {
  const from = `${sizeText(before)} in ${count(before.steps, 'step')}`;
  const to = `${sizeText(after)} in ${count(after.steps, 'step')}`;
  return `Minimised from ${from} to ${to}, by ${count(schedules, 'schedule')}${complete ? '' : '; not to the end'}`;
}

const percent = (part: number): string =>
  part < 0.001 ? 'under 0.1 %' : `about ${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;

/** What a search that found nothing covered, in sentences. */
function coverageText({ bound, behaviours, no_choice }: Coverage): string[] {
  if (no_choice) return ['There is nothing to explore: whatever is chosen, the module does this one thing.'];
  const lines: string[] = [];
  if (bound?.all === true) lines.push('Covered: every interleaving there is.');
  else if (bound !== null && bound.completed >= 0)
    lines.push(`Covered: every interleaving with at most ${count(bound.completed, 'preemption')}.`);
  if (bound?.all !== true && typeof bound?.searching === 'number')
    lines.push(`Not covered: those with ${count(bound.searching, 'preemption')}, where the search ended.`);
  const about = behaviours.exact ? '' : 'about ';
  lines.push(
    `Seen: ${about}${count(behaviours.distinct, 'different order')} of the accesses to what is shared, ` +
      `${behaviours.recent.toLocaleString('en-US')} of them first in the last half of the schedules. ` +
      `The chance that another schedule shows a new one is ${percent(behaviours.chance_of_new)}.`,
  );
  return lines;
}

export async function suppressionsOf(file: string | undefined): Promise<Suppression[]> {
  return file === undefined ? [] : (await import('../explore/suppressions.js')).read_suppressions(file);
}
/** What the race detector has to say beside what was found. */
function racesText(races: RaceCounts | null, out: Output): void {
  if (races === null) return;
  if (races.suppressed > 0) out.line(`${count(races.suppressed, 'report')} of data races suppressed`);
  for (const { pattern } of races.unused) out.line(`The suppression '${pattern}' matched nothing`);
  if (races.lost > 0) out.line(`${count(races.lost, 'schedule')} too large to be looked at for data races as a whole`);
}

/** Return: the exit code. */
export async function exploreCommand(
  file: string,
  given: readonly string[],
  options: ExploreCommandOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  const parameters = moduleParameters(given);
  if (options.html !== undefined) checkWritable('--html', options.html);
  if (options.save !== undefined) checkWritable('--save', options.save);
  // Loaded here: `run` and `stress` start faster without it.
  const { explore } = await import('../explore/index.js');
  const suppressions = await suppressionsOf(options.suppressions);
  const wanted: ExploreOptions = {
    cpus: options.cpus,
    ...(options.memory !== undefined && { memory: options.memory }),
    schedules: options.schedules,
    seed: options.seed,
    ...(options.maxSteps !== undefined && { maxSteps: options.maxSteps }),
    strategy: options.strategy,
    ...(options.depth !== undefined && { depth: options.depth }),
    ...(options.bound !== undefined && { bound: options.bound }),
    parameters,
    minimise: options.minimise,
    races: options.races,
    suppressions,
    signal: interrupt.signal,
    onProgress: (schedules) =>
      out.status(`${schedules.toLocaleString('en-US')} of ${options.schedules.toLocaleString('en-US')} schedules`),
    onMinimise: (schedules, best) =>
      out.status(`found; minimising: ${schedules.toLocaleString('en-US')} tried, ${sizeText(best)} left`),
  };
  const { compileModule } = await import('../module/compile.js');
  const compiled = await interrupt.race(compileModule(file, { build: 'stepped', check: options.check }));
  // Not raced: what it has found, or minimised so far, is kept when it is interrupted.
  const result = await explore(compiled, wanted);
  out.clearStatus();
  const { failure } = result;
  // Of a few schedules it would be a figure about starting up.
  const perSecond = Math.round((result.schedules / result.elapsed_ms) * 1000);
  const rate = result.schedules < 100 ? '' : ` (${perSecond.toLocaleString('en-US')}/s)`;
  const effort =
    `${count(result.schedules, 'schedule')} (${result.distinct === 1 ? '1 outcome' : count(result.distinct, 'different outcome')}), ` +
    `${count(result.steps, 'step')} in ${(result.elapsed_ms / 1000).toFixed(2)} s${rate}`;
  const replay =
    failure === null
      ? ''
      : [
          failure.report.replay,
          ...(options.suppressions === undefined ? [] : [commandLine('--suppressions', options.suppressions)]),
        ].join(' ');
  out.result({
    command: 'explore',
    file,
    parameters,
    ...result,
    exitCode: failure !== null ? 1 : (interrupt.reason?.exitCode ?? 0),
    ...(replay && { replay }),
  });
  if (failure === null) {
    out.line(`${effort}: nothing found`);
    if (!options.quiet) for (const line of coverageText(result.coverage)) out.line(line);
    racesText(result.races, out);
    if (interrupt.reason !== null) throw interrupt.reason;
    return 0;
  }
  await printFailure(failure, out, options.quiet);
  if (!options.quiet) {
    if (result.coverage.no_choice) out.line('It fails whatever is chosen: before that there is nothing to choose.');
    out.line(`Found by schedule ${failure.schedule.toLocaleString('en-US')}: ${effort}`);
    if (failure.minimised !== null) out.line(minimisedText(failure.minimised));
    racesText(result.races, out);
  }
  out.line(`Replay it:  ${replay}`);
  await writePage(failure, options.html, out);
  if (options.save !== undefined) await saveToken(options.save, failure, file, out);
  return 1;
}

/** Throws EnvironmentFailure, after everything else has been printed. */
async function saveToken(path: string, failure: Failure, file: string, out: Output): Promise<void> {
  const { save_token } = await import('../explore/token-file.js');
  await save_token(path, failure, file);
  if (!out.quiet) out.line(`Saved:      ${commandLine('lockstep', 'replay', path)}`);
}

/** The page that --html names: last, so that everything else is on the screen if it cannot be written. */
export async function writePage(failure: Failure, file: string | undefined, out: Output): Promise<void> {
  if (file === undefined) return;
  const { report_html } = await import('../explore/report/html.js');
  writeText('--html', file, report_html(failure.report));
  if (!out.quiet) out.line(`See it:     ${file}`);
}

export async function printFailure(failure: Failure, out: Output, quiet: boolean): Promise<void> {
  const { report_text } = await import('../explore/report/text.js');
  const { verdict, message } = failure;
  const named = message.toLowerCase().startsWith(verdict.toLowerCase());
  out.line(out.paint('red', named ? message : `${verdict}: ${message}`));
  if (quiet) return;
  out.line();
  out.line(report_text(failure.report, { width: out.width, colour: out.colour }));
  if (failure.race !== null) {
    out.line();
    for (const line of (await import('../explore/race-text.js')).race_lines(failure.race)) out.line(line);
  }
  if (failure.log.length > 0) {
    out.line();
    for (const line of failure.log) out.line(line);
  }
  out.line();
}
