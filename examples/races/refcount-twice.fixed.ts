// refcount-twice.ts made right: test_and_set_bit() lets one of the two see that the device was alive.
import { test_and_set_bit } from 'lockstep/linux/bitops';
import { ENOMEM } from 'lockstep/linux/errno';
import { kref, kref_get, kref_init, kref_put } from 'lockstep/linux/kref';
import { container_of } from 'lockstep/linux/container_of';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { DEFINE_STATIC, ptr, Struct, ulong } from 'lockstep/linux/types';

const MODEM_DEAD = 0; // a bit of flags

class modem extends Struct('modem', { ref: kref, flags: ulong }) {}
class bus extends Struct('bus', { modem: ptr('struct modem') }) {}
const slot = DEFINE_STATIC(bus);

function modem_release(ref: kref): void {
  kfree(container_of(ref, modem, 'ref'));
}

function modem_kill(dev: modem): void {
  if (test_and_set_bit(MODEM_DEAD, dev, 'flags')) return;
  kref_put(dev.ref, modem_release);
}

/** Each user has a reference of its own, taken for it by module_init. */
export function* unplug(address: number) {
  const dev = modem.at(address);
  modem_kill(dev);
  kref_put(dev.ref, modem_release);
  return 0;
}
export function* fatal_error(address: number) {
  const dev = modem.at(address);
  modem_kill(dev);
  kref_put(dev.ref, modem_release);
  return 0;
}

module_init(() => {
  slot.modem = kzalloc(modem.size, GFP_KERNEL);
  if (slot.modem === 0) return -ENOMEM;
  const dev = modem.at(slot.modem);
  kref_init(dev.ref);
  kref_get(dev.ref);
  kref_get(dev.ref);
  kthread_run(unplug, slot.modem, 'khubd');
  kthread_run(fatal_error, slot.modem, 'eh');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
