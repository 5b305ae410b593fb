// Several kernel threads count under a mutex. Nothing is lost, whatever the interleaving.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import {
  module_exit,
  module_init,
  module_param,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  MODULE_PARM_DESC,
} from 'lockstep/linux/module';
import { mutex, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { pr_info } from 'lockstep/linux/printk';
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';

class counter extends Struct('counter', { lock: mutex, value: u32, done: u32 }) {}
const shared = DEFINE_STATIC(counter);

const threads = DEFINE_STATIC(int, 4);
module_param(threads, int, 0o444);
MODULE_PARM_DESC(threads, 'kernel threads');
const rounds = DEFINE_STATIC(int, 3);
module_param(rounds, int, 0o444);
MODULE_PARM_DESC(rounds, 'increments of each thread');

export function* worker() {
  for (let i = 0; i < rounds.value; i++) {
    yield* mutex_lock(shared.lock);
    shared.value++;
    mutex_unlock(shared.lock);
  }
  yield* mutex_lock(shared.lock);
  shared.done++;
  mutex_unlock(shared.lock);
  return 0;
}

module_init(() => {
  for (let i = 0; i < threads.value; i++) kthread_run(worker, 0, 'worker/%d', i);
  return 0;
});

module_exit(() => {
  pr_info('mutex-counter: %u increments by %u threads\n', shared.value, shared.done);
  WARN_ON(shared.value !== threads.value * rounds.value);
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('A counter under a mutex');
