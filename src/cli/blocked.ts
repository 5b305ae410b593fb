// Which tasks wait, and for what, read out of the memory of a machine that is idle: when nothing runs any more there is
// no CPU to ask. Reads without a lock and trusts nothing; symbols are known on the CPUs only, so things have addresses.
import type { Machine } from '../machine/machine.js';
import { Mach } from '../machine/memory-map.js';
import { Block, Mutex, PF_DAEMON, Task } from '../sched/task-layout.js';

const MOST = 64;

export function blockedTasks(machine: Machine): string[] {
  const words = new Int32Array(machine.memory.buffer);
  const bytes = new Uint8Array(machine.memory.buffer);
  const word = (a: number): number => (a > 0 && a < bytes.length ? words[a >> 2]! : 0);
  const name = (task: number): string => {
    const end = bytes.indexOf(0, task + Task.COMM);
    return `${Buffer.from(bytes.slice(task + Task.COMM, Math.min(end, task + Task.COMM + 16))).toString()}/${word(task + Task.PID)}`;
  };
  const what = (task: number): string => {
    const address = word(task + Task.BLOCK_ADDR);
    const at = `at 0x${address.toString(16)}`;
    switch (word(task + Task.BLOCK_KIND)) {
      case Block.MUTEX: {
        const owner = word(address + Mutex.OWNER) & ~7;
        return `waits for the mutex ${at}, ${owner === 0 ? 'which nobody holds' : `held by ${name(owner)}`}`;
      }
      case Block.COMPLETION:
        return `waits for the completion ${at}`;
      case Block.WAIT_QUEUE:
        return `waits on the wait queue ${at}`;
      case Block.KTHREAD_EXIT:
        return `waits for ${name(address)} to end`;
      default:
        return 'sleeps by schedule()';
    }
  };
  const lines: string[] = [];
  for (let at = word(Mach.TASK_LIST); at !== Mach.TASK_LIST && at !== 0 && lines.length < MOST; at = word(at)) {
    const task = at - Task.TASKS;
    if ((word(task + Task.FLAGS) & PF_DAEMON) === 0) lines.push(`${name(task)} ${what(task)}`);
  }
  return lines;
}
