// noinstr: never transformed, never interrupted (its twin is written by hand in stepped/call.ts).
// Calling a function of the text that may or may not sleep: thread functions, module_init and module_exit.
import type { Sleeping } from '../sched/sleep.js';
import { text_at, type CText } from './text.js';

/** Calls the function behind a handle with one argument; delegates to it if it sleeps. Context: task. */
export function* call_sleepable(handle: number, argument: number): Sleeping<unknown> {
  const fn = text_at(handle) as ((argument: number) => unknown) & Partial<CText>;
  const result = fn.activation === undefined ? fn(argument) : fn.activation(argument);
  if (typeof result === 'object' && result !== null && 'next' in result) return yield* result as Sleeping<unknown>;
  return result;
}
