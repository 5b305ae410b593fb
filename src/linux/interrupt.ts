// <linux/interrupt.h>: softirqs, and the halves of a CPU's work that they delay.
import { raise_softirq as raise } from '../cpu/softirq.js';
import { set_softirq_action } from '../kernel/traps.js';
import { atomic_text_handle } from '../kernel/text.js';

export {
  do_softirq,
  local_bh_disable,
  local_bh_enable,
  local_softirq_pending,
  raise_softirq_irqoff,
} from '../cpu/softirq.js';
export const HI_SOFTIRQ = 0;
export const TIMER_SOFTIRQ = 1;
export const NET_TX_SOFTIRQ = 2;
export const NET_RX_SOFTIRQ = 3;
export const BLOCK_SOFTIRQ = 4;
export const TASKLET_SOFTIRQ = 6;
export const SCHED_SOFTIRQ = 7;
export const HRTIMER_SOFTIRQ = 8;
export const RCU_SOFTIRQ = 9;
/** Gives a softirq its action, an exported function called with the number. Context: module init. */
export const open_softirq = (nr: number, action: (nr: number) => void): void =>
  set_softirq_action(nr, atomic_text_handle(action, "a softirq's action"));
/** Makes it pending on this CPU. Context: any. */
export const raise_softirq = raise;
