// noinstr: never transformed, never interrupted.
// What the scheduler knows for reports: who sleeps on what, who holds which mutex; and the check of sleeping calls.
// Context: any.
import { Mach } from '../machine/memory-map.js';
import { cpu, current_task } from '../cpu/context.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { preempt_count } from '../cpu/preempt.js';
import { a_ld, ld, st } from '../cpu/raw.js';
import { lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { report, task_comm, task_pid } from '../kernel/panic.js';
import { rcu_holdup_text } from './rcu-stall.js';
import { Event, trace_begin, trace_end, trace_event } from '../kernel/trace.js';
import { jiffies_to_msecs } from './timer.js';
import { Block, Mutex, Rwsem, RwsemCount, Semaphore, Task, WaitHead } from './task-layout.js';

const name = (task: number): string => `${task_comm(task)}/${task_pid(task)}`;

/** Reports a call that may sleep where it must not. Cheap when all is well. */
export function __might_sleep(what: string): void {
  if (preempt_count() === 0 && !irqs_disabled() && ld(current_task() + Task.RCU_NESTING) === 0) return;
  bad_context(what);
}
export const might_sleep = __might_sleep;

function bad_context(what: string): void {
  const task = current_task();
  const depth = ld(task + Task.RCU_NESTING);
  report(
    `sleeping function called from invalid context: ${what} (in_atomic(): ${preempt_count() === 0 ? 0 : 1}, irqs_disabled(): ${irqs_disabled() ? 1 : 0}, CPU ${cpu}, ${name(task)}${depth === 0 ? '' : `, RCU nest depth: ${depth}, expected: 0`})`,
  );
}

/** Notes what the running task is about to sleep on. */
export function block_on(kind: Block, address: number): void {
  const task = current_task();
  st(task + Task.BLOCK_ADDR, address);
  st(task + Task.BLOCK_KIND, kind);
  trace_event(Event.BLOCK, kind, address);
}
export function unblock(): void {
  const task = current_task();
  const kind = ld(task + Task.BLOCK_KIND);
  if (kind !== Block.NONE) trace_event(Event.UNBLOCK, kind, ld(task + Task.BLOCK_ADDR));
  st(task + Task.BLOCK_KIND, Block.NONE);
  st(task + Task.REPORTED, 0);
}

/** How reports name an rwsem and who has it. The reader is the last that came, if it has not gone yet. */
export function rwsem_text(s: number): string {
  const word = a_ld(s);
  const owner = ld(s + Rwsem.OWNER);
  const task = owner & ~1;
  const readers = word >>> RwsemCount.READER_SHIFT;
  if ((word & RwsemCount.WRITER) !== 0)
    return `${lock_text(s)}, held for writing${task === 0 ? '' : ` by ${name(task)}`}`;
  if (readers === 0) return `${lock_text(s)}, which nobody holds`;
  const last = task === 0 ? '' : readers === 1 ? `, ${name(task)}` : `, the last to come ${name(task)}`;
  return `${lock_text(s)}, held by ${readers} reader${readers === 1 ? '' : 's'}${last}`;
}

/** What the task sleeps on, with the holder. */
export function blocked_text(task: number): string {
  const address = ld(task + Task.BLOCK_ADDR);
  switch (ld(task + Task.BLOCK_KIND)) {
    case Block.MUTEX: {
      const owner = a_ld(address + Mutex.OWNER) & ~7;
      return `waits for the mutex ${lock_text(address)}, ${owner === 0 ? 'which nobody holds' : `held by ${name(owner)}`}`;
    }
    case Block.RWSEM_READ:
      return `waits for the rwsem (to read) ${rwsem_text(address)}`;
    case Block.RWSEM_WRITE:
      return `waits for the rwsem (to write) ${rwsem_text(address)}`;
    case Block.SEMAPHORE:
      return `waits for the semaphore ${lock_text(address)}, count ${ld(address + Semaphore.COUNT)}`;
    case Block.COMPLETION:
      return `waits for the completion ${lock_text(address)}`;
    case Block.WAIT_QUEUE:
      return `waits on the wait queue ${lock_text(address)}`;
    case Block.TIMEOUT:
      return `sleeps for ${jiffies_to_msecs(address)} ms`;
    case Block.TASKLET:
      return `waits for the tasklet ${lock_text(address)}`;
    case Block.WORK:
      return `waits for the work item ${lock_text(address)}`;
    case Block.WORKQUEUE:
      return `waits for the workqueue at 0x${address.toString(16)}`;
    case Block.KTHREAD_EXIT:
      return `waits for ${name(address)} to end`;
    case Block.RCU:
      return address === 0 ? 'waits for RCU callbacks' : `waits for an RCU grace period${rcu_holdup_text()}`;
    case Block.SRCU:
      return `waits for readers or callbacks of the srcu_struct ${lock_text(address)}`;
    default:
      return 'sleeps by schedule()';
  }
}

/** Chains a mutex to those that the running task holds. */
export function note_mutex(mutex: number, event: Event = Event.MUTEX_LOCK): void {
  const task = current_task();
  st(mutex + Mutex.HELD_NEXT, ld(task + Task.MUTEXES));
  st(task + Task.MUTEXES, mutex);
  trace_begin(event, mutex);
}
export function forget_mutex(mutex: number, event: Event = Event.MUTEX_UNLOCK): void {
  trace_end(event, mutex);
  let at = current_task() + Task.MUTEXES;
  for (let held = ld(at); held !== 0; held = ld(at)) {
    if (held === mutex) {
      st(at, ld(mutex + Mutex.HELD_NEXT));
      return;
    }
    at = held + Mutex.HELD_NEXT;
  }
}
/** Addresses of the mutexes, and of the rwsems for writing, that a task holds: the last one taken first. */
export function held_mutexes(task: number): number[] {
  const held: number[] = [];
  for (let m = ld(task + Task.MUTEXES), n = 0; m !== 0 && n < 16; m = ld(m + Mutex.HELD_NEXT), n++) held.push(m);
  return held;
}
export const held_mutexes_text = (task: number): string => held_mutexes(task).map(lock_text).join(', ');

/** All tasks but the idle ones. `f` must not sleep or create tasks. */
export function for_each_task(f: (task: number) => void): void {
  const flags = lock_irqsave(Mach.LOCK_TASKLIST);
  for (let at = ld(Mach.TASK_LIST); at !== Mach.TASK_LIST && at !== 0; at = ld(at)) f(at - Task.TASKS);
  unlock_irqrestore(Mach.LOCK_TASKLIST, flags);
}

/** True if nobody waits on the queue at `head`. */
export const queue_empty = (head: number): boolean => ld(head + WaitHead.LIST) === head + WaitHead.LIST;
