// noinstr: never transformed, never interrupted.
// Chaos: random delays, spurious interrupts and requests to switch at the steps of the free-running build, which widen
// the windows of races. On a machine with chaos one bit of the pending word is always set, so that every step comes
// here; without, it costs nothing. The delays are drawn from a seed for each CPU, but which interleaving they make is the
// host's affair: a seed does not replay. Context: any, at a step; interrupts may be off.
import { BootFlag, Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { CHAOS_SLEEP_MS, CHAOS_TURNS } from '../machine/params.js';
import { cpu, my } from './context.js';
import { a_or, futex_wait, ld, st } from './raw.js';
import { raise_vector } from './step.js';
import { Vector } from './vectors.js';

/** Called when this thread becomes a CPU of a machine that has been set up. */
export function init_chaos(): void {
  if ((ld(Mach.FLAGS) & BootFlag.CHAOS) === 0) return;
  const seed = Math.imul(ld(Mach.CHAOS_SEED) ^ Math.imul(cpu + 1, 0x9e3779b9), 0x21f0aaad);
  st(my + Pcpu.CHAOS, seed === 0 ? 1 : seed);
  a_or(my + Pcpu.PENDING, 1 << Vector.CHAOS);
}

/** At each step. */
export function chaos(): void {
  let x = ld(my + Pcpu.CHAOS);
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  st(my + Pcpu.CHAOS, x);
  // One step in 64 is disturbed, by what the bits above say: mostly a delay of about a microsecond.
  if ((x & 63) !== 0) return;
  const what = (x >>> 6) & 255;
  const much = x >>> 14;
  if (what >= 16) delay(much & (CHAOS_TURNS - 1));
  else if (what >= 8) delay((much & (CHAOS_TURNS - 1)) << 4);
  // With fewer cores than CPUs only a CPU that gives up its core lets others run inside a critical section.
  else if (what >= 7) futex_wait(my + Pcpu.CHAOS, x, ((much & 255) / 255) * CHAOS_SLEEP_MS);
  else if (what >= 5) raise_vector(my, Vector.RESCHEDULE);
  else if (what >= 3) raise_vector(percpu_base(much % ld(Mach.CPUS)), Vector.RESCHEDULE);
  else if (ld(my + Pcpu.RQ_NR) !== 0) st(my + Pcpu.NEED_RESCHED, 1);
}
function delay(turns: number): void {
  for (let n = 0; n < turns; n++) ld(my + Pcpu.CHAOS);
}
