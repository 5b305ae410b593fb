// noinstr: never transformed, never interrupted.
// Lock statistics: for each lock that was ever waited for, how often and how long. Written on the slow paths only, so that
// a lock that is free costs nothing more. A table of the machine, open addressing by the lock's address; an entry is
// claimed by a compare-exchange and never given back. Times are in microseconds, in words that wrap.
// Context: any, on any CPU at once.
import { LOCK_STAT, LOCK_STAT_ENTRIES } from '../machine/memory-map.js';
import { a_add, a_cas, a_ld } from './raw.js';

export const enum LockStat {
  /** Address of the lock, 0 while free. */
  ADDRESS = 0,
  /** See LOCK_KINDS. */
  KIND = 4,
  CONTENDED = 8,
  /** Microseconds, all waits together and the longest. */
  WAITED = 12,
  LONGEST = 16,
  SIZE = 32,
}
export const LOCK_KINDS = ['?', 'spin', 'mutex', 'read', 'write', 'rwsem read', 'rwsem write', 'semaphore'] as const;
export const enum LockKind {
  SPIN = 1,
  MUTEX,
  READ,
  WRITE,
  RWSEM_READ,
  RWSEM_WRITE,
  SEMAPHORE,
}
const PROBES = 16;

/** A wait for the lock at `a` has ended. Locks that find no place in a full table are not counted. */
export function note_contention(a: number, kind: LockKind, waited_ns: number): void {
  let index = Math.imul(a, 0x9e3779b9) >>> 0;
  for (let n = 0; n < PROBES; n++, index++) {
    const entry = LOCK_STAT + (index & (LOCK_STAT_ENTRIES - 1)) * LockStat.SIZE;
    const there = a_ld(entry + LockStat.ADDRESS);
    // The kind goes into the key: a lock that is both read and written has an entry for each.
    const key = a | (kind & 3);
    if (there !== key && (there !== 0 || a_cas(entry + LockStat.ADDRESS, 0, key) !== 0)) {
      if (a_ld(entry + LockStat.ADDRESS) !== key) continue;
    }
    if (a_ld(entry + LockStat.KIND) !== kind) a_cas(entry + LockStat.KIND, 0, kind);
    a_add(entry + LockStat.CONTENDED, 1);
    const us = Math.round(waited_ns / 1000);
    a_add(entry + LockStat.WAITED, us);
    for (let longest = a_ld(entry + LockStat.LONGEST); us > longest >>> 0;) {
      const was = a_cas(entry + LockStat.LONGEST, longest, us);
      if (was === longest) break;
      longest = was;
    }
    return;
  }
}
