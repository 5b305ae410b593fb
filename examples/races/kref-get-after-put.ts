// A reference taken from a count that is zero already. lookup() finds a session in a list and takes a reference; put()
// drops the last one, and only then takes the list's lock to unlink the session. In between, lookup() finds a session
// whose count is zero, takes it back to one, and hands out what is about to be freed.
//
// How it comes about: "it is in the list, and I hold the list's lock, so it is alive." That holds only if the list itself
// owns a reference, or if the last put happens under the lock.
// The fix: kref_get_unless_zero(), and a session that is dying counts as not found; or kref_put_lock().
import { container_of } from 'lockstep/linux/container_of';
import { ENOMEM } from 'lockstep/linux/errno';
import { kref, kref_get, kref_init, kref_put } from 'lockstep/linux/kref';
import { kthread_run } from 'lockstep/linux/kthread';
import { LIST_HEAD, list_add, list_del, list_for_each_entry, list_head } from 'lockstep/linux/list';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { Struct, u32 } from 'lockstep/linux/types';

class session extends Struct('session', { link: list_head, ref: kref, id: u32 }) {}
const sessions = LIST_HEAD();
const lock = DEFINE_SPINLOCK();

function session_release(ref: kref): void {
  const s = container_of(ref, session, 'ref');
  spin_lock(lock);
  list_del(s.link);
  spin_unlock(lock);
  kfree(s);
}

/** The session with a reference for the caller, NULL if there is none. */
function session_lookup(id: number): number {
  let found = 0;
  spin_lock(lock);
  for (const s of list_for_each_entry(sessions, session, 'link')) {
    if (s.id !== id) continue;
    kref_get(s.ref);
    found = s['@addr'];
    break;
  }
  spin_unlock(lock);
  return found;
}

export function* request() {
  const found = session_lookup(7);
  if (found !== 0) kref_put(session.at(found).ref, session_release);
  return 0;
}
export function* logout(address: number) {
  kref_put(session.at(address).ref, session_release);
  return 0;
}

module_init(() => {
  const address = kzalloc(session.size, GFP_KERNEL);
  if (address === 0) return -ENOMEM;
  const s = session.at(address);
  kref_init(s.ref);
  s.id = 7;
  list_add(s.link, sessions);
  kthread_run(request, 0, 'request');
  kthread_run(logout, address, 'logout');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
