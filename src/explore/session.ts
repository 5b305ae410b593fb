// A stepped machine in this thread with one module loaded, and its schedules. One at a time in a thread: the stepped
// kernel's own state is the thread's.
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { join } from 'node:path';
import { Mach, MEM_MAP, State } from '../machine/memory-map.js';
import { MAX_STEPS, STEPPED_MEMORY } from '../machine/params.js';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import { SourceErrors } from '../module/errors.js';
import type { CompiledModule } from '../module/compile.js';
import { buildSteppedKernel, type SteppedKernel } from '../stepped/build.js';
import { BUNDLE } from '../stepped/bundle.js';
import { transform, Unsteppable, type Site } from '../stepped/transform.js';
import { runtime, settle } from '../stepped/transform/runtime.js';
import type { Running, Tracer } from '../stepped/core.js';
import type { Action, Strategy } from '../stepped/strategy.js';
import { peek, type LogRecord } from '../kernel/log-reader.js';
import { errname } from '../linux/errno.js';
import type { FieldType } from '../linux/field.js';
import { clear_used } from '../mm/clear.js';
import { race_text } from './race-text.js';
import type { Suppression } from './outcome.js';
import type { SteppedGraph } from './graph.js';
import { RaceDetector } from './races.js';
import { decode_choice, encode_choice, type Choice } from './choices.js';
import type { CountedResults, Outcome, RaceCounts, RaceReport, Results, VerdictKind } from './outcome.js';
import { verdict_of_message } from './verdicts.js';

export type { CountedResults, Outcome, Results, VerdictKind };

type LoadedKernel = Promise<{ kernel: SteppedKernel; graph: SteppedGraph }>;
const graphs = new Map<number, LoadedKernel>();

/** Builds the stepped kernel if it is stale and imports it: once for each size of the memory. */
export function stepped_kernel(bytes = STEPPED_MEMORY): LoadedKernel {
  const made = graphs.get(bytes) ?? load_graph(bytes);
  graphs.set(bytes, made);
  return made;
}
async function load_graph(bytes: number): LoadedKernel {
  // A schedule is many small functions: with the compiler's own limit it calls what it should merge (a fifth slower).
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
  // A module's frames lie below those of what it called, of which a call trace leaves many out.
  Error.stackTraceLimit = 32;
  process.setSourceMapsEnabled(true); // before the graph is compiled, or its stacks are those of the output
  const kernel = buildSteppedKernel();
  const graph = (await import(`${pathToFileURL(join(kernel.root, BUNDLE)).href}?memory=${bytes}`).catch(
    (error: Error) => {
      if (!(error instanceof RangeError)) throw error;
      throw new EnvironmentFailure(`cannot allocate ${bytes >>> 20} MiB for the machine: ${error.message}`);
    },
  )) as SteppedGraph;
  const unset = settle();
  if (unset.length > 0)
    throw new Error(`headers of the stepped kernel have names without a value: ${unset.join(', ')}`);
  return { kernel, graph };
}

export interface SessionOptions {
  cpus?: number;
  max_steps?: number;
  memory?: number;
  parameters?: Record<string, string | number | boolean>;
  /** Look for data races. */
  races?: boolean;
  suppressions?: readonly Suppression[];
}

const PASSED = { verdict: null, message: '' } as const;

/** Of each kernel in this thread, the session whose machine it is. */
const owners = new Map<SteppedGraph, Session>();

export class Session {
  /** The choices of the last schedule, as `encode_choice` makes them; the first `choice_count` are valid. */
  readonly #choices: number[] = [];
  #choice_count = 0;
  #mod = 0;
  /** Text handles. */
  #init_module = 0;
  #exit_module = 0;
  #hash = 0;
  #switches = 0;
  /** The log at the restore point. */
  #log_start = 0;
  #sites: Map<number, Site> | null = null;
  /** The module's static data, by DEFINE_STATIC. */
  readonly statics: StaticDatum[] = [];
  #results: Results = { init: null, exit: null };
  /** A schedule goes on after a finding, as the free-running build does. */
  to_the_end = false;

  private constructor(
    readonly compiled: CompiledModule,
    readonly k: SteppedGraph,
    private readonly kernel: SteppedKernel,
    readonly cpus: number,
    readonly max_steps: number,
    readonly parameters: [string, string][],
    private readonly module_sites: Site[],
    /** Bytes. */
    readonly memory: number,
    readonly races: boolean,
    suppressions: readonly Suppression[],
  ) {
    this.#detector = new RaceDetector(k, (id) => this.site(id), suppressions);
  }
  readonly #detector: RaceDetector;

