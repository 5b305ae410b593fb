// Is this a context in which this allocation is allowed? Context: any.
import { my } from '../cpu/context.js';
import { ld } from '../cpu/raw.js';
import { __GFP_DIRECT_RECLAIM } from '../linux/gfp_types.js';
import { Pcpu } from '../machine/memory-map.js';
import { __might_sleep } from '../sched/debug.js';
import { Task } from '../sched/task-layout.js';

/** In atomic context or, what Linux reports too, in an RCU reader. */
const may_not_sleep = (): boolean =>
  (ld(my + Pcpu.PREEMPT) | ld(my + Pcpu.IRQ_OFF) | ld(ld(my + Pcpu.CURRENT) + Task.RCU_NESTING)) !== 0;

/**
 * Reports an allocation that may sleep in a context that must not, by the name of the function that was called. Asked
 * at every allocation: memory is short too rarely for the bug to show otherwise.
 */
export function might_alloc(gfp: number, what: string): void {
  if ((gfp & __GFP_DIRECT_RECLAIM) !== 0 && may_not_sleep()) __might_sleep(what);
}
