// lost-update.ts made right: the counter is an atomic_t, whose increment nothing can come between.
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_STATIC, Struct } from 'lockstep/linux/types';

const QUEUES = 2;
const PACKETS = 3;

class nic extends Struct('nic', { rx_packets: atomic_t }) {}
const dev = DEFINE_STATIC(nic);

export function* rx_queue() {
  for (let i = 0; i < PACKETS; i++) atomic_inc(dev.rx_packets);
  return 0;
}

module_init(() => {
  for (let i = 0; i < QUEUES; i++) kthread_run(rx_queue, 0, 'rx/%d', i);
  return 0;
});
module_exit(() => {
  WARN_ON(atomic_read(dev.rx_packets) !== QUEUES * PACKETS);
});
MODULE_LICENSE('GPL');
