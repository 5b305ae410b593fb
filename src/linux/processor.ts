// <linux/processor.h>: cpu_relax(), for the body of a loop that waits for another CPU. Context: any.
// In the stepped build a CPU that relaxes goes on only when another one has made a step, so such a loop is found to
// wait, not to run for ever.
export { cpu_relax } from '../cpu/park.js';
