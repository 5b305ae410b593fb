// Lost update. Two receive queues of a network driver count packets in one shared counter. `rx_packets++` looks like one
// operation and is three: read, add, write. When the other queue counts between the read and the write, its packet is
// gone from the statistics for ever.
//
// How it comes about: the driver had one queue when the counter was written, and one thread needs no lock. Then the
// hardware got a second queue. Nothing crashes; years later somebody wonders why `ifconfig` and the switch disagree.
// The fix: an atomic_t, a lock, or (best, for counters) one counter for each CPU.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

const QUEUES = 2;
const PACKETS = 3;

class nic extends Struct('nic', { rx_packets: u32 }) {}
const dev = DEFINE_STATIC(nic);

export function* rx_queue() {
  for (let i = 0; i < PACKETS; i++) dev.rx_packets++;
  return 0;
}

module_init(() => {
  for (let i = 0; i < QUEUES; i++) kthread_run(rx_queue, 0, 'rx/%d', i);
  return 0;
});
module_exit(() => {
  WARN_ON(dev.rx_packets !== QUEUES * PACKETS);
});
MODULE_LICENSE('GPL');
