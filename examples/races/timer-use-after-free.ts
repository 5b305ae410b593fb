// Use after free between a timer and removal. A driver polls its device by a timer. remove() takes the timer out of the
// queue and frees the device; but the timer's function may be running on another CPU right now, and goes on in memory
// that is free.
//
// How it comes about: del_timer() sounds final, and says so by its return value; it says nothing about a function
// that has already begun. On one CPU it never shows.
// The fix: timer_delete_sync() (del_timer_sync() of old), which waits for a running function; timer_shutdown_sync()
// when the function arms its timer again.
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { from_timer, mod_timer, timer_delete, timer_list, timer_setup } from 'lockstep/linux/timer';
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
  timer_delete(dev.poll);
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
