// The free-running kernel in this thread, as CPU 0 of a machine that nobody else runs: for single-threaded figures.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle } from '../dist/machine/bundle.js';
import { TRACE_EVENTS } from '../dist/machine/params.js';

const MEMORY = 16 << 20;
export const SCRATCH = 0x1800;
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const PARTS = {
  raw: 'cpu/raw.js',
  cpu_spinlock: 'cpu/spinlock.js',
  preempt: 'cpu/preempt.js',
  boot: 'kernel/boot.js',
  trace: 'kernel/trace.js',
  spinlock: 'linux/spinlock.js',
  slab: 'linux/slab.js',
  context: 'cpu/context.js',
  clock: 'cpu/clock.js',
};

/** As the threads of CPUs have it: see machine/cpu-main.ts and machine/cpu-program.ts. */
async function load() {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  try {
    symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
    const file = join(folder, 'kernel.mjs');
    const entry = Object.entries(PARTS).map(([name, part]) => `export * as ${name} from './${part}';`);
    bundle(entry.join('\n'), DIST, file);
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `trace_events`: records of the flight recorder, 0 for none. */
export async function power_on_here({ trace_events = TRACE_EVENTS } = {}) {
  const kernel = await load();
  const { boot, clock, context, raw } = kernel;
  const memory = new WebAssembly.Memory({ initial: MEMORY >> 16, maximum: MEMORY >> 16, shared: true });
  raw.attach_memory(memory);
  raw.st(0x1000, 1);
  raw.st(0x1004, MEMORY);
  raw.st(0x1008, 1);
  raw.st(0x153c, trace_events);
  context.enter_cpu(0);
  clock.init_clock();
  boot.init_kernel_code();
  boot.boot_machine();
  return { ...kernel, SCRATCH };
}
