// AB-BA dead-lock. Moving pages between two pools takes the lock of the source and then that of the destination. One
// thread moves from A to B while another moves from B to A: each holds its first lock and waits for the other's.
//
// How it comes about: the function is written for one direction, where the order is always the same. Then somebody calls
// it with the arguments the other way round. Every rename() of every file system had to learn this.
// The fix: one order for all, whatever the arguments say. With two objects of one kind: the one at the lower address
// first (and mutex_lock_nested() to tell lockdep that it is meant).
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { DEFINE_STATIC, int, Struct } from 'lockstep/linux/types';

class bucket extends Struct('bucket', { lock: mutex, pages: int }) {}
class pools extends Struct('pools', { normal: bucket, reserve: bucket }) {}
const shared = DEFINE_STATIC(pools);

function* move_pages(from: bucket, to: bucket, n: number) {
  yield* mutex_lock(from.lock);
  yield* mutex_lock(to.lock);
  from.pages -= n;
  to.pages += n;
  mutex_unlock(to.lock);
  mutex_unlock(from.lock);
}

export function* shrinker() {
  yield* move_pages(shared.normal, shared.reserve, 3);
  return 0;
}
export function* refiller() {
  yield* move_pages(shared.reserve, shared.normal, 2);
  return 0;
}

module_init(() => {
  mutex_init(shared.normal.lock);
  mutex_init(shared.reserve.lock);
  shared.normal.pages = 10;
  shared.reserve.pages = 10;
  kthread_run(shrinker, 0, 'shrinker');
  kthread_run(refiller, 0, 'refiller');
  return 0;
});
module_exit(() => {
  WARN_ON(shared.normal.pages !== 9 || shared.reserve.pages !== 11);
});
MODULE_LICENSE('GPL');
