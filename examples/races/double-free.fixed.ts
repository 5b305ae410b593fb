// double-free.ts made right: xchg() gives the pointer to one of the two, and NULL, which kfree() ignores, to the other.
import { xchg } from 'lockstep/linux/cmpxchg';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class request extends Struct('request', { buffer: ptr() }) {}
const req = DEFINE_STATIC(request);

function free_buffer(): void {
  kfree(xchg(req, 'buffer', 0));
}

export function* request_done() {
  free_buffer();
  return 0;
}
export function* request_cancel() {
  free_buffer();
  return 0;
}

module_init(() => {
  req.buffer = kmalloc(512, GFP_KERNEL);
  kthread_run(request_done, 0, 'done');
  kthread_run(request_cancel, 0, 'cancel');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
