// noinstr: never transformed, never interrupted.
// What is counted of contended waits, for every kind of lock but the spin lock, which does it itself: how many this CPU
// had and the longest (written by the owner alone), and the lock's own statistics (lock-stat.ts). Context: any.
import { Pcpu } from '../machine/memory-map.js';
import { clock_ns } from './clock.js';
import { my } from './context.js';
import { type LockKind, note_contention } from './lock-stat.js';
import { ld, ldf64, st, stf64, STEPPED } from './raw.js';

/** A lock was not free: once for each wait. */
export function note_contended(): void {
  if (STEPPED) return; // nobody asks
  st(my + Pcpu.STAT_CONTENDED, ld(my + Pcpu.STAT_CONTENDED) + 1);
}
/** A wait has ended with the lock taken, after `ns`; `lock` 0: only the CPU counts it. */
export function note_waited(ns: number, lock = 0, kind: LockKind = 0 as LockKind): void {
  if (STEPPED) return;
  if (ns / 1e6 > ldf64(my + Pcpu.STAT_WORST_WAIT)) stf64(my + Pcpu.STAT_WORST_WAIT, ns / 1e6);
  if (lock !== 0) note_contention(lock, kind, ns);
}

/** Now, as a word that fits a frame: microseconds, modulo 2^32. */
export const wait_began = (): number => (clock_ns() / 1000) | 0;
/** The wait for a sleeping lock that began at `began` (wait_began) has ended with the lock taken. */
export function note_slept(began: number, lock: number, kind: LockKind): void {
  note_contended();
  note_waited(((wait_began() - began) >>> 0) * 1000, lock, kind);
}
