// flags-lost-bit.ts made right: set_bit() changes its bit and nothing else, whoever holds which lock.
import { set_bit, test_bit } from 'lockstep/linux/bitops';
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, Struct, ulong } from 'lockstep/linux/types';

const TX_STOPPED = 0;
const RX_STOPPED = 1;

class port extends Struct('port', { flags: ulong }) {}
const dev = DEFINE_STATIC(port);
const tx_lock = DEFINE_SPINLOCK();
const rx_lock = DEFINE_SPINLOCK();

export function* stop_tx() {
  spin_lock(tx_lock);
  set_bit(TX_STOPPED, dev, 'flags');
  spin_unlock(tx_lock);
  return 0;
}
export function* stop_rx() {
  spin_lock(rx_lock);
  set_bit(RX_STOPPED, dev, 'flags');
  spin_unlock(rx_lock);
  return 0;
}

module_init(() => {
  kthread_run(stop_tx, 0, 'stop_tx');
  kthread_run(stop_rx, 0, 'stop_rx');
  return 0;
});
module_exit(() => {
  WARN_ON(!test_bit(TX_STOPPED, dev, 'flags') || !test_bit(RX_STOPPED, dev, 'flags'));
});
MODULE_LICENSE('GPL');
