// `lockstep run`: boot, insmod, wait until idle, rmmod, power off. The kernel log is the output.
import type { CpuStatistics } from '../machine/statistics.js';
import { EnvironmentFailure, MachineFailure } from '../machine/errors.js';
import type { Machine } from '../machine/machine.js';
import { shortPath } from '../module/errors.js';
import { loadModule, type LoadableModule } from '../module/load.js';
import { checkParameters, moduleParameters, type MachineCommandOptions } from './arguments.js';
import type { Interrupt } from './interrupt.js';
import { findings, findingText } from './locate.js';
import { count, type Output } from './output.js';
import { Session } from './session.js';
import { lastEvents, printEvents, traceEvents, TraceFile } from './trace.js';

export interface RunOptions extends MachineCommandOptions {
  /** Seconds to wait for the machine to get idle; 0 for ever. */
  timeout: number;
  /** File for the flight recorder's events. */
  trace?: string;
}

/** Return: the exit code. */
export async function run(
  file: string,
  given: readonly string[],
  options: RunOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  const parameters = moduleParameters(given);
  const module = await interrupt.race(loadModule(file, { check: options.check, build: 'free' }));
  checkParameters(module, parameters);
  const limit = options.timeout === 0 ? Infinity : options.timeout * 1000;
  const trace = options.trace === undefined ? null : TraceFile.open(options.trace);
  try {
    return await runModule(module, parameters, limit, options, trace, out, interrupt);
  } finally {
    trace?.close();
  }
}

async function runModule(
  module: LoadableModule,
  parameters: Record<string, string>,
  limit: number,
  options: RunOptions,
  trace: TraceFile | null,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  const trace_events = traceEvents(options.trace, options);
  const session = await Session.boot(
    { ...options, log: (record) => out.log(record), ...(trace_events !== undefined && { trace_events }) },
    interrupt,
  );
  const { machine } = session;
  let traceFailure: EnvironmentFailure | null = null;
  let events: string[] = [];
  let failure: MachineFailure | null = null;
  let blocked: string[] = [];
  let statistics: CpuStatistics[] = [];
  let proc: Record<string, string> = {};
  try {
    await session.proc(options.proc); // refuses a wrong name before anything is done
    await session.insmod(module, parameters, limit);
    if (!(await session.idle(limit)))
      out.note(`still not idle after ${options.timeout} s (--timeout): unloading ${module.name} now`);
    const waiting = session.blocked();
    if (waiting.length > 0) events = lastEvents(machine); // not those of the unload
    proc = await session.proc(options.proc);
    if (!(await session.rmmod(module, limit)))
      out.note(`${module.name} has no module_exit: it stays loaded until power-off, as in Linux`);
    if (machine.tasks > 0) blocked = waiting;
  } catch (error) {
    if (!(error instanceof MachineFailure)) throw error;
    failure = error;
  } finally {
    if (trace !== null) traceFailure = writeTrace(trace, machine, out);
    const { oopses, warnings, reports } = machine.verdict;
    const stuck = machine.failure !== null || failure?.message.includes('never returns') === true;
    if (blocked.length === 0 && (oopses + warnings + reports > 0 || stuck)) events = lastEvents(machine);
    statistics = await session.end();
  }

  const { oopses, warnings, reports } = machine.verdict;
  const failed = failure !== null || oopses + warnings + reports > 0 || blocked.length > 0;
  const found = findings(machine.records).map(findingText);
  const message = failure?.message ?? (failed ? summary({ oopses, warnings, reports, blocked: blocked.length }) : '');
  out.result({
    command: 'run',
    file: module.file,
    module: module.name,
    parameters,
    cpus: machine.cpus,
    memory: options.memory,
    exitCode: failed ? 1 : (traceFailure?.exitCode ?? 0),
    ...(failed && { message }),
    oopses,
    warnings,
    reports,
    findings: found,
    blocked,
    ...(failed && events.length > 0 && { events }),
    log: machine.records.map(({ ts, level, cpu, pid, text }) => ({ seconds: ts / 1e9, level, cpu, pid, text })),
    statistics,
    ...(options.proc.length > 0 && { proc }),
  });
  printProc(proc, out);
  if (traceFailure !== null) out.error(traceFailure.message);
  if (!failed) return traceFailure?.exitCode ?? 0;
  printEvents(events, out);
  // A failed init has its own place; for the rest the first finding is the cause.
  const first = found.length > 0 && !message.includes(found[0]!) ? `\n  first: ${found[0]}` : '';
  const left = blocked.map((line) => `\n  left blocked for good: ${line}`).join('');
  out.error(`${shortPath(module.file)} failed: ${message}${first}${left}`);
  return 1;
}

/** The texts of /proc files, each under its name. */
export function printProc(texts: Readonly<Record<string, string>>, out: Output): void {
  for (const [name, text] of Object.entries(texts)) {
    out.line(out.paint('bold', `/proc/${name}`));
    out.line(text);
  }
}

/** Return: why it could not be written. */
function writeTrace(trace: TraceFile, machine: Machine, out: Output): EnvironmentFailure | null {
  try {
    out.note(`${count(trace.write(machine), 'event')} written to ${trace.file}: open it with https://ui.perfetto.dev`);
    return null;
  } catch (error) {
    if (error instanceof EnvironmentFailure) return error;
    throw error;
  }
}

export function summary(n: { oopses: number; warnings: number; reports: number; blocked: number }): string {
  const parts = [
    n.oopses > 0 ? count(n.oopses, 'oops') : '',
    n.warnings > 0 ? count(n.warnings, 'warning') : '',
    n.reports > 0 ? count(n.reports, 'report') : '',
    n.blocked > 0 ? `${count(n.blocked, 'task')} blocked for good` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
