// <linux/kallsyms.h>: names of functions and static data.
export { kallsyms_lookup_name, symbol_text } from '../kernel/text.js';
