// reader-upgrade.ts made right: the reader lets go before it becomes a writer, and insert() looks again.
import { READ_ONCE } from 'lockstep/linux/compiler';
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
  up_read(sem);
  if (known === 0) {
    yield* insert();
    known = READ_ONCE(arp, 'address'); // never removed
  }
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
