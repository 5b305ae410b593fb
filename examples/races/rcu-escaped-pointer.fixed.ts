// rcu-escaped-pointer.ts made right: the section ends behind the last use of what the pointer points at.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  rcu_assign_pointer,
  rcu_dereference,
  rcu_read_lock,
  rcu_read_unlock,
  synchronize_rcu,
} from 'lockstep/linux/rcupdate';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';

class config extends Struct('config', { mtu: u32 }) {}
class device extends Struct('device', { config: ptr('struct config') }) {}
const dev = DEFINE_STATIC(device);

function new_config(mtu: number): number {
  const made = config.at(kzalloc(config.size, GFP_KERNEL));
  made.mtu = mtu;
  return made['@addr'];
}

export function* transmit() {
  rcu_read_lock();
  const now = config.at(rcu_dereference(dev, 'config'));
  WARN_ON(now.mtu !== 1500 && now.mtu !== 9000);
  rcu_read_unlock();
  return 0;
}

export function* set_mtu() {
  const old = dev.config;
  rcu_assign_pointer(dev, 'config', new_config(9000));
  yield* synchronize_rcu();
  kfree(old);
  return 0;
}

module_init(() => {
  rcu_assign_pointer(dev, 'config', new_config(1500));
  kthread_run(transmit, 0, 'transmit');
  kthread_run(set_mtu, 0, 'set_mtu');
  return 0;
});
module_exit(() => kfree(dev.config));
MODULE_LICENSE('GPL');
