// <linux/panic.h>.
export { dump_stack, panic } from '../kernel/panic.js';
