// A machine: boot, load modules, wait, power off. Everything the host waits for has a watchdog: a CPU that dies, hangs
// or panics ends every wait with a MachineFailure that says which.
import { join } from 'node:path';
import type { LoadSpec } from '../kernel/module.js';
import type { LogRecord } from '../kernel/log-reader.js';
import { Box } from '../kernel/mailbox.js';
import { loadModule, type LoadableModule } from '../module/load.js';
import { errname } from '../linux/errno.js';
import { interrupts_off, read_activity, running_task } from './activity.js';
import { blocked_tasks, SymbolTable, type DataSymbol } from './blocked.js';
import { EnvironmentFailure, MachineFailure, UsageError } from './errors.js';
import { MachineLog } from './machine-log.js';
import {
  ANSWERED,
  mailbox_text,
  post_request,
  Request,
  request_state,
  take_answer,
  type Answer,
} from './mailbox-host.js';
import { BootFlag, Mach, Pcpu, percpu_base, State } from './memory-map.js';
import { break_bit, check_options, parameter_texts, type MachineOptions, type Verdict } from './options.js';
import { STOP_MS, STOP_MS_PER_CPU } from './params.js';
import { give_pool, take_pool, type Pool } from './pool.js';
import { scratch_file } from './scratch.js';
import { read_statistics, type CpuStatistics } from './statistics.js';
import { chrome_trace } from './chrome-trace.js';
import type { ChromeTrace } from './chrome-types.js';
import { trace_lines } from './trace.js';
import { Vector } from '../cpu/vectors.js';

export type { MachineOptions, Verdict };

/** The machine whose CPU is this thread. */
let inline_machine: Machine | null = null;

export class Machine {
  readonly #log: MachineLog;
  #ended = false;
  #ending: Promise<void> | null = null;
  #failure: Error | null = null;
  #jobs: Promise<CpuStatistics>[] = [];
  #settled: PromiseSettledResult<CpuStatistics>[] | null = null;
  #all: Promise<PromiseSettledResult<CpuStatistics>[]> = Promise.resolve([]);
  /** Who waits for something that a failure ends. Not a promise to race: that would keep every loser for ever. */
  readonly #waiting = new Set<() => void>();
  #busy = false;
  /** What a machine that was powered off can still tell: its memory may be the next one's already. */
  #final: { verdict: Verdict; statistics: CpuStatistics[]; tasks: number; blocked: string[] } | null = null;
  /** The CPU's code, if it runs in this thread. */
  #inline: typeof import('./inline.js') | null = null;
  readonly #symbols = new SymbolTable();
  #loading = '';

  private constructor(
    private readonly pool: Pool,
    private readonly options: MachineOptions,
  ) {
    this.#log = new MachineLog(pool, options);
  }

  /** Boots a machine. Throws UsageError, EnvironmentFailure or MachineFailure. */
  static async boot(options: MachineOptions = {}): Promise<Machine> {
    const { cpus, memory, trace_events } = check_options(options, inline_machine !== null);
    const pool = take_pool(cpus, memory, options.heap_mib ?? 256);
    const machine = new Machine(pool, options);
    try {
      await machine.#boot(trace_events);
    } catch (error) {
      pool.healthy = false;
      await machine.#end();
      throw error;
    }
    return machine;
  }

  get cpus(): number {
    return this.pool.cpus;
  }
  /** The machine's memory, for tools that look into it. */
  get memory(): { readonly buffer: SharedArrayBuffer } {
    return this.pool.memory;
  }

