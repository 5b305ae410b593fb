// abba-deadlock.ts made right: whatever the direction, the bucket at the lower address is locked first.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { addr_of, DEFINE_STATIC, int, Struct } from 'lockstep/linux/types';

class bucket extends Struct('bucket', { lock: mutex, pages: int }) {}
class pools extends Struct('pools', { normal: bucket, reserve: bucket }) {}
const shared = DEFINE_STATIC(pools);

/** Both locks, in the one order that everybody keeps. */
function* lock_two(a: bucket, b: bucket) {
  const [first, second] = addr_of(a) < addr_of(b) ? [a, b] : [b, a];
  yield* mutex_lock(first.lock);
  yield* mutex_lock(second.lock);
}

function* move_pages(from: bucket, to: bucket, n: number) {
  yield* lock_two(from, to);
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
