// Two flags in one word. Bit 0 of `flags` is changed under one lock, bit 1 under another, each by the quick non-atomic
// form, which reads the word, changes its bit, and writes the whole word back: with the other bit as it was.
//
// How it comes about: every flag has its lock, and __set_bit() is right "because we hold the lock". The locks are
// different; the word is the same. Bit fields of C (`unsigned dead:1, closing:1`) do the same without a function's name.
// The fix: set_bit(), which is atomic; or one lock for all bits of a word.
import { __set_bit, test_bit } from 'lockstep/linux/bitops';
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
  __set_bit(TX_STOPPED, dev, 'flags');
  spin_unlock(tx_lock);
  return 0;
}
export function* stop_rx() {
  spin_lock(rx_lock);
  __set_bit(RX_STOPPED, dev, 'flags');
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
