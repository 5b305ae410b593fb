// pure: see math.ts.
// <linux/align.h>
export { ALIGN, ALIGN_DOWN, IS_ALIGNED, PTR_ALIGN } from './math.js';
