// The free-running kernel in this thread, as CPU 0 of a machine that nobody else runs: for single-threaded figures.
import { setFlagsFromString } from 'node:v8';
import * as raw from '../dist/cpu/raw.js';
import * as cpu_spinlock from '../dist/cpu/spinlock.js';
import * as preempt from '../dist/cpu/preempt.js';
import * as boot from '../dist/kernel/boot.js';
import * as trace from '../dist/kernel/trace.js';
import { TRACE_EVENTS } from '../dist/machine/params.js';
import * as spinlock from '../dist/linux/spinlock.js';
import * as slab from '../dist/linux/slab.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { init_clock } from '../dist/cpu/clock.js';

const MEMORY = 16 << 20;
export const SCRATCH = 0x1800;

// As the threads of CPUs: see machine/cpu-main.ts.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');

/** `trace_events`: records of the flight recorder, 0 for none. */
export async function power_on_here({ trace_events = TRACE_EVENTS } = {}) {
  const memory = new WebAssembly.Memory({ initial: MEMORY >> 16, maximum: MEMORY >> 16, shared: true });
  raw.attach_memory(memory);
  raw.st(0x1000, 1);
  raw.st(0x1004, MEMORY);
  raw.st(0x1008, 1);
  raw.st(0x153c, trace_events);
  enter_cpu(0);
  init_clock();
  boot.init_kernel_code();
  boot.boot_machine();
  return { raw, cpu_spinlock, preempt, spinlock, slab, trace, SCRATCH };
}
