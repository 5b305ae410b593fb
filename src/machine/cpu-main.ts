// What piscina runs: one call is one CPU of one machine, from power-on to power-off. The same thread serves the next
// machine afterwards; `reset` is what makes that safe.
import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { init_chaos } from '../cpu/chaos.js';
import { Mach, Pcpu, State } from './memory-map.js';
import { read_statistics, type CpuStatistics } from './statistics.js';
import { cpu, enter_cpu, my } from '../cpu/context.js';
import { host_ns, init_clock } from '../cpu/clock.js';
import { cpu_loop, reset_loop } from '../cpu/loop.js';
import { a_add, a_ld, attach_memory, F64, futex_wait, futex_wake, I32, st, stf64 } from '../cpu/raw.js';
import { MachineStopped } from '../cpu/step.js';
import { boot_machine, init_kernel_code, start_daemons } from '../kernel/boot.js';
import { in_interrupt } from '../cpu/preempt.js';
import { panic, print_oops, report } from '../kernel/panic.js';
import { set_stack_root } from '../kernel/stack.js';
import { REAL_OFFSET } from '../sched/work-layout.js';

export interface CpuJob {
  memory: WebAssembly.Memory;
  number: number;
  cwd: string;
}
/** Joins the machine in `memory` as CPU `number`; CPU 0 boots it. */
export function power_on(memory: WebAssembly.Memory, number: number, cwd: string): void {
  attach_memory(memory);
  reset_loop();
  set_stack_root(cwd);
  init_kernel_code();
  enter_cpu(number);
  if (number === 0) {
    stf64(Mach.BOOT_TIME, host_ns());
    stf64(REAL_OFFSET, Date.now() * 1e6);
    init_clock();
    boot_machine();
    start_daemons();
    futex_wake(Mach.STATE, Infinity);
  } else {
    while (a_ld(Mach.STATE) === State.OFF) futex_wait(Mach.STATE, State.OFF, 1000);
    init_clock();
  }
  init_chaos();
  a_add(Mach.ONLINE, 1);
  futex_wake(Mach.ONLINE, Infinity);
}

let rejections: unknown[] = [];
if (!isMainThread) {
  process.setSourceMapsEnabled(true);
  // A context switch is many small functions: with the compiler's own limit it calls what it should merge.
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
  process.on('unhandledRejection', (reason) => rejections.push(reason));
}

export default async function cpu_main({ memory, number, cwd }: CpuJob): Promise<CpuStatistics> {
  rejections = [];
  try {
    power_on(memory, number, cwd);
    cpu_loop();
  } catch (error) {
    if (!(error instanceof MachineStopped)) die(error);
  }
  await report_rejections();
  const result = read_statistics(I32, F64, number);
  st(my + Pcpu.BELL, 0);
  attach_memory(null); // a thread that waits for its next machine must not keep the memory alive
  return result;
}

/** Promises are settled when the event loop comes round, which a CPU's does only when the machine has stopped. */
async function report_rejections(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  for (const reason of rejections)
    report(
      `a promise was rejected on CPU ${cpu}: ${reason instanceof Error ? reason.message : String(reason)}; kernel code must not use promises`,
      reason instanceof Error ? reason.stack : '',
    );
}

/** The kernel itself is broken: no task caught it. */
export function die(error: unknown): void {
  try {
    print_oops(error);
    panic(in_interrupt() ? 'Fatal exception in softirq' : 'the CPU loop failed');
  } catch (stopped) {
    if (!(stopped instanceof MachineStopped)) throw stopped;
  }
}
