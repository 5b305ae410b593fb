// A lock dropped in the middle of a list walk. Expired entries are reported while the list is walked, and the report must
// not be made under the lock: so the lock is dropped for it and taken again. Whoever deletes the entry meanwhile leaves
// the walk standing on memory that is free.
//
// How it comes about: a spin lock is held where something sleeps ("BUG: sleeping function called ..."), and unlock/lock
// around the call is the smallest patch that makes the message go away. list_for_each_entry_safe() would not help: it
// protects against deletions by the loop itself only.
// The fix: take what is to be reported off the list under the lock, and report it when the lock is free.
import { kthread_run } from 'lockstep/linux/kthread';
import {
  LIST_HEAD,
  list_add_tail,
  list_del,
  list_for_each_entry,
  list_for_each_entry_safe,
  list_head,
} from 'lockstep/linux/list';
import { list_first_entry_or_null } from 'lockstep/linux/list';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { Struct, u32 } from 'lockstep/linux/types';

class lease extends Struct('lease', { link: list_head, address: u32 }) {}
const leases = LIST_HEAD();
const lock = DEFINE_SPINLOCK();

function* notify(_address: number) {
  // tells user space: may sleep
}

export function* expire() {
  spin_lock(lock);
  for (const l of list_for_each_entry(leases, lease, 'link')) {
    const address = l.address;
    spin_unlock(lock);
    yield* notify(address);
    spin_lock(lock);
  }
  spin_unlock(lock);
  return 0;
}

/** Gives the oldest lease back. */
export function* release() {
  spin_lock(lock);
  const l = list_first_entry_or_null(leases, lease, 'link');
  if (l !== null) list_del(l.link);
  spin_unlock(lock);
  if (l !== null) kfree(l);
  return 0;
}

module_init(() => {
  for (let i = 1; i <= 2; i++) {
    const l = lease.at(kzalloc(lease.size, GFP_KERNEL));
    l.address = i;
    list_add_tail(l.link, leases);
  }
  kthread_run(expire, 0, 'expire');
  kthread_run(release, 0, 'release');
  return 0;
});
module_exit(() => {
  for (const l of list_for_each_entry_safe(leases, lease, 'link')) kfree(l);
});
MODULE_LICENSE('GPL');
