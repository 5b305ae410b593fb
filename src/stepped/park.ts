// noinstr: never transformed, never interrupted.
// Stands in for cpu/park.ts: a CPU that waits is ineligible until what it waits for is there, or an interrupt that it
// may take. Nothing can be lost here; what the free-running build may lose is tested there.
import { Pcpu, PERCPU, PERCPU_SIZE } from '../machine/memory-map.js';
import { my } from '../cpu/context.js';
import { ld, st } from '../cpu/raw.js';
import { Wait, WAITING } from '../cpu/vectors.js';
import { BUG } from '../kernel/panic.js';
import { attention, set_condition } from './core.js';

type Twin = { $g?: (...args: never[]) => Generator<number, void, void> };

/** Something has happened that this CPU may wait for. */
export function ring(area: number): void {
  attention(((area - PERCPU) / PERCPU_SIZE) | 0);
}

/** From a plain primitive: waiting there would stop all CPUs. */
export function wait_on(_reason: Wait, address: number, condition: () => boolean): void {
  if (!condition())
    BUG(
      `a kernel primitive that is one step would wait for 0x${address.toString(16)}: it is declared plain and must be a twin`,
    );
}
(wait_on as Twin).$g = function* (
  reason: Wait,
  address: number,
  condition: () => boolean,
): Generator<number, void, void> {
  if (condition()) return;
  const outer_reason = ld(my + Pcpu.WAIT_REASON);
  const outer_address = ld(my + Pcpu.WAIT_ADDR);
  do {
    st(my + Pcpu.WAIT_ADDR, address);
    st(my + Pcpu.WAIT_REASON, reason);
    set_condition(condition);
    yield WAITING;
  } while (!condition());
  st(my + Pcpu.WAIT_REASON, outer_reason);
  st(my + Pcpu.WAIT_ADDR, outer_address);
};

/** A module's own waiting loop: this CPU waits until another one has gone on. */
export function cpu_relax(): void {}
(cpu_relax as Twin).$g = function* (): Generator<number, void, void> {
  const outer = ld(my + Pcpu.WAIT_REASON);
  st(my + Pcpu.WAIT_REASON, Wait.RELAX);
  set_condition(null);
  yield WAITING;
  st(my + Pcpu.WAIT_REASON, outer);
};
export const disturbed = (): boolean => false;
export function park_unless(_ready: () => boolean, _limit?: number): void {}
export function nap(_ms: number): void {}
