// <linux/init.h>. In Linux the section attributes live here; modules usually include it for module_init.
export { module_exit, module_init } from './module.js';
