// Registered before it is ready. probe() requests the interrupt first and allocates the receive ring afterwards. The
// interrupt line is shared, or the firmware left the device running: the handler comes at once, and follows a pointer
// that is not set yet.
//
// How it comes about: probe() is written in the order of the data sheet. "It cannot interrupt before I have enabled it."
// The fix: request_irq(), register_netdev(), misc_register() and their kin come last: from there on everything can happen.
import { ENOMEM } from 'lockstep/linux/errno';
import { init_irq_work, irq_work, irq_work_queue_on, irq_work_sync } from 'lockstep/linux/irq_work';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { num_online_cpus } from 'lockstep/linux/smp';
import { DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';

class ring extends Struct('ring', { head: u32 }) {}
class nic extends Struct('nic', { irq: irq_work, rx: ptr('struct ring') }) {}
const dev = DEFINE_STATIC(nic);

/** Context: hardirq. */
export function nic_interrupt() {
  ring.at(dev.rx).head++;
}
/** From now on the device's interrupts arrive, on any CPU; the firmware has left one waiting. */
function request_irq(): void {
  init_irq_work(dev.irq, nic_interrupt);
  irq_work_queue_on(dev.irq, num_online_cpus() - 1);
}

function nic_probe(): number {
  request_irq();
  dev.rx = kzalloc(ring.size, GFP_KERNEL);
  if (dev.rx === 0) return -ENOMEM;
  return 0;
}

module_init(nic_probe);
module_exit(() => {
  irq_work_sync(dev.irq);
  kfree(dev.rx);
});
MODULE_LICENSE('GPL');