  #word(address: number): number {
    return Atomics.load(this.pool.I32, address >> 2);
  }

  async #boot(trace_events: number): Promise<void> {
    const { pool, options } = this;
    pool.prepare({
      cpus: pool.cpus,
      flags:
        (options.panic_on_oops === true ? BootFlag.PANIC_ON_OOPS : 0) |
        (options.panic_on_lockup === true ? BootFlag.PANIC_ON_LOCKUP : 0) |
        (options.console === undefined ? 0 : BootFlag.SERIAL_CONSOLE) |
        (options.chaos === undefined ? 0 : BootFlag.CHAOS) |
        (process.arch === 'x64' || process.arch === 'ia32' ? 0 : BootFlag.WEAK_MEMORY),
      chaos: options.chaos ?? 0,
      soft_lockup_ms: options.soft_lockup_ms ?? 0,
      hard_lockup_ms: options.hard_lockup_ms ?? 0,
      hung_task_ms: options.hung_task_ms ?? 0,
      trace_events,
      rcu_stall_ms: options.rcu_stall_ms ?? 0,
      broken: (options.break_for_test ?? []).reduce((bits, name) => bits | break_bit(name), 0),
    });
    pool.on_lockup = ({ hard_lockup, seconds }) => {
      pool.healthy = false; // its thread will not stop by itself
      this.#fail(
        hard_lockup < 0
          ? new EnvironmentFailure('the timekeeper thread died')
          : new MachineFailure(
              `hard lockup on CPU ${hard_lockup}: it has taken no interrupt for ${seconds} s; it runs ${running_task(pool.I32, pool.U8, hard_lockup)}, interrupts ${interrupts_off(pool.I32, hard_lockup) ? 'off' : 'on'}`,
            ),
      );
    };
    pool.on_dead_thread = (error) => this.#fail(dead_thread('a thread of the machine', error));
    if (options.inline === true) return this.#boot_inline();
    this.#jobs = pool.start(process.cwd());
    this.#jobs.forEach((job, cpu) => {
      job.then(
        () => {
          if (this.#word(Mach.STATE) === State.PANIC) this.#fail(this.#panic());
          else if (!this.#ended) this.#fail(new MachineFailure(`CPU ${cpu} left its loop by itself`));
        },
        (error: Error & { code?: string }) => this.#fail(dead_thread(`CPU ${cpu}`, error)),
      );
    });
    this.#all = Promise.allSettled(this.#jobs);
    void this.#all.then((settled) => (this.#settled = settled));
    this.#log.follow();
    const deadline = performance.now() + (options.boot_ms ?? 30_000 + 2000 * pool.cpus);
    for (let online; (online = this.#word(Mach.ONLINE)) < pool.cpus;) {
      if (performance.now() > deadline)
        throw new MachineFailure(`boot: only ${online} of ${pool.cpus} CPUs came up in time`);
      await this.#wait(Mach.ONLINE, online, 200);
    }
    pool.start_timekeeper(false);
  }

  async #boot_inline(): Promise<void> {
    inline_machine = this;
    this.#inline = await import('./inline.js');
    this.#inline.power_on_here(this.pool.memory);
    this.pool.start_timekeeper(true);
  }

  /** Lets the CPU in this thread run until `until`; throws when the machine fails. */
  #run_inline(until: () => boolean): void {
    this.pool.inside = true;
    const outcome = this.#inline!.run_here(until);
    this.pool.inside = false;
    this.#log.drain();
    if (outcome === 'panic') this.#fail(this.#panic());
    if (this.#failure !== null) throw this.#failure;
  }

  #refuse_failed(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Waits until the word changes, at most `ms`; throws when the machine has failed. */
  async #wait(address: number, value: number, ms: number): Promise<void> {
    // Nobody wakes a wait that begins after the failure, and nothing would keep the process alive until its time is over.
    this.#refuse_failed();
    const waiting = Atomics.waitAsync(this.pool.I32, address >> 2, value, ms);
    if (waiting.async) await this.#or_failure(waiting.value);
    this.#refuse_failed();
    // The memory may be the next machine's already.
    if (this.#ended) throw new UsageError('the machine was powered off meanwhile');
  }

  /** The panic, with the reason that the log gives. */
  #panic(): MachineFailure {
    const reason = this.#log.panic_reason();
    return new MachineFailure(
      `kernel panic on CPU ${this.#word(Mach.PANIC_CPU) - 1}${reason === '' ? '' : `: ${reason}`}`,
    );
  }

  /** Settles with the promise, or when the machine fails. */
  #or_failure(promise: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      void promise.then(wake, wake);
    });
  }

  #fail(error: Error): void {
    if (this.#failure !== null || this.#ended) return;
    this.#failure = error;
    // What the other CPUs do from here on must not overwrite what they did before.
    for (let c = 0; c < this.cpus; c++) Atomics.store(this.pool.I32, (percpu_base(c) + Pcpu.TRACE_RING) >> 2, 0);
    for (const wake of [...this.#waiting]) wake();
  }

  /** Requests are taken one at a time. The second one is refused when it is made, whatever the first one is about. */
  async #exclusively<T>(serve: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new UsageError('the machine has been powered off');
    if (this.#busy) throw new UsageError('one request at a time: await the last one first');
    this.#busy = true;
    try {
      return await serve();
    } finally {
      this.#busy = false;
    }
  }

  /** One request to khostd. Throws MachineFailure when the machine fails meanwhile. */
  async #request(what: Request, text: string, argument = 0): Promise<Answer> {
    const { pool } = this;
    if (this.#ended) throw new UsageError('the machine was powered off meanwhile');
    if (this.#failure !== null) throw this.#failure;
    post_request(pool, what, text, argument);
    this.raise(0, Vector.MAILBOX);
    if (this.#inline !== null) this.#run_inline(() => request_state(pool) === ANSWERED);
    for (let state; (state = request_state(pool)) !== ANSWERED;) await this.#wait(Box.STATE, state, 1000);
    return take_answer(pool);
  }

  /** Makes an interrupt pending at a CPU, as a device would. */
  raise(cpu: number, vector: number): void {
    const { I32 } = this.pool;
    const area = percpu_base(cpu);
    Atomics.or(I32, (area + Pcpu.PENDING) >> 2, 1 << vector);
    if (Atomics.exchange(I32, (area + Pcpu.BELL) >> 2, 0) === 1) Atomics.notify(I32, (area + Pcpu.BELL) >> 2, 1);
  }

  /**
   * Compiles and loads a module and runs its init: a TypeScript file, a C file, a folder with a Makefile, a .ko, or what
   * compileModule gave. Throws SourceErrors for a refused source, UsageError for a wrong parameter or file,
   * MachineFailure when it does not load, its init fails, oopses, or the machine does.
   */
  insmod<T extends string | LoadableModule>(
    module: T,
    parameters: Record<string, string | number | boolean> = {},
  ): Promise<T extends string ? LoadableModule : T> {
    return this.#exclusively(() => this.#insmod(module, parameters)) as Promise<T extends string ? LoadableModule : T>;
  }
  async #insmod(
    module: string | LoadableModule,
    parameters: Record<string, string | number | boolean>,
  ): Promise<LoadableModule> {
    const compiled = typeof module === 'string' ? await loadModule(module, { build: 'free' }) : module;
    if (!Array.isArray((compiled as LoadableModule | undefined)?.parameters))
      throw new UsageError('insmod takes the path of a TypeScript file, a C file or a .ko, or what compileModule gave');
    const given = parameter_texts(parameters);
    for (const [name] of given) {
      if (compiled.parameters.some((p) => p.name === name)) continue;
      const known = compiled.parameters.map((p) => p.name).join(', ');
      throw new UsageError(
        `${compiled.name} has no parameter '${name}'${known === '' ? ': it has none' : `; it has: ${known}`}`,
      );
    }
    const spec = { name: compiled.name, source: compiled.file, parameters: given };
    if ('ko' in compiled)
      await this.#load({
        ...spec,
        code: scratch_file(compiled, compiled.ko, 'ko'),
        path: join(compiled.root, `${compiled.name}.ko`),
      });
    else if (compiled.free !== undefined)
      await this.#load({ ...spec, code: scratch_file(compiled, compiled.free.code), path: compiled.free.path });
    else throw new UsageError(`${compiled.name} was compiled for the stepped build only`);
    return compiled;
  }

  async #load(spec: LoadSpec): Promise<void> {
    this.#loading = spec.name;
    const { result, text, oopsed } = await this.#request(Request.INSMOD, JSON.stringify(spec));
    this.#loading = '';
    this.#log.drain();
    this.#learn_symbols(spec.name, text);
    if (oopsed) throw new MachineFailure(`module_init of ${spec.name} died of an oops`);
    if (result === -22 && text !== '') throw new UsageError(text);
    if (result < 0)
      throw new MachineFailure(
        text !== '' && !text.startsWith('[')
          ? text
          : `could not insert module ${spec.name}: module_init returned ${result} (-${errname(-result) ?? '?'})`,
      );
  }

  /** What a load leaves in the mailbox: the names of the module's static data. */
  #learn_symbols(module: string, text: string): void {
    if (!text.startsWith('[')) return;
    try {
      this.#symbols.add(module, JSON.parse(text) as DataSymbol[]);
    } catch {
      // Not written whole yet: things have addresses then.
    }
  }

  /**
   * The tasks that sleep without a time-out, a line each: name/pid and what for, with the holder of a mutex. Of an idle
   * machine these sleep for good. Works on a machine that hangs, too.
   */
  blocked(): string[] {
    if (this.#final !== null) return this.#final.blocked;
    this.#learn_loading();
    return blocked_tasks(this.pool.memory, this.#symbols);
  }
  /** A module whose init has not returned has announced its names all the same. */
  #learn_loading(): void {
    if (this.#loading !== '') this.#learn_symbols(this.#loading, mailbox_text(this.pool));
  }

  /**
   * The flight recorder: the last `last` events of each CPU (all that are kept when not given), merged by time, a line
   * each. Of a machine that runs, hangs or has failed. Throws UsageError when it was powered off: the memory may be the
   * next one's.
   */
  trace(last = Infinity): string[] {
    this.#check_traceable();
    return trace_lines(this.pool.memory, this.#symbols, last);
  }
  /** The same, all of it, as a Chrome trace: what ui.perfetto.dev and chrome://tracing open when it is written as JSON. */
  chromeTrace(): ChromeTrace {
    this.#check_traceable();
    return chrome_trace(this.pool.memory, this.#symbols);
  }
  #check_traceable(): void {
    if (this.#final !== null) throw new UsageError('the machine was powered off: ask for its trace before');
    this.#learn_loading();
  }

  /** What each CPU that is not idle runs now, a line each. Works on a machine that hangs, too. */
  running(): string[] {
    if (this.#final !== null) return [];
    const { I32, U8 } = this.pool;
    const lines: string[] = [];
    for (let c = 0; c < this.cpus; c++) {
      if (this.#word(percpu_base(c) + Pcpu.RQ_CURR) === 0) continue;
      lines.push(`CPU ${c} runs ${running_task(I32, U8, c)}${interrupts_off(I32, c) ? ', interrupts off' : ''}`);
    }
    return lines;
  }

  /** What each CPU has done since boot, at any time. */
  statistics(): CpuStatistics[] {
    if (this.#final !== null) return this.#final.statistics;
    return Array.from({ length: this.cpus }, (_, cpu) => read_statistics(this.pool.I32, this.pool.F64, cpu));
  }

  /**
   * The text of /proc/`name`: interrupts, softirqs, schedstat, tasks, lock_stat, slabinfo, buddyinfo, meminfo, modules,
   * uptime. Throws UsageError for another name.
   */
  proc(name: string): Promise<string> {
    return this.#exclusively(async () => {
      const { result, text } = await this.#request(Request.PROC, name);
      if (result < 0) throw new UsageError(`there is no /proc/${name}; there are: ${text}`);
      return text;
    });
  }

  /** Runs module_exit and unloads. Throws MachineFailure when the module is in use, not loaded, or its exit oopses. */
  rmmod(name: string): Promise<void> {
    return this.#exclusively(() => this.#rmmod(name));
  }
  async #rmmod(name: string): Promise<void> {
    if (typeof name !== 'string') throw new UsageError(`rmmod takes the name of a module, not ${String(name)}`);
    const { result, text, oopsed } = await this.#request(Request.RMMOD, name);
    this.#log.drain();
    if (oopsed) throw new MachineFailure(`module_exit of ${name} died of an oops`);
    if (result === 0) this.#symbols.delete(name);
    if (result < 0) throw new MachineFailure(`rmmod: ${text || `${name}: error ${result}`}`);
  }

  /**
   * Waits until nothing runs or is about to: no runnable task, no armed timer, no pending interrupt. Tasks that wait for
   * good do not count: see `blocked`. Return: false if `timeout_ms` passed first.
   */
  async idle(timeout_ms = Infinity): Promise<boolean> {
    const deadline = performance.now() + timeout_ms;
    if (this.#inline !== null) {
      if (this.#failure !== null) throw this.#failure;
      let quiet = false;
      this.#run_inline(() => {
        this.#log.drain_sent();
        return (quiet = !read_activity(this.pool.I32, 1).busy) || performance.now() > deadline;
      });
      return quiet;
    }
    let before = -1;
    for (let wait = 0.2; ; wait = Math.min(20, wait * 1.5)) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) throw new UsageError('the machine was powered off meanwhile');
      const { busy, count } = read_activity(this.pool.I32, this.cpus);
      if (!busy && count === before) break;
      before = busy ? -1 : count;
      if (performance.now() > deadline) return false;
      await this.#or_failure(new Promise((resolve) => setTimeout(resolve, busy ? wait : 0)));
    }
    this.#log.drain();
    return true;
  }

  /** Tasks that exist, without idle tasks and daemons of the kernel. */
  get tasks(): number {
    return this.#final?.tasks ?? this.#word(Mach.NR_TASKS) - 2;
  }

  get verdict(): Verdict {
    if (this.#final !== null) return this.#final.verdict;
    return { oopses: this.#word(Mach.OOPSES), warnings: this.#word(Mach.WARNINGS), reports: this.#word(Mach.REPORTS) };
  }

  /** The records of the log so far, the latest LOG_KEPT of them. */
  get records(): LogRecord[] {
    return this.#log.records;
  }
  /** The log so far, as dmesg prints it. */
  dmesg(): string[] {
    return this.#log.text();
  }

  /** Why the machine failed, null while it has not. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Stops all CPUs and gives the threads and the memory back. Return: each CPU's statistics, if it could still tell. */
  async poweroff(): Promise<CpuStatistics[]> {
    await (this.#ending ??= this.#end());
    if (this.options.inline === true) return this.statistics();
    return (this.#settled ?? []).flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
  }

  /** The last look at the memory, before it is given away. */
  #keep_final(): void {
    this.#final = {
      verdict: this.verdict,
      statistics: this.statistics(),
      tasks: this.tasks,
      blocked: this.blocked(),
    };
  }

  async #end_inline(): Promise<void> {
    const { pool } = this;
    await this.#log.end();
    this.#keep_final();
    if (inline_machine === this) {
      this.#inline?.power_off_here();
      inline_machine = null;
    }
    pool.on_lockup = pool.on_dead_thread = () => {};
    await give_pool(pool);
  }

  async #end(): Promise<void> {
    // Neither idle threads nor Atomics.waitAsync keep the event loop alive: the process could end in the middle.
    const alive = setInterval(() => {}, 1000);
    try {
      await this.#stop();
    } finally {
      clearInterval(alive);
    }
  }
  async #stop(): Promise<void> {
    const { pool } = this;
    Atomics.compareExchange(pool.I32, Mach.STATE >> 2, State.RUNNING, State.STOP);
    Atomics.compareExchange(pool.I32, Mach.STATE >> 2, State.OFF, State.STOP);
    Atomics.notify(pool.I32, Mach.STATE >> 2);
    this.#ended = true;
    for (const wake of [...this.#waiting]) wake();
    await pool.stop_timekeeper();
    if (this.options.inline === true) return this.#end_inline();
    for (let c = 0; c < pool.cpus; c++) this.raise(c, Vector.STOP);
    const patience = STOP_MS + (STOP_MS_PER_CPU * pool.cpus) / Math.max(1, this.#word(Mach.CORES));
    const stopped = await within(this.#all, pool.healthy ? patience : 200);
    if (stopped === null || this.#jobs.length === 0 || this.#settled?.some((s) => s.status === 'rejected'))
      pool.healthy = false;
    await this.#log.end();
    this.#keep_final();
    pool.on_lockup = pool.on_dead_thread = () => {};
    await give_pool(pool);
  }
}

/** What the promise gives, or null after `ms`. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, ms, null)));
  const result = await Promise.race([promise, late]);
  clearTimeout(timer);
  return result;
}

function dead_thread(who: string, error: Error & { code?: string; exitCode?: number }): Error {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new EnvironmentFailure(
      `${who} died: its worker ran out of JavaScript memory (--heap makes it larger): ${error.message}`,
    );
  return new MachineFailure(`${who} died: ${error.message}`);
}
