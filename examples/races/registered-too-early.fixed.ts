// registered-too-early.ts made right: the interrupt is requested when everything that its handler needs is there.
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
  dev.rx = kzalloc(ring.size, GFP_KERNEL);
  if (dev.rx === 0) return -ENOMEM;
  request_irq();
  return 0;
}

module_init(nic_probe);
module_exit(() => {
  irq_work_sync(dev.irq);
  kfree(dev.rx);
});
MODULE_LICENSE('GPL');
