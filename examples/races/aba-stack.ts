// ABA in a lock-free stack. pop() reads the top element A and A's next, B, and then swings the top from A to B by
// cmpxchg(), which succeeds if the top is still A. It is A again, too, when another CPU has popped A and B meanwhile and
// pushed A back: then the top becomes B, which that CPU is using.
//
// How it comes about: "if the top has not changed, nothing has". An address that comes back is not the same state. Type-
// stable pools, where elements are never given back to kmalloc, make it frequent.
// The fix: one consumer at a time. llist_del_first() says so in its comment: any number of llist_add(), but a lock around
// the removals. (Or a version beside the pointer, and a double-word cmpxchg.)
import { atomic_dec, atomic_inc_return, atomic_t } from 'lockstep/linux/atomic';
import { WARN_ON } from 'lockstep/linux/bug';
import { cmpxchg } from 'lockstep/linux/cmpxchg';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { array, DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class descriptor extends Struct('descriptor', { next: ptr('struct descriptor'), users: atomic_t }) {}
class pool extends Struct('pool', { top: ptr('struct descriptor'), all: array(descriptor, 2) }) {}
const ring = DEFINE_STATIC(pool);

function push(d: number): void {
  let top;
  do {
    top = READ_ONCE(ring, 'top');
    WRITE_ONCE(descriptor.at(d), 'next', top);
  } while (cmpxchg(ring, 'top', top, d) !== top);
}
function pop(): number {
  for (;;) {
    const top = READ_ONCE(ring, 'top');
    if (top === 0) return 0;
    const next = READ_ONCE(descriptor.at(top), 'next');
    if (cmpxchg(ring, 'top', top, next) === top) return top;
  }
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
