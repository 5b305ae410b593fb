// noinstr: never transformed, never interrupted.
// The step of the free-running build: a load and a branch on this CPU's pending word, at which everything from outside
// happens. In the stepped build the pauses come from the transform, the machine delivers interrupts there, and the
// step below only asks for a decision.
import { Mach, Pcpu, State } from '../machine/memory-map.js';
import { cpu, my } from './context.js';
import { take_interrupts } from './interrupt.js';
import { Break, breaks, linger } from './break.js';
import { a_and, a_ld, a_or, ld, st, STEPPED } from './raw.js';
import { ring } from './park.js';
import { INTERRUPTS, NMI_VECTORS, Vector } from './vectors.js';
import { chaos } from './chaos.js';
import { backtrace_nmi } from '../kernel/panic.js';

/** Thrown at a step when the machine has been stopped or has panicked; nothing but the CPU's entry catches it. */
export class MachineStopped extends Error {
  constructor() {
    super('the machine has stopped');
    this.name = 'MachineStopped';
  }
}

export function step(): void {
  if (ld(my + Pcpu.PENDING) === 0) return;
  if (STEPPED)
    ring(my); // interrupts may just have been enabled: a decision point
  else step_slow();
}

/** Something is pending. STOP and the backtrace are taken at once, the rest when interrupts are on. */
export function step_slow(): void {
  const pending = a_ld(my + Pcpu.PENDING);
  if ((pending & NMI_VECTORS) !== 0) {
    if (a_ld(Mach.STATE) !== State.RUNNING) throw new MachineStopped();
    // Only what has been seen: a STOP that arrives here must stay.
    a_and(my + Pcpu.PENDING, ~(pending & NMI_VECTORS));
    if ((pending & (1 << Vector.NMI_BACKTRACE)) !== 0) backtrace_nmi();
  }
  if ((pending & (1 << Vector.CHAOS)) !== 0) chaos();
  if (ld(my + Pcpu.IRQ_OFF) === 0 && (ld(my + Pcpu.PENDING) & INTERRUPTS) !== 0) take_interrupts();
}

/**
 * Makes `vector` pending at `target`; whoever sets the bit first rings. Ordered after everything the caller wrote.
 * Context: any, the host included.
 */
export function raise_vector(target_area: number, vector: number): void {
  const bit = 1 << vector;
  if (breaks(Break.PLAIN_PENDING)) return raise_plain(target_area + Pcpu.PENDING, bit, target_area);
  if ((a_or(target_area + Pcpu.PENDING, bit) & bit) === 0) ring(target_area);
}
/** The broken control of the test of raise_vector. */
function raise_plain(word: number, bit: number, target_area: number): void {
  const old = ld(word);
  linger(3000);
  st(word, old | bit);
  ring(target_area);
}
export const this_cpu_number = (): number => cpu;