  /** Boots the machine and loads the module, up to the restore point. Throws SourceErrors, UsageError, EnvironmentFailure. */
  static async open(compiled: CompiledModule, options: SessionOptions = {}): Promise<Session> {
    const cpus = options.cpus ?? 4;
    const max_steps = options.max_steps ?? MAX_STEPS;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 64)
      throw new UsageError(`cpus: ${cpus} is not a whole number from 1 to 64`);
    if (!Number.isInteger(max_steps) || max_steps < 1)
      throw new UsageError(`max-steps: ${max_steps} is not a whole number from 1 on`);
    const parameters = Object.entries(options.parameters ?? {}).map(([name, value]): [string, string] => [
      name,
      value === true ? 'y' : value === false ? 'n' : String(value),
    ]);
    const memory = options.memory ?? STEPPED_MEMORY;
    const { kernel, graph: k } = await stepped_kernel(memory);
    const made = step_module(compiled, kernel);
    const session = new Session(
      compiled,
      k,
      kernel,
      cpus,
      max_steps,
      parameters,
      made.sites,
      memory,
      options.races === true,
      options.suppressions ?? [],
    );
    session.#boot(session.memory, made.code);
    return session;
  }

  /** Hash of the kernel build, 8 hex digits. */
  get kernel_hash(): string {
    return this.kernel.hash.slice(0, 8);
  }

  #boot(bytes: number, code: string): void {
    const { k } = this;
    const { I32, U8 } = k.raw;
    clear_used(I32, U8);
    U8.fill(0, 0, MEM_MAP);
    k.raw.attach_memory(k.raw.memory);
    k.stack.set_stack_root(process.cwd());
    k.boot.init_kernel_code();
    k.types.set_on_static((name, address, size, type) => {
      k.loading.note_static(name, address, size);
      if (type !== null) this.statics.push({ name, address, type });
    });
    I32[Mach.CPUS >> 2] = this.cpus;
    I32[Mach.MEMORY >> 2] = bytes;
    I32[Mach.CORES >> 2] = 1;
    k.context.enter_cpu(0);
    k.core.init_cpus(this.cpus);
    k.core.reset_machine();
    k.boot.boot_machine();
    owners.set(k, this);
    const mod = k.module.load_module({
      name: this.compiled.name,
      source: this.compiled.file,
      code,
      path: `${this.compiled.file}.stepped.cjs`,
      parameters: this.parameters,
    });
    if (mod < 0) {
      const text = k.module.request_answer();
      const message = text === '' ? `cannot load ${this.compiled.name}: ${mod} (-${errname(-mod) ?? '?'})` : text;
      throw new UsageError(message);
    }
    this.#mod = mod;
    this.#init_module = k.text.text_handle(k.module.init_module as never);
    this.#exit_module = k.text.text_handle(k.module.exit_module as never);
    this.#log_start = k.raw.ld(Mach.LOG_HEAD);
    k.core.set_restore_point();
  }

  /** The choices of the last schedule. */
  get choices(): Choice[] {
    return this.#choices.slice(0, this.#choice_count).map((n) => decode_choice(n, this.cpus));
  }

  /** The steps of modules are this machine's. */
  #attach(): void {
    const { core, heap, kasan } = this.k;
    runtime.s = core.step_here;
    runtime.l = core.loop_here;
    runtime.objects = heap.heap.checked_from;
    runtime.view = (f, view) => kasan.check_view((f as { name: string }).name, (view as { '@addr': number })['@addr']);
  }

  /** Runs one schedule from the restore point. */
  run(strategy: Strategy, schedule: number, hashing = false): Outcome {
    const { core } = this.k;
    if (owners.get(this.k) !== this) throw new UsageError('another stepped machine has been opened in this thread');
    if (runtime.s !== core.step_here) this.#attach();
    this.#choice_count = 0;
    this.#hash = 0;
    this.#switches = 0;
    // A test runner's own mapping of stacks does not know the module's code: Node's does.
    const runner = Error.prepareStackTrace;
    if (runner !== undefined) (Error as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
    try {
      if (this.races) this.#detector.begin();
      core.restore();
      strategy.begin(schedule);
      const { verdict, message } = this.#explore(strategy, hashing) ?? PASSED;
      const steps = core.total_steps();
      strategy.end?.(steps);
      return {
        verdict,
        message,
        steps,
        hash: this.#hash,
        switches: this.#switches,
        signature: core.schedule_signature(),
        ...(verdict === 'data race' && { race: this.#detector.report() }),
      };
    } finally {
      if (this.races) this.#detector.end();
      if (runner !== undefined) Error.prepareStackTrace = runner;
    }
  }

  #start(which: 'init_module' | 'exit_module', name: string): void {
    const { k } = this;
    k.core.to_boot_cpu();
    const handle = which === 'init_module' ? this.#init_module : this.#exit_module;
    const task = k.kthread.kthread_create_handle(handle, this.#mod, name, 0);
    if (which === 'init_module') k.core.watch_task(task);
    else k.core.watch_last_task(task);
    k.sched.wake_up_process(task);
  }

  /** Null: nothing is wrong. */
  #explore(strategy: Strategy, hashing: boolean): { verdict: VerdictKind; message: string } | null {
    const { core, module } = this.k;
    const results: Results = { init: null, exit: null };
    this.#results = results;
    this.#start('init_module', 'insmod');
    let bad = this.#phase(strategy, hashing);
    const result = core.watched_result();
    results.init = result;
    if (bad !== null) return bad;
    if (result === null) return this.#stuck('module_init never returns');
    if (result < 0) return { verdict: 'init', message: `module_init returned ${result} (-${errname(-result) ?? '?'})` };
    if (module.has_exit(this.#mod)) {
      this.#start('exit_module', 'rmmod');
      bad = this.#phase(strategy, hashing);
      if (bad !== null) return bad;
      results.exit = core.watched_result();
      if (results.exit === null) return this.#stuck('module_exit never returns');
    } else if (core.hung_tasks() > 0)
      return this.#stuck('tasks wait for good, and there is no module_exit that could end it');
    return null;
  }

  #phase(strategy: Strategy, hashing: boolean): { verdict: VerdictKind; message: string } | null {
    const { core } = this.k;
    switch (core.run(strategy, this.#recorder, this.max_steps, hashing, this.to_the_end)) {
      case 'quiet':
        return core.mutex_waiters() > 0 ? this.#stuck('tasks wait for mutexes that nobody will unlock') : null;
      case 'finding':
        return this.#finding();
      case 'panic':
        return this.#finding();
      case 'deadlock':
        return this.#stuck('CPUs wait for each other');
      case 'livelock':
        return {
          verdict: 'livelock',
          message: `no end after ${this.max_steps} steps (--max-steps): ${core.running_text().join('; ')}`,
        };
    }
  }
  #stuck(what: string): { verdict: VerdictKind; message: string } {
    const lines = this.k.core.waiting_text();
    return { verdict: 'deadlock', message: lines.length === 0 ? what : `${what}: ${lines.join('; ')}` };
  }
  #finding(): { verdict: VerdictKind; message: string } {
    if (this.#detector.found) return { verdict: 'data race', message: race_text(this.#detector.report()) };
    const message = this.#first_message();
    const at = this.#module_frame();
    const verdict = verdict_of_message(message) ?? this.#kind(message).verdict;
    return { verdict, message: at === '' || message.includes(at) ? message : `${message}, at ${at}` };
  }
  #kind(message: string): { verdict: VerdictKind } {
    const { I32 } = this.k.raw;
    const verdict: VerdictKind =
      I32[Mach.STATE >> 2] === State.PANIC
        ? 'panic'
        : I32[Mach.OOPSES >> 2]! > 0
          ? message.startsWith('BUG:') && !message.startsWith('BUG: kernel NULL') && !message.startsWith('BUG: unable')
            ? 'BUG'
            : 'oops'
          : I32[Mach.WARNINGS >> 2]! > 0
            ? 'WARN'
            : 'report';
    return { verdict };
  }
  #first_message(): string {
    return (
      this.log().find((r) => r.level <= 4 && /^(BUG|Oops|WARNING|Kernel panic|Unable)/.test(r.text))?.text ??
      'a finding without a message'
    );
  }

  /** The first line of the first call trace that is the module's own: `file:line:column`, '' if there is none. */
  #module_frame(): string {
    let tracing = false;
    for (const { text } of this.log()) {
      if (text === 'Call trace:') tracing = true;
      else if (/^(---\[|Allocated by|Freed by)/.test(text)) tracing = false;
      const frame = tracing ? /^ .* \((.*:\d+:\d+)\)$/.exec(text) : null;
      if (frame !== null && this.#files().has(frame[1]!.replace(/:\d+:\d+$/, ''))) return frame[1]!;
    }
    return '';
  }
  /** The module's source files as call traces name them. */
  #files(): Set<string> {
    const root = `${process.cwd()}/`;
    return new Set(this.module_sites.map((s) => (s.file.startsWith(root) ? s.file.slice(root.length) : s.file)));
  }

  /** The log of the last schedule. */
  log(): LogRecord[] {
    const records: LogRecord[] = [];
    const { I32, U8, F64 } = this.k.raw;
    peek(I32, U8, F64, (record) => records.push(record));
    return records;
  }

  /** What the last schedule returned and counted. */
  get results(): CountedResults {
    const { I32 } = this.k.raw;
    return {
      ...this.#results,
      oopses: I32[Mach.OOPSES >> 2]!,
      warnings: I32[Mach.WARNINGS >> 2]!,
      reports: I32[Mach.REPORTS >> 2]!,
    };
  }

  /** True if the last schedule logged anything. */
  get has_log(): boolean {
    return this.k.raw.ld(Mach.LOG_HEAD) !== this.#log_start;
  }

  #recorder = {
    decided: (cpu: number, action: Action, steps: number, cut: boolean): void => {
      this.#choices[this.#choice_count++] = encode_choice(cpu, action, steps, cut, this.cpus);
    },
    hashed: (hash: number): void => {
      this.#hash = hash;
      this.#switches++;
    },
  };

  /** A place in the source where a step is made. */
  site(id: number): Site | undefined {
    this.#sites ??= new Map([...this.kernel.sites, ...this.module_sites].map((s) => [s.id, s]));
    return this.#sites.get(id);
  }

  /**
   * Runs one schedule until `steps` steps have been made, and calls `look` there. The tracer is told of each step, also of
   * the next one, which is not made. Return: null if the schedule ended before.
   */
  run_until<T>(strategy: Strategy, steps: number, make: (machine: Watched) => Tracer, look: () => T): T | null {
    const { core, step: machine } = this.k;
    let found: { is: T } | null = null;
    this.trace((watched) => {
      const tracer = make(watched);
      return {
        stands: (site, a, b) => tracer.stands(site, a, b),
        note: (what, text) => tracer.note(what, text),
        step: (site) => {
          tracer.step(site);
          if (core.total_steps() <= steps) return;
          found = { is: look() };
          throw new machine.MachineStopped();
        },
      };
    });
    try {
      this.run(strategy, 0);
    } finally {
      this.trace(null);
    }
    return (found as { is: T } | null)?.is ?? null;
  }

  /** The schedules that follow are those in which this race was found: its report will be whole. Null ends it. */
  watch_race(race: RaceReport | null): void {
    this.#detector.watch(race);
  }
  /** Null if no races are looked for; see ExploreResult. */
  get race_counts(): RaceCounts | null {
    return this.races ? { ...this.#detector.suppressions.counts, lost: this.#detector.lost } : null;
  }
  /** Lets a tracer watch the schedules that follow; null ends it. */
  trace(make: ((machine: Watched) => Tracer) | null): void {
    const { k } = this;
    k.kasan.kasan_keep_stacks(make !== null);
    if (make === null) return k.core.set_tracer(null);
    const tracer = make({
      site: (id) => this.site(id)!,
      running: () => ({ cpu: k.context.cpu, ...k.core.running_now() }),
      locks: k.core.locks_now,
      symbol: k.text.kallsyms_lookup,
      statics: this.statics,
      log_position: () => k.raw.ld(Mach.LOG_HEAD),
      log: () => this.log(),
      memory: k.raw,
    });
    k.core.set_tracer({
      stands: (site, a, b) => tracer.stands(site, a, b),
      step: (site) => {
        this.#detector.stepped();
        tracer.step(site);
      },
      note: (what, text) => tracer.note(what, text),
    });
  }
}

