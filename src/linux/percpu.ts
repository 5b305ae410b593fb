// <linux/percpu.h>: see percpu-defs.ts.
export * from './percpu-defs.js';
