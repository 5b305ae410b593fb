// Missed wake-up. A thread looks whether there is work, and goes to sleep if there is none. When the work comes between
// the look and the sleep, the wake-up finds the thread awake and does nothing; then the thread sleeps, and nobody
// will wake it again.
//
// How it comes about: "if there is nothing to do, sleep" is how one thinks. In the kernel the order has to be: say that
// one is about to sleep, look once more, sleep. A wake-up after the saying puts the state back to TASK_RUNNING, and the
// schedule() that follows returns at once.
// The fix: set_current_state() before the check, or wait_event(), which is that loop.
import { complete, DECLARE_COMPLETION, wait_for_completion } from 'lockstep/linux/completion';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  get_task_struct,
  put_task_struct,
  schedule,
  set_current_state,
  TASK_UNINTERRUPTIBLE,
  wake_up_process,
} from 'lockstep/linux/sched';
import { bool, DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class flusher extends Struct('flusher', { task: ptr('struct task_struct'), dirty: bool }) {}
const shared = DEFINE_STATIC(flusher);
const flushed = DECLARE_COMPLETION();

export function* flush_thread() {
  if (!READ_ONCE(shared, 'dirty')) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    yield* schedule();
  }
  complete(flushed);
  return 0;
}

export function* writer() {
  WRITE_ONCE(shared, 'dirty', true);
  wake_up_process(shared.task);
  return 0;
}

module_init(() => {
  shared.task = kthread_run(flush_thread, 0, 'flush');
  get_task_struct(shared.task); // it may have ended when it is woken
  kthread_run(writer, 0, 'writer');
  return 0;
});
module_exit(function* () {
  yield* wait_for_completion(flushed);
  put_task_struct(shared.task);
});
MODULE_LICENSE('GPL');