/** What a tracer can look at. */
export interface Watched {
  site(id: number): Site;
  /** What the CPU that runs now is doing. */
  running(): Running & { cpu: number };
  /** Addresses of the locks that it and its task hold. */
  locks(): { spin: number[]; sleeping: number[] };
  /** The symbol of the static data that an address lies in, and what is known of the module's own. */
  symbol(address: number): { name: string; value: number; size: number } | null;
  readonly statics: readonly StaticDatum[];
  /** Changes when something is logged. */
  log_position(): number;
  log(): LogRecord[];
  memory: { I32: Int32Array; U8: Uint8Array };
}

/** A datum of the module with a name. */
export interface StaticDatum {
  name: string;
  address: number;
  type: FieldType;
}

function step_module(compiled: CompiledModule, kernel: SteppedKernel): { code: string; sites: Site[] } {
  try {
    const made = transform(compiled.cjs.code, {
      file: compiled.file,
      mode: 'module',
      inputMap: compiled.cjs.map,
      siteBase: kernel.nextSite,
      runtime: "require('lockstep:stepped')",
    });
    const { sources, ...rest } = made.map as { sources: string[] };
    // Debuggers want URLs.
    const urls = sources.map((source) => pathToFileURL(source).href);
    const map = Buffer.from(JSON.stringify({ ...rest, sources: urls })).toString('base64');
    return { code: `${made.code}\n//# sourceMappingURL=data:application/json;base64,${map}\n`, sites: made.sites };
  } catch (error) {
    if (!(error instanceof Unsteppable)) throw error;
    const { line, column } = error as unknown as { line: number; column: number };
    throw new SourceErrors([{ kind: 'subset', file: compiled.file, line, column, message: error.message }]);
  }
}
