// double-checked-init.ts made right: the pointer itself is the flag, and it is published when the table is whole.
import { smp_load_acquire, smp_store_release } from 'lockstep/linux/barrier';
import { BUG_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { array, DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';

class crc_table extends Struct('crc_table', { entry: array(u32, 2) }) {}
class cache extends Struct('cache', { table: ptr('struct crc_table') }) {}
const crc = DEFINE_STATIC(cache);
const init_lock = DEFINE_MUTEX();

function* crc_get() {
  if (smp_load_acquire(crc, 'table') === 0) {
    yield* mutex_lock(init_lock);
    if (crc.table === 0) {
      const table = crc_table.at(kmalloc(crc_table.size, GFP_KERNEL));
      for (let i = 0; i < 2; i++) table.entry.set(i, 0xedb88320 >>> i);
      smp_store_release(crc, 'table', table['@addr']);
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
