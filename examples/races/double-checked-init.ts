// Double-checked initialisation. A table is built when it is first needed: look at a flag without the lock, and only if
// it is clear, take the lock, look again and build. Here the flag is set before the table is there, so a second caller
// sees it and goes on with a table that is half built, or with NULL.
//
// How it comes about: everybody remembers the second check. That the flag is what publishes the table, and has to be
// written last (and with release order, for CPUs that reorder), is what is forgotten.
// The fix: build in private, then publish with smp_store_release(); readers use smp_load_acquire(). Or DO_ONCE(), or the
// mutex alone.
import { BUG_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { array, bool, DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';

class crc_table extends Struct('crc_table', { entry: array(u32, 2) }) {}
class cache extends Struct('cache', { ready: bool, table: ptr('struct crc_table') }) {}
const crc = DEFINE_STATIC(cache);
const init_lock = DEFINE_MUTEX();

function* crc_get() {
  if (!crc.ready) {
    yield* mutex_lock(init_lock);
    if (!crc.ready) {
      crc.ready = true;
      const table = crc_table.at(kmalloc(crc_table.size, GFP_KERNEL));
      for (let i = 0; i < 2; i++) table.entry.set(i, 0xedb88320 >>> i);
      crc.table = table['@addr'];
    }
    mutex_unlock(init_lock);
  }
  return crc_table.at(crc.table);
}

export function* checksum(byte: number) {
  const table = yield* crc_get();
  BUG_ON(table.entry.at(byte) !== 0xedb88320 >>> byte);
  return 0;
}

module_init(() => {
  for (let i = 0; i < 2; i++) kthread_run(checksum, i, 'checksum/%d', i);
  return 0;
});
module_exit(() => kfree(crc.table));
MODULE_LICENSE('GPL');
