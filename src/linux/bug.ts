// <linux/bug.h>. See kernel/panic.ts.
export { BUG, BUG_ON, WARN, WARN_ON, WARN_ON_ONCE, WARN_ONCE } from '../kernel/panic.js';
