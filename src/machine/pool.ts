// A pool: the threads of a machine's CPUs, its timekeeper and its memory, all kept for the next boot. Threads are pinned:
// exactly as many as CPUs, one job each. After a CPU had to be killed the pool is thrown away with its memory.
import os from 'node:os';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { CpuJob } from './cpu-main.js';
import { cpu_program } from './cpu-program.js';
import type { CpuStatistics } from './statistics.js';
import { Mach, MEM_MAP } from './memory-map.js';
import type { LogRecord } from '../kernel/log-reader.js';
import { clear_used } from '../mm/clear.js';
import { Control, Mode, type TimekeeperData, type TimekeeperReport } from './timekeeper.js';
import { EnvironmentFailure } from './errors.js';
import { TK_BELL } from '../sched/work-layout.js';

export interface BootWords {
  cpus: number;
  flags: number;
  soft_lockup_ms: number;
  hard_lockup_ms: number;
  hung_task_ms: number;
  trace_events: number;
  rcu_stall_ms: number;
  /** See cpu/break.ts. */
  broken: number;
  chaos: number;
}

/** Flags of this process that its threads can take: a program given by -e leaves one behind that they refuse. */
const thread_flags = (): string[] =>
  process.execArgv.filter((flag) => !/^(--input-type|-e$|--eval|-p$|--print|-pe$)/.test(flag));

export class Pool {
  readonly memory: WebAssembly.Memory;
  readonly I32: Int32Array;
  readonly U8: Uint8Array;
  readonly F64: Float64Array;
  /** False once a thread had to be killed. */
  healthy = true;
  /** What the timekeeper saw. */
  on_lockup: (report: TimekeeperReport) => void = () => {};
  /** A thread died between two jobs: its CPU's job would wait for ever. */
  on_dead_thread: (error: Error) => void = () => {};
  #piscina: Piscina | null = null;
  #timekeeper: Worker;
  #timekeeper_lives = true;
  #requests = 0;
  readonly #log: MessagePort;
  #control = new Int32Array(new SharedArrayBuffer(64));

