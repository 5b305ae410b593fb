// What happens to an exception that leaves an interrupt handler, and the tables of handlers.
import { Mach } from '../machine/memory-map.js';
import { MachineStopped } from '../cpu/step.js';
import { ld, st } from '../cpu/raw.js';
import { call_text } from './text.js';
import { panic, print_oops, WARN } from './panic.js';

/** An oops in an interrupt takes the machine along: there is no task that could die of it. */
export function fatal_in_interrupt(error: unknown, vector: number): never {
  if (error instanceof MachineStopped) throw error;
  print_oops(error);
  panic('Fatal exception in interrupt (vector %d)', vector);
}

/** Registers the handler (a text handle) of a vector of a device model or a test. Context: boot or task. */
export function set_vector_handler(vector: number, handle: number): void {
  st(Mach.VECTOR_HANDLERS + vector * 4, handle);
}
/** Context: hardirq. */
export function call_device_vector(vector: number): void {
  const handle = ld(Mach.VECTOR_HANDLERS + vector * 4);
  if (handle === 0) WARN(true, 'spurious interrupt: vector %d has no handler', vector);
  else call_text(handle, vector);
}

/** Gives softirq `nr` its action (a text handle). Context: boot or module init. */
export function set_softirq_action(nr: number, handle: number): void {
  st(Mach.SOFTIRQ_ACTIONS + nr * 4, handle);
}
/** Context: softirq. */
export function call_softirq(nr: number): void {
  const handle = ld(Mach.SOFTIRQ_ACTIONS + nr * 4);
  if (handle === 0) WARN(true, 'softirq %d was raised and has no action', nr);
  else call_text(handle, nr);
}
