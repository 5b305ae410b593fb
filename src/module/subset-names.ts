// The names that the subset check (subset.ts) knows: globals of JavaScript that modules may use, what to use instead of
// the others, and the functions that call back. Used by the lint rules too. Host code; no state.

const names = (list: string): string[] => list.split(' ');
const ERRORS = names('Error TypeError RangeError SyntaxError ReferenceError EvalError URIError');
const ARRAYS = names(
  'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float32Array Float64Array',
);
/** What `new` may make. */
export const MADE = new Set([...ERRORS, ...ARRAYS, 'Array', 'Map', 'Set']);
/** Globals of JavaScript that are values or compute from their arguments alone. */
export const ALLOWED = new Set([
  ...MADE,
  ...names('undefined NaN Infinity Math Number BigInt Boolean String Object JSON isNaN isFinite parseInt parseFloat'),
]);
export const OBJECT_FUNCTIONS = new Set(names('keys values entries freeze is fromEntries hasOwn isFrozen'));
/** Functions of JavaScript's own objects that call back. */
export const CALLING_BACK = new Set(
  names(
    'forEach map filter reduce reduceRight some every find findIndex findLast findLastIndex sort toSorted flatMap replace replaceAll',
  ),
);
/** What JavaScript calls without a call in the source. */
export const CALLED_IMPLICITLY = new Set(names('toString valueOf toJSON then'));

const TIMERS = 'use a timer_list, msleep() or schedule_timeout()';
const THREADS = "parallel work is the kernel's: kthread_run(), atomic_t and locks";
export const GLOBAL_ADVICE: Record<string, string> = {
  console: "print with printk() or pr_info() from 'lockstep/linux/printk'",
  Date: 'read jiffies() or ktime_get()',
  performance: 'read jiffies() or ktime_get()',
  setTimeout: TIMERS,
  setInterval: TIMERS,
  setImmediate: TIMERS,
  queueMicrotask: TIMERS,
  Promise: 'sleep with yield* in a function*; wait with a completion or a wait queue',
  Atomics: THREADS,
  SharedArrayBuffer: THREADS,
  Worker: THREADS,
  WebAssembly: 'C modules are built with lockstep cc',
  require: "import it at the top of the file: import { ... } from 'lockstep/linux/...'",
  process: 'kernel code has no host',
  globalThis: "keep state in the machine's memory: DEFINE_STATIC or DEFINE_PER_CPU",
  global: "keep state in the machine's memory: DEFINE_STATIC or DEFINE_PER_CPU",
  eval: 'write the code itself',
  Function: 'write the code itself',
  arguments: 'name the parameters, or take the rest: (...args)',
  Proxy: 'an access has to be an access: read and write the fields',
  Reflect: 'an access has to be an access: read and write the fields',
  Symbol: 'use a string or a number',
  WeakMap: 'use a Map within the function, or a list in memory',
  WeakSet: 'use a Set within the function, or a list in memory',
};
