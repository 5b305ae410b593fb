// noinstr: never transformed, never interrupted.
// Stands in for cpu/delay.ts: a busy delay lets virtual time pass.
import { pass_ns } from './clock.js';

export function pass_time(ns: number): boolean {
  pass_ns(ns);
  return true;
}
