// noinstr: never transformed, never interrupted.
// Stands in for cpu/spin-slow.ts: no queue; whoever the strategy lets run takes the free lock. SLEEPS in the word makes
// the unlock say so.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { cpu, my } from '../cpu/context.js';
import { a_ld, ld, st } from '../cpu/raw.js';
import { HOLDER, lock_text, SLEEPS } from '../cpu/spinlock.js';
import { Wait, WAITING } from '../cpu/vectors.js';
import { BUG } from '../kernel/panic.js';
import { lock_freed, wait_for_lock } from './core.js';

type Twin = { $g?: (...args: never[]) => Generator<number, void, void> };

function others_wait(a: number): boolean {
  for (let c = 0; c < ld(Mach.CPUS); c++) {
    const area = percpu_base(c);
    if (c !== cpu && ld(area + Pcpu.WAIT_REASON) === Wait.SPIN_LOCK && ld(area + Pcpu.WAIT_ADDR) === a) return true;
  }
  return false;
}
function check(a: number): void {
  if ((a_ld(a) & HOLDER) === cpu + 1) BUG(`spin lock recursion: CPU ${cpu} already holds ${lock_text(a)}`);
}

/** A kernel lock inside one step: nobody can hold it. */
export function spin_lock_slow(a: number): void {
  check(a);
  if ((a_ld(a) & HOLDER) !== 0)
    BUG(`a kernel primitive that is one step would wait for ${lock_text(a)}: it is declared plain and must be a twin`);
  st(a, (cpu + 1) | (others_wait(a) ? SLEEPS : 0));
}
(spin_lock_slow as Twin).$g = function* (a: number): Generator<number, void, void> {
  check(a);
  if ((ld(a) & HOLDER) !== 0) {
    // As wait_on, without its generator and its closure: this is where most schedules spend their time.
    const outer_reason = ld(my + Pcpu.WAIT_REASON);
    const outer_address = ld(my + Pcpu.WAIT_ADDR);
    do {
      st(a, ld(a) | SLEEPS);
      st(my + Pcpu.WAIT_ADDR, a);
      st(my + Pcpu.WAIT_REASON, Wait.SPIN_LOCK);
      wait_for_lock(a);
      yield WAITING;
    } while ((ld(a) & HOLDER) !== 0);
    st(my + Pcpu.WAIT_REASON, outer_reason);
    st(my + Pcpu.WAIT_ADDR, outer_address);
  }
  st(a, (cpu + 1) | (others_wait(a) ? SLEEPS : 0));
};

/** A lock was released that others wait for. */
export function wake_waiter(a: number, _word: number): void {
  lock_freed(a);
}
