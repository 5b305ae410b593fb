// A module that does nothing: what restoring, init and exit take.
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';

module_init(() => 0);
module_exit(() => {});
MODULE_LICENSE('GPL');
