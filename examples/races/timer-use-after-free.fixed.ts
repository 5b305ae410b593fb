// timer-use-after-free.ts made right: timer_delete_sync() waits until the function has ended, wherever it runs.
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { from_timer, mod_timer, timer_delete_sync, timer_list, timer_setup } from 'lockstep/linux/timer';
import { Struct, u32 } from 'lockstep/linux/types';
import { ENOMEM } from 'lockstep/linux/errno';

class sensor extends Struct('sensor', { poll: timer_list, samples: u32 }) {}

/** Context: softirq. */
export function sensor_poll(timer: number) {
  const dev = from_timer(timer, sensor, 'poll');
  dev.samples++;
}

function sensor_probe(): number {
  const address = kzalloc(sensor.size, GFP_KERNEL);
  if (address === 0) return 0;
  const dev = sensor.at(address);
  timer_setup(dev.poll, sensor_poll, 0);
  mod_timer(dev.poll, jiffies() + 1);
  return address;
}

/** The device has been unplugged. */
export function* sensor_remove(address: number) {
  const dev = sensor.at(address);
  timer_delete_sync(dev.poll);
  kfree(dev);
  return 0;
}

module_init(() => {
  const dev = sensor_probe();
  if (dev === 0) return -ENOMEM;
  kthread_run(sensor_remove, dev, 'khubd');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
