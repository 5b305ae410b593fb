// Which tasks wait, and for what, read out of the machine's memory: when nothing runs any more there is no CPU to ask,
// and a machine that hangs would not answer. Reads without a lock and trusts nothing. The text is that of
// sched/debug.ts; names come from what the modules announced when they were loaded.
import { Mach, PERCPU, PERCPU_SIZE } from './memory-map.js';
import { MAX_CPUS } from './params.js';
import {
  Block,
  Mutex,
  PF_DAEMON,
  PF_ON_DEMAND,
  Rwsem,
  RwsemCount,
  Semaphore,
  Task,
  TASK_NOLOAD,
  TASK_SIZE,
} from '../sched/task-layout.js';

/** Tasks that a report names. */
const MOST = 256;

/** Static data of a module: name, address (or per-CPU offset) and bytes. A function, its or the kernel's: text handle. */
export type DataSymbol = [name: string, value: number, size: number, text?: 'text' | 'kernel'];

/** Loads that are over whose names are kept: events that are older than an unload are read after it. */
const GONE_KEPT = 32;

/** Names of addresses, as kallsyms gives them. */
export class SymbolTable {
  readonly #modules = new Map<string, DataSymbol[]>();
  readonly #gone: [module: string, symbols: DataSymbol[]][] = [];

  add(module: string, symbols: DataSymbol[]): void {
    this.#modules.set(module, symbols);
  }
  delete(module: string): void {
    const symbols = this.#modules.get(module);
    if (symbols !== undefined) this.#gone.unshift([module, symbols]);
    this.#gone.length = Math.min(this.#gone.length, GONE_KEPT);
    this.#modules.delete(module);
  }
  /** `name+0x4/0x20 [module]`, or the address. */
  text(address: number): string {
    return data_name(this.#modules, address) ?? hex(address);
  }
  /** As text, for an address that was meant some time ago: names of modules that are unloaded by now count too. */
  past_text(address: number): string {
    return data_name(this.#modules, address) ?? data_name(this.#gone, address) ?? hex(address);
  }
  /** `name [module]` of a text handle, or the number; functions of modules that are unloaded by now too. */
  function_text(handle: number): string {
    return function_name(this.#modules, handle) ?? function_name(this.#gone, handle) ?? hex(handle);
  }
}
const hex = (address: number): string => `0x${(address >>> 0).toString(16)}`;

function data_name(modules: Iterable<[string, DataSymbol[]]>, address: number): string | null {
  const percpu = address >= PERCPU && address < PERCPU + MAX_CPUS * PERCPU_SIZE;
  const value = percpu ? (address - PERCPU) % PERCPU_SIZE : address;
  for (const [module, symbols] of modules)
    for (const [name, start, size, text] of symbols) {
      if (text !== undefined || value < start || value >= start + Math.max(1, size)) continue;
      const cpu = percpu ? ` of CPU ${Math.floor((address - PERCPU) / PERCPU_SIZE)}` : '';
      return `${name}+0x${(value - start).toString(16)}/0x${size.toString(16)} [${module}]${cpu}`;
    }
  return null;
}
function function_name(modules: Iterable<[string, DataSymbol[]]>, handle: number): string | null {
  for (const [module, symbols] of modules)
    for (const [name, value, , text] of symbols)
      if (text !== undefined && value === handle) return text === 'kernel' ? name : `${name} [${module}]`;
  return null;
}

/** One line for each task that sleeps without a time-out: name/pid and what it waits for, with the holder. */
export function blocked_tasks(memory: WebAssembly.Memory, symbols: SymbolTable): string[] {
  const words = new Int32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const word = (a: number): number => (a > 0 && a < bytes.length ? Atomics.load(words, a >> 2) : 0);
  const name = (task: number): string => {
    let text = '';
    for (let i = 0, c; i < 16 && (c = bytes[task + Task.COMM + i] ?? 0) !== 0; i++) text += String.fromCharCode(c);
    return `${text}/${word(task + Task.PID)}`;
  };
  const rwsem = (address: number): string => {
    const count = word(address);
    const owner = word(address + Rwsem.OWNER) & ~1;
    const readers = count >>> RwsemCount.READER_SHIFT;
    const held =
      (count & RwsemCount.WRITER) !== 0
        ? `held for writing${owner === 0 ? '' : ` by ${name(owner)}`}`
        : readers === 0
          ? 'which nobody holds'
          : `held by ${readers} reader${readers === 1 ? '' : 's'}${owner === 0 ? '' : readers === 1 ? `, ${name(owner)}` : `, the last to come ${name(owner)}`}`;
    return `${symbols.text(address)}, ${held}`;
  };
  const what = (task: number): string => {
    const address = word(task + Task.BLOCK_ADDR);
    switch (word(task + Task.BLOCK_KIND)) {
      case Block.MUTEX: {
        const owner = word(address + Mutex.OWNER) & ~7;
        return `waits for the mutex ${symbols.text(address)}, ${owner === 0 ? 'which nobody holds' : `held by ${name(owner)}`}`;
      }
      case Block.RWSEM_READ:
        return `waits for the rwsem (to read) ${rwsem(address)}`;
      case Block.RWSEM_WRITE:
        return `waits for the rwsem (to write) ${rwsem(address)}`;
      case Block.SEMAPHORE:
        return `waits for the semaphore ${symbols.text(address)}, count ${word(address + Semaphore.COUNT)}`;
      case Block.COMPLETION:
        return `waits for the completion ${symbols.text(address)}`;
      case Block.WAIT_QUEUE:
        return `waits on the wait queue ${symbols.text(address)}`;
      case Block.SRCU:
        return `waits for readers or callbacks of the srcu_struct ${symbols.text(address)}`;
      case Block.RCU:
        return address === 0 ? 'waits for RCU callbacks' : 'waits for an RCU grace period';
      case Block.TASKLET:
        return `waits for the tasklet ${symbols.text(address)}`;
      case Block.WORK:
        return `waits for the work item ${symbols.text(address)}`;
      case Block.WORKQUEUE:
        return `waits for the workqueue at 0x${address.toString(16)}`;
      case Block.KTHREAD_EXIT:
        return `waits for ${name(address)} to end`;
      default:
        return 'sleeps by schedule()';
    }
  };
  const lines: string[] = [];
  let more = 0;
  // However a list in a memory that is in use, or was left in the middle, goes round: no more than there can be.
  const can_be = bytes.length / TASK_SIZE;
  for (let at = word(Mach.TASK_LIST), n = 0; at !== Mach.TASK_LIST && at !== 0 && n < can_be; at = word(at), n++) {
    const task = at - Task.TASKS;
    const sleeps = word(task + Task.ON_RQ) === 0 && word(task + Task.STATE) !== 0;
    const idle = (word(task + Task.STATE) & TASK_NOLOAD) !== 0 && (word(task + Task.FLAGS) & PF_ON_DEMAND) !== 0;
    if (
      !sleeps ||
      idle ||
      (word(task + Task.FLAGS) & PF_DAEMON) !== 0 ||
      word(task + Task.BLOCK_KIND) === Block.TIMEOUT
    )
      continue;
    if (lines.length < MOST) lines.push(`${name(task)} ${what(task)}`);
    else more++;
  }
  if (more > 0) lines.push(`... and ${more} more`);
  return lines;
}
