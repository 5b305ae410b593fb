// A machine's memory without CPUs: the test's thread is whichever CPU it says it is.
import { arch_spin_init } from '../dist/cpu/spinlock.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { attach_memory, I32, U8, ld, st } from '../dist/cpu/raw.js';
import { clear_used } from '../dist/mm/clear.js';
import { mm_init } from '../dist/mm/page_alloc.js';

export const MEMORY = 16 << 20;
const CPUS = 0x1000;
const MACHINE_STATE = 0x1100;
export const REPORTS = 0x102c;
const MEM_MAP = 0x300000;
let memory: WebAssembly.Memory | undefined;

export function power_on(cpus = 4, size = MEMORY): void {
  if (memory === undefined || memory.buffer.byteLength !== size)
    memory = new WebAssembly.Memory({ shared: true, initial: size >> 16, maximum: size >> 16 });
  attach_memory(memory);
  clear_used(I32, U8);
  U8.fill(0, 0, MEM_MAP);
  st(CPUS, cpus);
  st(MACHINE_STATE, 1);
  enter_cpu(0);
  mm_init(size);
}

export const machine_memory = (): WebAssembly.Memory => memory!;

/** The words that describe free memory and struct pages. */
export const snapshot = (from: number, to: number): number[] => Array.from(I32.subarray(from >> 2, to >> 2));

export { arch_spin_init, enter_cpu, ld, st };
export const word_of_cpu = (cpu: number, offset: number): number => 0x100000 + cpu * 0x4000 + offset;
export const PREEMPT = 4 * 128 + 4;
export const IRQ_OFF = 4 * 128 + 8;
