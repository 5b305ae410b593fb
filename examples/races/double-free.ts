// Double free. A request's buffer is freed by whoever is done with it first: the completion path, or the path that
// cancels the request. Each looks whether the pointer is there, frees, and clears it. When both look before either
// clears, the buffer is freed twice.
//
// How it comes about: "if (p) { kfree(p); p = NULL; }" is an idiom that makes a second call harmless. It is harmless when
// one call comes after the other, not when they come together.
// The fix: take the pointer out in one operation, xchg(&req->buffer, NULL), and free what one got; or let one path own
// the buffer.
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class request extends Struct('request', { buffer: ptr() }) {}
const req = DEFINE_STATIC(request);

function free_buffer(): void {
  if (req.buffer !== 0) {
    kfree(req.buffer);
    req.buffer = 0;
  }
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
