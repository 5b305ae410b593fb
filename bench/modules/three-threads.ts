// The explorer's module without the threads' work: what their creation and end take.
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';

export function worker() {
  return 0;
}
module_init(() => {
  for (let i = 0; i < 3; i++) kthread_run(worker, 0, 'worker/%d', i);
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
