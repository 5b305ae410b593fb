// Reader upgrade dead-lock. A lookup holds the table's rw_semaphore for reading; when the entry is not there, it goes on
// to insert it and takes the same semaphore for writing, still holding it as a reader. A writer waits for all readers:
// here for itself.
//
// How it comes about: lookup() and insert() are fine each, and then one calls the other. Mostly somebody else has
// inserted the entry before, so the path that locks up is never taken in tests.
// The fix: up_read() first, then down_write(), and look again, because somebody may have been quicker.
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DECLARE_RWSEM, down_read, down_write, up_read, up_write } from 'lockstep/linux/rwsem';
import { DEFINE_STATIC, int, Struct } from 'lockstep/linux/types';
import { WARN_ON } from 'lockstep/linux/bug';

class table extends Struct('table', { address: int, inserted: int }) {}
const arp = DEFINE_STATIC(table);
const sem = DECLARE_RWSEM();

function* insert() {
  yield* down_write(sem);
  if (arp.address === 0) {
    arp.address = 42;
    arp.inserted++;
  }
  up_write(sem);
}

/** Looks the neighbour up; asks for it if it is not known. */
export function* transmit() {
  yield* down_read(sem);
  let known = arp.address;
  if (known === 0) {
    yield* insert();
    known = arp.address;
  }
  up_read(sem);
  WARN_ON(known === 0);
  return 0;
}

/** The neighbour says hello by itself. */
export function* announcement() {
  yield* insert();
  return 0;
}

module_init(() => {
  kthread_run(announcement, 0, 'announcement');
  kthread_run(transmit, 0, 'transmit');
  return 0;
});
module_exit(() => {
  WARN_ON(arp.inserted !== 1);
});
MODULE_LICENSE('GPL');
