// aba-stack.ts made right: pushing stays lock-free, and a spin lock lets one CPU pop at a time: nobody can take the top
// away and put it back while another looks at it.
import { atomic_dec, atomic_inc_return, atomic_t } from 'lockstep/linux/atomic';
import { WARN_ON } from 'lockstep/linux/bug';
import { cmpxchg } from 'lockstep/linux/cmpxchg';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class descriptor extends Struct('descriptor', { next: ptr('struct descriptor'), users: atomic_t }) {}
class pool extends Struct('pool', { top: ptr('struct descriptor'), all: array(descriptor, 2) }) {}
const ring = DEFINE_STATIC(pool);
const consumer = DEFINE_SPINLOCK();

function push(d: number): void {
  let top;
  do {
    top = READ_ONCE(ring, 'top');
    WRITE_ONCE(descriptor.at(d), 'next', top);
  } while (cmpxchg(ring, 'top', top, d) !== top);
}
function pop(): number {
  spin_lock(consumer);
  let top;
  do {
    top = READ_ONCE(ring, 'top');
  } while (top !== 0 && cmpxchg(ring, 'top', top, READ_ONCE(descriptor.at(top), 'next')) !== top);
  spin_unlock(consumer);
  return top;
}

function get(): number {
  const d = pop();
  if (d !== 0) WARN_ON(atomic_inc_return(descriptor.at(d).users) !== 1);
  return d;
}
function put(d: number): void {
  if (d === 0) return;
  atomic_dec(descriptor.at(d).users);
  push(d);
}

export function* sender() {
  for (let i = 0; i < 3; i++) put(get());
  return 0;
}
/** Needs two; gives the first one back first. */
export function* gatherer() {
  for (let i = 0; i < 2; i++) {
    const first = get();
    const second = get();
    put(first);
    put(second);
  }
  return 0;
}

module_init(() => {
  for (let i = 0; i < 2; i++) push(ring.all.at(i)['@addr']);
  kthread_run(sender, 0, 'sender');
  kthread_run(gatherer, 0, 'gatherer');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
