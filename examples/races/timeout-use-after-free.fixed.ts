// timeout-use-after-free.ts made right: after a time-out the caller takes the request back. If the device has it in its
// hands already, the answer is about to come, and the caller waits for it.
import {
  complete,
  completion,
  init_completion,
  wait_for_completion,
  wait_for_completion_timeout,
} from 'lockstep/linux/completion';
import { ENOMEM } from 'lockstep/linux/errno';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';

class request extends Struct('request', { done: completion, status: u32 }) {}
class mailbox extends Struct('mailbox', { pending: ptr('struct request') }) {}
const box = DEFINE_STATIC(mailbox);
const lock = DEFINE_SPINLOCK();

/** The request that the device works on, NULL if there is none; it is the caller's from now on. */
function take_pending(): number {
  spin_lock(lock);
  const address = box.pending;
  box.pending = 0;
  spin_unlock(lock);
  return address;
}

/** The device answers. */
export function* device() {
  const address = take_pending();
  if (address === 0) return 0;
  const req = request.at(address);
  req.status = 1;
  complete(req.done);
  return 0;
}

export function* ioctl(address: number) {
  const req = request.at(address);
  const left = yield* wait_for_completion_timeout(req.done, 1);
  if (left === 0 && take_pending() === 0) yield* wait_for_completion(req.done);
  kfree(req);
  return 0;
}

module_init(() => {
  box.pending = kzalloc(request.size, GFP_KERNEL);
  if (box.pending === 0) return -ENOMEM;
  init_completion(request.at(box.pending).done);
  kthread_run(ioctl, box.pending, 'ioctl');
  kthread_run(device, 0, 'device');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
