// irq-deadlock.ts made right: the write path takes the lock with interrupts off, so its own CPU cannot be interrupted
// while it holds it. The handler may keep spin_lock(): interrupts are off there anyway.
import { WARN_ON } from 'lockstep/linux/bug';
import { init_irq_work, irq_work, irq_work_queue, irq_work_sync } from 'lockstep/linux/irq_work';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock,
  spin_unlock_irqrestore,
  spinlock_t,
} from 'lockstep/linux/spinlock';
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
  const flags = spin_lock_irqsave(port.lock);
  port.queued += bytes;
  spin_unlock_irqrestore(port.lock, flags);
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
