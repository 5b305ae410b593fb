// A machine's only CPU in the calling thread: Machine.boot({ cpus: 1, inline: true }). The CPU runs only while the host
// has called it; the log drain and the watchdog are in the timekeeper thread.
import { power_on, die } from './cpu-main.js';
import { cpu_loop } from '../cpu/loop.js';
import { attach_memory, memory_size } from '../cpu/raw.js';
import { MachineStopped } from '../cpu/step.js';
import { UsageError } from './errors.js';

let powered = false;

export function power_on_here(memory: WebAssembly.Memory): void {
  if (memory_size !== 0) throw new UsageError('inline: this thread is attached to another machine');
  process.setSourceMapsEnabled(true);
  powered = true;
  power_on(memory, 0, process.cwd());
}

/** Runs the CPU until `until` is true. Return: 'panic' when the machine has stopped by itself. */
export function run_here(until: () => boolean): 'ran' | 'panic' {
  try {
    cpu_loop(until);
    return 'ran';
  } catch (error) {
    if (!(error instanceof MachineStopped)) die(error);
    return 'panic';
  }
}

export function power_off_here(): void {
  if (powered) attach_memory(null);
  powered = false;
}
