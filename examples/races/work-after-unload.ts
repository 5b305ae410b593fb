// A work item that runs after the module is gone. A link-state interrupt queues work; module_exit takes the work out of
// the queue and returns. But a worker may have begun with it already: then the module's code and data are unmapped
// under its feet.
//
// How it comes about: cancel_work() is the shorter name, and its documentation has to be read to the end: it does not
// wait. Or there is no cancel at all, because "the work is long done by then".
// The fix: cancel_work_sync() (after making sure that nobody queues it again), or destroy_workqueue() of an own queue.
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { ENOMEM } from 'lockstep/linux/errno';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { container_of } from 'lockstep/linux/container_of';
import { DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';
import { cancel_work, INIT_WORK, schedule_work, work_struct } from 'lockstep/linux/workqueue';
import { kthread_run } from 'lockstep/linux/kthread';

class nic extends Struct('nic', { link_work: work_struct, link_changes: u32 }) {}
class slot extends Struct('slot', { nic: ptr('struct nic') }) {}
const pci = DEFINE_STATIC(slot);

export function link_changed(work: number) {
  const dev = container_of(work, nic, 'link_work');
  dev.link_changes++;
}

function nic_remove(dev: nic): void {
  cancel_work(dev.link_work);
  kfree(dev);
}

/** Somebody pulls the cable, and then the card. */
export function* user(address: number) {
  const dev = nic.at(address);
  schedule_work(dev.link_work);
  nic_remove(dev);
  return 0;
}

module_init(() => {
  pci.nic = kzalloc(nic.size, GFP_KERNEL);
  if (pci.nic === 0) return -ENOMEM;
  INIT_WORK(nic.at(pci.nic).link_work, link_changed);
  kthread_run(user, pci.nic, 'user');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
