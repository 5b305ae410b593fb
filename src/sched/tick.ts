// The tick of one CPU, raised by the timekeeper HZ times a second while the CPU is busy and at its timer deadlines
// while it idles. Context: hardirq.
import { Pcpu } from '../machine/memory-map.js';
import { my } from '../cpu/context.js';
import { a_ld, a_st, ld, st } from '../cpu/raw.js';
import { scheduler_tick } from './core.js';
import { rcu_tick } from './rcu.js';
import { run_local_timers } from './timer.js';
import { watchdog_tick } from './watchdog.js';

export function tick(): void {
  st(my + Pcpu.STAT_TICKS, ld(my + Pcpu.STAT_TICKS) + 1);
  a_st(my + Pcpu.WD_TAKEN, a_ld(my + Pcpu.WD_SENT));
  scheduler_tick();
  run_local_timers();
  rcu_tick();
  watchdog_tick();
}
