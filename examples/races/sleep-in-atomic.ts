// Sleep in atomic context. A queue of commands keeps a spare buffer. Whoever needs one takes the spare under the spin
// lock; if it is gone, a new one is allocated on the spot, with GFP_KERNEL, which may sleep: with a spin lock held.
//
// How it comes about: the slow path is added later, in the middle of the fast one, and nearly never runs: it takes two
// submitters at the same time. When it does, kmalloc() mostly finds memory and does not really sleep. One day it has to,
// the CPU goes to sleep with the lock held, and everybody else spins.
// The fix: GFP_ATOMIC, or allocate before taking the lock.
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
  if (buffer === 0) buffer = kmalloc(BUFFER, GFP_KERNEL);
  spin_unlock(lock);
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
