// For the differential tests: one module in both builds, and what is compared of a run: each task's log, and the results.
//
// Of a log line only what cannot be the same is made alike: pids (a line's task is known by what it logged, not by its
// number), the CPU that a report names, the addresses of what was leaked, and of call traces the kernel's frames below the first: below the module lies
// whatever called it, the mailbox's task here, the explorer there.
import { explore } from '../dist/explore/index.js';
import { Machine } from '../dist/machine/machine.js';
import { MachineFailure } from '../dist/machine/errors.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

export interface Setting {
  cpus: number;
  parameters?: Record<string, number | string>;
}
/** A run in words: equal texts are equal runs. */
export type Run = string;
interface Line {
  pid: number;
  text: string;
}
interface Results {
  /** 0 or -errno; null: it never returned. */
  init: number | null;
  /** Null: it was not called or never returned. */
  exit: number | null;
  oopses: number;
  warnings: number;
  reports: number;
  end: string;
}

const not_boot = (line: Line): boolean => !/^Lockstep: \d+ CPU/.test(line.text);
const MEMORY = 16 << 20;

/** The run as text: each task's lines in order, the tasks in the order of what they logged. */
function describe_run(lines: readonly Line[], results: Results, files: ReadonlySet<string>): Run {
  const tasks = new Map<number, string[]>();
  for (const { pid, text } of without_drivers(lines, files)) {
    const own = tasks.get(pid) ?? [];
    if (own.length === 0) tasks.set(pid, own);
    own.push(normal(text));
  }
  const logs = [...tasks.values()].map((own) => own.join('\n')).sort();
  return [...logs, JSON.stringify(results)].join('\n--\n');
}
/** `name/pid` in reports; in the line that names the task by itself the name has none. */
function normal(text: string): string {
  if (text.startsWith('CPU: ')) return text.replace(/^CPU: \d+ PID: \d+ /, 'CPU: # PID: # ');
  return text
    .replace(/\bCPU \d+\b/g, 'CPU #')
    .replace(/0x[0-9a-f]+ \((?=\d+ bytes, )/g, '0x# (')
    .replace(/([\w.-]+(?:\/\d+)?)\/\d+(?=[\s,;:)/]|$)/g, '$1/#');
}

/**
 * Of a call trace the first frame, which is where it happened, and the module's own. The kernel's own between them
 * differ: a sleeping primitive that goes on in a generator leaves no frame in the free-running build.
 */
function without_drivers(lines: readonly Line[], files: ReadonlySet<string>): Line[] {
  const frame = (line: Line | undefined): string | undefined => /^ .*\((.*?)(:\d+:\d+)?\)$/.exec(line?.text ?? '')?.[1];
  return lines.filter((line, i) => {
    const file = frame(line);
    return file === undefined || files.has(file) || lines[i - 1]?.text === 'Call trace:';
  });
}

export class Differential {
  private constructor(
    readonly free: CompiledModule,
    readonly stepped: CompiledModule,
  ) {}
  static async of(file: string): Promise<Differential> {
    return new Differential(
      await compileModule(file, { build: 'free', check: false }),
      await compileModule(file, { build: 'stepped', check: false }),
    );
  }
  /** The source as call traces name it. */
  get #files(): Set<string> {
    const root = `${process.cwd()}/`;
    const { file } = this.free;
    return new Set([file, file.startsWith(root) ? file.slice(root.length) : file]);
  }

  /** As it ends in parallel. */
  async in_parallel({ cpus, parameters = {} }: Setting): Promise<Run> {
    const machine = await Machine.boot({ cpus, memory: MEMORY, panic_on_lockup: true });
    const from = machine.records.length;
    const results: Results = { init: null, exit: null, oopses: 0, warnings: 0, reports: 0, end: '' };
    try {
      await machine.insmod(this.free, parameters);
      results.init = 0;
      if (!(await machine.idle(20_000))) throw new Error(`${this.free.name} does not come to rest`);
      await machine.rmmod(this.free.name);
      results.exit = 0;
    } catch (error) {
      if (!(error instanceof MachineFailure)) throw error;
      const failed = /module_init returned (-\d+)/.exec(error.message);
      if (failed !== null) results.init = Number(failed[1]);
      else if (machine.failure !== null) results.end = 'panic';
      else if (/died of an oops/.test(error.message)) results[results.init === null ? 'init' : 'exit'] = -14;
      else if (!/has no module_exit/.test(error.message)) throw error;
    } finally {
      Object.assign(results, machine.verdict);
      await machine.poweroff();
    }
    return describe_run(machine.records.slice(from).filter(not_boot), results, this.#files);
  }

  /** The ends that exploration reaches, each with how often; it stops at the one that is `wanted`. */
  async explored({ cpus, parameters = {} }: Setting, schedules: number, wanted?: Run): Promise<Map<Run, number>> {
    const runs = new Map<Run, number>();
    const found = new AbortController();
    await explore(this.stepped, {
      cpus,
      parameters,
      schedules,
      signal: found.signal,
      memory: MEMORY,
      maxSteps: 1_000_000,
      keepGoing: true,
      toTheEnd: true,
      onOutcome: (outcome, log, results) => {
        const end = ['panic', 'deadlock', 'livelock'].includes(outcome.verdict ?? '') ? outcome.verdict! : '';
        const { init, exit, oopses, warnings, reports } = results();
        const run = describe_run(log().filter(not_boot), { init, exit, oopses, warnings, reports, end }, this.#files);
        runs.set(run, (runs.get(run) ?? 0) + 1);
        if (run === wanted) found.abort();
      },
    });
    return runs;
  }
}
