// A lost update. Meant to fail: three threads count under a lock, but each counts once more without it. `packets++` is
// a read and then a write; when another thread counts between the two, its update is lost, and module_exit warns.
//
// Run in parallel this goes well nearly every time: the window is a few nanoseconds. `lockstep explore` finds the
// interleaving within a few schedules and gives a token that replays it for ever.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_DESCRIPTION, MODULE_LICENSE } from 'lockstep/linux/module';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

class stats extends Struct('stats', { lock: spinlock_t, packets: u32 }) {}
const shared = DEFINE_STATIC(stats); // in the machine's memory, at one address on every CPU

// Exported: that makes it a symbol, so every CPU can find it.
export function* worker() {
  for (let i = 0; i < 3; i++) {
    spin_lock(shared.lock);
    shared.packets++; // a read, then a write: two steps
    spin_unlock(shared.lock);
  }
  shared.packets++; // no lock: here an update can be lost
  return 0;
}

module_init(() => {
  for (let i = 0; i < 3; i++) kthread_run(worker, 0, 'worker/%d', i);
  return 0;
});

module_exit(() => {
  WARN_ON(shared.packets !== 12); // the invariant
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('Loses an update, sometimes');
