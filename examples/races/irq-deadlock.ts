// Self-dead-lock through an interrupt. The write path and the interrupt handler of a serial port share a lock, and the
// write path takes it by plain spin_lock(). When the interrupt arrives while this very CPU holds the lock, the handler
// spins for a lock whose holder it has interrupted: for ever.
//
// How it comes about: the handler's author used spin_lock(), which is right there (interrupts are off in a handler), and
// the line was copied to the write path, where they are on. It works in every test, until one interrupt is quick enough.
// The fix: who shares a lock with an interrupt handler takes it with interrupts off, by spin_lock_irqsave().
import { WARN_ON } from 'lockstep/linux/bug';
import { init_irq_work, irq_work, irq_work_queue, irq_work_sync } from 'lockstep/linux/irq_work';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { spin_lock, spin_lock_init, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

class uart extends Struct('uart', { lock: spinlock_t, tx_irq: irq_work, queued: u32, sent: u32 }) {}
const port = DEFINE_STATIC(uart);

/** Context: hardirq. The transmitter is empty. */
export function uart_interrupt() {
  spin_lock(port.lock);
  port.sent = port.queued;
  spin_unlock(port.lock);
}

function uart_write(bytes: number): void {
  irq_work_queue(port.tx_irq); // starts the transmitter: its interrupt comes when it comes
  spin_lock(port.lock);
  port.queued += bytes;
  spin_unlock(port.lock);
}

export function* getty() {
  uart_write(16);
  return 0;
}

module_init(() => {
  spin_lock_init(port.lock);
  init_irq_work(port.tx_irq, uart_interrupt);
  kthread_run(getty, 0, 'getty');
  return 0;
});
module_exit(() => {
  irq_work_sync(port.tx_irq);
  WARN_ON(port.sent > port.queued);
});
MODULE_LICENSE('GPL');
