// missed-wakeup.ts made right: first the state, then the look. A wake-up in between puts the state back, and schedule()
// returns at once.
import { complete, DECLARE_COMPLETION, wait_for_completion } from 'lockstep/linux/completion';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  __set_current_state,
  get_task_struct,
  put_task_struct,
  schedule,
  set_current_state,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  wake_up_process,
} from 'lockstep/linux/sched';
import { bool, DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class flusher extends Struct('flusher', { task: ptr('struct task_struct'), dirty: bool }) {}
const shared = DEFINE_STATIC(flusher);
const flushed = DECLARE_COMPLETION();

export function* flush_thread() {
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (READ_ONCE(shared, 'dirty')) break;
    yield* schedule();
  }
  __set_current_state(TASK_RUNNING);
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
