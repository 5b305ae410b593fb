// sleep-in-atomic.ts made right: the buffer is allocated when the lock is free again.
import { BUG_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

const BUFFER = 64;

class queue extends Struct('queue', { spare: ptr() }) {}
const shared = DEFINE_STATIC(queue);
const lock = DEFINE_SPINLOCK();

function get_buffer(): number {
  spin_lock(lock);
  let buffer = shared.spare;
  shared.spare = 0;
  spin_unlock(lock);
  if (buffer === 0) buffer = kmalloc(BUFFER, GFP_KERNEL);
  return buffer;
}
function put_buffer(buffer: number): void {
  spin_lock(lock);
  const old = shared.spare;
  shared.spare = buffer;
  spin_unlock(lock);
  kfree(old);
}

export function* submit() {
  const buffer = get_buffer();
  BUG_ON(buffer === 0);
  put_buffer(buffer);
  return 0;
}

module_init(() => {
  shared.spare = kmalloc(BUFFER, GFP_KERNEL);
  for (let i = 0; i < 2; i++) kthread_run(submit, 0, 'submit/%d', i);
  return 0;
});
module_exit(() => kfree(shared.spare));
MODULE_LICENSE('GPL');
