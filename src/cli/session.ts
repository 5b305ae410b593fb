// One machine with one module, for a command: boot, load, wait, unload, power off. Whatever is waited for ends: by
// itself, by the machine's watchdogs, when a call can never return, when its time is over, or by Ctrl-C.
import type { LogRecord } from '../kernel/log-reader.js';
import type { CpuStatistics } from '../machine/statistics.js';
import { MachineFailure } from '../machine/errors.js';
import { Machine, type Verdict } from '../machine/machine.js';
import type { LoadableModule } from '../module/load.js';
import type { CommonOptions } from './arguments.js';
import type { Interrupt } from './interrupt.js';
import { hookPlace } from './locate.js';

/** A call is not looked at before this time: most are over. Then this often, and so many idle readings condemn it. */
const LOOK_AFTER_MS = 700;
const LOOK_EVERY_MS = 150;
const LOOKS = 5;

export interface SessionOptions extends CommonOptions {
  /** Seconds until a lock-up is reported and ends the machine. */
  watchdog: number;
  /** MiB. */
  heap: number;
  /** Seed of random delays. */
  chaos?: number | null;
  log?: (record: LogRecord) => void;
  /** Records of each CPU's flight recorder; see MachineOptions. */
  trace_events?: number;
}

/** Waits without keeping the process alive for it. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

export class Session {
  private constructor(
    readonly machine: Machine,
    private readonly interrupt: Interrupt,
  ) {}

  static async boot(options: SessionOptions, interrupt: Interrupt): Promise<Session> {
    let booted = false;
    const booting = Machine.boot({
      cpus: options.cpus,
      memory: options.memory,
      heap_mib: options.heap,
      soft_lockup_ms: options.watchdog * 1000,
      hard_lockup_ms: options.watchdog * 1000,
      panic_on_lockup: true,
      ...(options.chaos !== undefined && options.chaos !== null && { chaos: options.chaos }),
      ...(options.trace_events !== undefined && { trace_events: options.trace_events }),
      // The kernel's banner is no message of the module's.
      log: (record) => (booted || record.level <= 4) && options.log?.(record),
    });
    try {
      const machine = await interrupt.race(booting);
      machine.dmesg(); // takes the banner
      booted = true;
      return new Session(machine, interrupt);
    } catch (error) {
      if (interrupt.reason !== null)
        await booting.then(
          (machine) => machine.poweroff(),
          () => {},
        );
      throw error;
    }
  }

  /** Loads the module and runs its init, for at most `limit_ms`. */
  async insmod(module: LoadableModule, parameters: Record<string, string>, limit_ms: number): Promise<void> {
    try {
      const what = (): string => `${hookPlace(module, 'module_init')}: module_init of ${module.name}`;
      await this.#guard(this.machine.insmod(module, parameters), what, limit_ms);
    } catch (error) {
      const failed = /module_init returned (-\d+)/.exec((error as Error).message);
      if (!(error instanceof MachineFailure) || failed === null) throw error;
      throw new MachineFailure(`${hookPlace(module, 'module_init', Number(failed[1]))}: ${error.message}`);
    }
  }

  /** Waits until nothing runs. Return: false if that took longer than `limit_ms`. */
  idle(limit_ms: number): Promise<boolean> {
    return this.interrupt.race(this.machine.idle(limit_ms));
  }

  /** Runs module_exit and unloads. Return: false if the module has none, and stays. */
  async rmmod(module: LoadableModule, limit_ms: number): Promise<boolean> {
    try {
      const what = (): string => `${hookPlace(module, 'module_exit')}: module_exit of ${module.name}`;
      await this.#guard(this.machine.rmmod(module.name), what, limit_ms);
      return true;
    } catch (error) {
      if (error instanceof MachineFailure && error.message.includes('it has no module_exit')) return false;
      throw error;
    }
  }

  /** Tasks that wait, each with what for; of an idle machine. */
  blocked(): string[] {
    return this.machine.tasks === 0 ? [] : this.machine.blocked();
  }

  /** The texts of /proc files. Throws UsageError for a name that is none. */
  async proc(names: readonly string[]): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    for (const name of names) texts[name] = await this.interrupt.race(this.machine.proc(name));
    return texts;
  }

  get verdict(): Verdict {
    return this.machine.verdict;
  }

  end(): Promise<CpuStatistics[]> {
    return this.machine.poweroff();
  }

  /** `what` names the call, for when it does not end. */
  async #guard<T>(request: Promise<T>, what: () => string, limit_ms: number): Promise<T> {
    const watch = { over: false };
    try {
      return await this.interrupt.race(Promise.race([request, this.#stuck(watch, what, limit_ms)]));
    } finally {
      watch.over = true;
      request.catch(() => {}); // it may fail later, when the machine is powered off
    }
  }

  /** Throws when the request can't end: nothing runs and no timer is armed, and still it is not over. */
  async #stuck(watch: { over: boolean }, what: () => string, limit_ms: number): Promise<never> {
    const end = performance.now() + limit_ms;
    await pause(Math.min(LOOK_AFTER_MS, limit_ms));
    for (let quiet = 0; !watch.over;) {
      // A machine that failed rejects the request too.
      const idle = await this.machine.idle(LOOK_EVERY_MS).catch(() => false);
      quiet = idle ? quiet + 1 : 0;
      if (watch.over) break;
      if (quiet >= LOOKS) {
        const blocked = this.blocked();
        throw new MachineFailure(
          `${what()} never returns: nothing runs, and it waits for something that cannot come${blocked.map((line) => `\n  ${line}`).join('')}`,
        );
      }
      if (performance.now() > end)
        throw new MachineFailure(
          `${what()} did not return within ${limit_ms / 1000} s (--timeout)${this.machine
            .running()
            .map((line) => `\n  ${line}`)
            .join('')}`,
        );
      await pause(LOOK_EVERY_MS);
    }
    return new Promise<never>(() => {});
  }
}
