import { module_exit, module_init, MODULE_DESCRIPTION, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { raw_smp_processor_id } from 'lockstep/linux/smp';

module_init(() => {
  pr_info('hello: loaded on CPU %d\n', raw_smp_processor_id());
  return 0;
});

module_exit(() => {
  pr_info('hello: goodbye\n');
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('Says hello');
