// The library: `import { Machine, explore, replay } from 'lockstep'`. Host code; the kernel's headers for modules are
// 'lockstep/linux/*'.
//
//   const machine = await Machine.boot({ cpus: 4 });
//   const { name } = await machine.insmod('counter.ts', { threads: 8 });
//   await machine.idle();
//   await machine.rmmod(name);
//   console.log(machine.dmesg().join('\n'), machine.verdict);
//   await machine.poweroff();
//   await release_pools();
import { release_pools as release } from './machine/pool.js';

export { Machine, type MachineOptions, type Verdict } from './machine/machine.js';
export { EnvironmentFailure, LockstepError, MachineFailure, UsageError } from './machine/errors.js';
export { format_record } from './machine/log-format.js';
export type { ChromeEvent, ChromeTrace } from './machine/chrome-types.js';
export type { CpuStatistics } from './machine/statistics.js';
export type { LogRecord } from './kernel/log-reader.js';
export { compileModule, type CompiledModule, type CompileOptions } from './module/compile.js';
export { loadModule, type LoadableModule } from './module/load.js';
export { SourceErrors, type RefusalKind, type SourceError } from './module/errors.js';
export {
  explore,
  replay,
  type ExploreOptions,
  type ExploreResult,
  type Failure,
  type CountedResults,
  type LogLine,
  type Outcome,
  type ReplayOptions,
  type ReplayResult,
  type VerdictKind,
} from './explore/index.js';
export { expectFailure, expectNoFailure, ExplorationError, throwIfFailed } from './explore/expect.js';

/** Ends the threads that are kept for the next boot, and their memory: a program is done sooner then. */
export const release_pools: () => Promise<void> = release;