  constructor(
    readonly cpus: number,
    readonly bytes: number,
    readonly heap_mib: number,
  ) {
    const pages = bytes >>> 16;
    try {
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (error) {
      throw new EnvironmentFailure(`cannot allocate ${bytes >>> 20} MiB for the machine: ${(error as Error).message}`);
    }
    this.I32 = new Int32Array(this.memory.buffer);
    this.U8 = new Uint8Array(this.memory.buffer);
    this.F64 = new Float64Array(this.memory.buffer);
    const { port1, port2 } = new MessageChannel();
    this.#log = port1;
    port1.unref();
    this.#timekeeper = new Worker(new URL('./timekeeper.js', import.meta.url), {
      workerData: { control: this.#control, memory: this.memory, port: port2 } satisfies TimekeeperData,
      transferList: [port2],
      execArgv: thread_flags(),
      stdout: false,
    });
    this.#timekeeper.on('message', (report: TimekeeperReport) => this.on_lockup(report));
    // Its death shows as missing ticks; the error itself must not end the process.
    this.#timekeeper.on('error', (error) => {
      this.healthy = false;
      this.#timekeeper_lives = false;
      this.on_lockup({ hard_lockup: -1, seconds: 0 });
      process.emitWarning(`lockstep: the timekeeper failed: ${error.message}`);
    });
    this.#timekeeper.unref(); // after the listeners: each of them makes it keep the process alive
  }

  /** Zeroes what the last machine used and writes the words that a boot needs. */
  prepare(words: BootWords): void {
    clear_used(this.I32, this.U8);
    this.U8.fill(0, 0, MEM_MAP);
    const { I32 } = this;
    I32[Mach.CPUS >> 2] = words.cpus;
    I32[Mach.MEMORY >> 2] = this.bytes;
    I32[Mach.CORES >> 2] = os.availableParallelism();
    I32[Mach.FLAGS >> 2] = words.flags;
    I32[Mach.SOFT_LOCKUP_MS >> 2] = words.soft_lockup_ms;
    I32[Mach.HARD_LOCKUP_MS >> 2] = words.hard_lockup_ms;
    I32[Mach.HUNG_TASK_MS >> 2] = words.hung_task_ms;
    I32[Mach.TRACE_EVENTS >> 2] = words.trace_events;
    I32[Mach.RCU_STALL_MS >> 2] = words.rcu_stall_ms;
    I32[Mach.BREAK >> 2] = words.broken;
    I32[Mach.CHAOS_SEED >> 2] = words.chaos;
  }

  /** Starts one job for each CPU. A job's promise rejects when its thread dies. */
  start(cwd: string): Promise<CpuStatistics>[] {
    this.#piscina ??= new Piscina({
      filename: cpu_program().href,
      minThreads: this.cpus,
      maxThreads: this.cpus,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      execArgv: [...thread_flags(), '--enable-source-maps'], // from the first file on, so the kernel's own are mapped too
      resourceLimits: { maxOldGenerationSizeMb: this.heap_mib },
    });
    const piscina = this.#piscina;
    if (piscina.listenerCount('error') === 0)
      piscina.on('error', (error: Error) => {
        this.healthy = false;
        this.on_dead_thread(error);
      });
    return Array.from(
      { length: this.cpus },
      (_, number) => piscina.run({ memory: this.memory, number, cwd } satisfies CpuJob) as Promise<CpuStatistics>,
    );
  }

  #order(mode: Mode): void {
    Atomics.store(this.#control, Control.MODE, mode);
    this.#wake_timekeeper();
  }

  #wake_timekeeper(): void {
    Atomics.add(this.#control, Control.EPOCH, 1);
    Atomics.notify(this.#control, Control.EPOCH);
    // While it keeps time it waits by the machine's own bell.
    Atomics.add(this.I32, TK_BELL >> 2, 1);
    Atomics.notify(this.I32, TK_BELL >> 2);
  }

  start_timekeeper(inline: boolean): void {
    Atomics.store(this.#control, Control.INLINE, inline ? 1 : 0);
    Atomics.store(this.#control, Control.BUSY, ++this.#requests);
    this.#order(Mode.KEEP_TIME);
  }

  /** Inline: whether the CPU is in its loop, where the timekeeper watches it. */
  set inside(inside: boolean) {
    Atomics.store(this.#control, Control.INSIDE, inside ? 1 : 0);
  }

  /** Inline: what the log has had until now. Blocks for the moment that the timekeeper needs. */
  inline_log(): LogRecord[] {
    const asked = Atomics.add(this.#control, Control.DRAIN, 1) + 1;
    for (let i = 0, seen; (seen = Atomics.load(this.#control, Control.DRAINED)) !== asked && i < 100; i++) {
      if (Atomics.load(this.#control, Control.BUSY) === 0) break;
      this.#wake_timekeeper();
      Atomics.wait(this.#control, Control.DRAINED, seen, 10);
    }
    return this.inline_sent();
  }
  /** Inline: what the timekeeper has sent. */
  inline_sent(): LogRecord[] {
    const records: LogRecord[] = [];
    for (let got; (got = receiveMessageOnPort(this.#log)) !== undefined;) records.push(got.message as LogRecord);
    return records;
  }

  /** Returns when the timekeeper has let go of the memory. */
  async stop_timekeeper(): Promise<void> {
    this.#order(Mode.NOTHING);
    for (let i = 0, busy; (busy = Atomics.load(this.#control, Control.BUSY)) !== 0 && this.#timekeeper_lives; i++) {
      if (i === 100) {
        this.healthy = false;
        return;
      }
      const waiting = Atomics.waitAsync(this.#control, Control.BUSY, busy, 100);
      if (waiting.async) await waiting.value;
    }
  }

  /** Ends all threads, those that loop for ever too. */
  async destroy(): Promise<void> {
    this.healthy = false;
    this.#order(Mode.END);
    this.#log.close();
    await Promise.allSettled([this.#timekeeper.terminate(), this.#piscina?.destroy()]);
  }
}

const kept = new Map<string, Pool[]>();
const key = (cpus: number, bytes: number, heap_mib: number): string => `${cpus}/${bytes}/${heap_mib}`;

/** A pool of that shape: a kept one, or a new one. */
export function take_pool(cpus: number, bytes: number, heap_mib: number): Pool {
  return kept.get(key(cpus, bytes, heap_mib))?.pop() ?? new Pool(cpus, bytes, heap_mib);
}
/** Gives it back for the next boot, or ends it if it is broken. */
export async function give_pool(pool: Pool): Promise<void> {
  if (!pool.healthy) return pool.destroy();
  const list = kept.get(key(pool.cpus, pool.bytes, pool.heap_mib)) ?? [];
  list.push(pool);
  kept.set(key(pool.cpus, pool.bytes, pool.heap_mib), list);
}
/** Ends the threads that are kept for a next boot, so that the process can end. */
export async function release_pools(): Promise<void> {
  const pools = [...kept.values()].flat();
  kept.clear();
  // As in Machine: ending threads that are not referenced does not keep the event loop alive.
  const alive = setInterval(() => {}, 1000);
  try {
    await Promise.all(pools.map((pool) => pool.destroy()));
  } finally {
    clearInterval(alive);
  }
}
