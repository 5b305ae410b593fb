// noinstr: never transformed, never interrupted.
// The structs of <linux/wait.h>. See wait.ts.
import { init_wait_head } from '../sched/wait.js';
import { list_head } from './list-types.js';
import { spinlock_t } from './spinlock.js';
import { fn, ptr, Struct, u32 } from './types.js';

/** `lock` protects the list; wake-ups take it with interrupts off. */
export class wait_queue_head_t extends Struct(
  'wait_queue_head',
  { lock: spinlock_t, head: list_head },
  { init: init_wait_head },
) {}
/** `private` is the task; `func` is called to wake it, 0 stands for default_wake_function. */
export class wait_queue_entry_t extends Struct('wait_queue_entry', {
  flags: u32,
  private: ptr(),
  func: fn,
  entry: list_head,
}) {}
