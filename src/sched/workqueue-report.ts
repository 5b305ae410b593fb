// What a module that is unloaded left behind of its deferred work. Context: task.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { ld } from '../cpu/raw.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { symbol_text, text_handle } from '../kernel/text.js';
import { pq_find } from './pqueue.js';
import { Timer } from './task-layout.js';
import { delayed_work_timer_fn } from './workqueue-cancel.js';
import { no_workqueues, wq_name } from './workqueue-flush.js';
import { for_each_pool } from './workqueue.js';
import {
  Delayed,
  Hr,
  Pool,
  Pwq,
  Tasklet,
  Work,
  WORK_ADDRESS,
  WORK_PWQ,
  Worker,
  WORKERS_MADE,
  Wq,
  WQ_LIST,
  WQ_LIST_LOCK,
  WQ_UNBOUND,
} from './work-layout.js';

type IsMine = (handle: number) => boolean;
type Say = (text: string) => void;

/** Nothing was ever queued but timers, and there is no workqueue but the system's: nothing can be left. */
export const no_deferred_work = (): boolean => ld(WORKERS_MADE) === 0 && no_workqueues() && no_tasklets();
function no_tasklets(): boolean {
  for (let c = 0; c < ld(Mach.CPUS); c++)
    if ((ld(percpu_base(c) + Pcpu.TASKLETS) | ld(percpu_base(c) + Pcpu.TASKLETS_HI)) !== 0) return false;
  return true;
}

/** Says what there is of work items, workqueues and tasklets whose function, or owner, is the module's. */
export function deferred_leftovers(is_mine: IsMine, owner: number, say: Say): void {
  const item = (work: number, what: string): void => {
    if (!is_mine(ld(work + Work.FUNC))) return;
    const name = symbol_text(ld(work + Work.FUNC), false);
    say(`its work item at ${symbol_text(work)} (${name}) ${what}: cancel_work_sync or flush_work it in module_exit`);
  };
  for_each_pool((pool) => {
    const flags = lock_irqsave(pool);
    for (let at = ld(pool + Pool.WORKLIST); at !== pool + Pool.WORKLIST; at = ld(at))
      item(at - Work.ENTRY, 'is queued');
    for (let at = ld(pool + Pool.BUSY); at !== pool + Pool.BUSY; at = ld(at)) {
      const worker = at - Worker.ENTRY;
      if (is_mine(ld(worker + Worker.FUNC)))
        say(
          `its work item at ${symbol_text(ld(worker + Worker.WORK))} (${symbol_text(ld(worker + Worker.FUNC), false)}) still runs: cancel_work_sync or flush_work it in module_exit`,
        );
    }
    unlock_irqrestore(pool, flags);
  });
  const fn = text_handle(delayed_work_timer_fn);
  for (let c = 0; c < ld(Mach.CPUS); c++) {
    const area = percpu_base(c);
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const timer = pq_find(
      area + Pcpu.TIMER_HEAP,
      (t) => ld(t + Timer.FUNCTION) === fn && is_mine(ld(t - Delayed.TIMER + Work.FUNC)),
    );
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    if (timer !== 0)
      say(
        `its delayed work at ${symbol_text(timer - Delayed.TIMER)} (${symbol_text(ld(timer - Delayed.TIMER + Work.FUNC), false)}) is still to come: cancel_delayed_work_sync it in module_exit`,
      );
    for (const heap of [Pcpu.HR_HEAP, Pcpu.HR_SOFT_HEAP]) {
      const irqs = lock_irqsave(area + Pcpu.HR_LOCK);
      const hr = pq_find(area + heap, (t) => is_mine(ld(t + Hr.FUNCTION)));
      unlock_irqrestore(area + Pcpu.HR_LOCK, irqs);
      if (hr !== 0) say(`its hrtimer at ${symbol_text(hr)} is armed on CPU ${c}: hrtimer_cancel it in module_exit`);
    }
    for (const list of [Pcpu.TASKLETS, Pcpu.TASKLETS_HI])
      for (let t = ld(area + list); t !== 0; t = ld(t + Tasklet.NEXT))
        if (is_mine(ld(t + Tasklet.FUNC)))
          say(`its tasklet at ${symbol_text(t)} is scheduled on CPU ${c}: tasklet_kill it in module_exit`);
  }
  const flags = lock_irqsave(WQ_LIST_LOCK);
  for (let wq = ld(WQ_LIST); wq !== WQ_LIST; wq = ld(wq)) {
    if (ld(wq + Wq.OWNER) !== owner) continue;
    say(`its workqueue ${wq_name(wq)} is left: destroy_workqueue it in module_exit`);
    const n = (ld(wq + Wq.FLAGS) & WQ_UNBOUND) !== 0 ? 1 : ld(Mach.CPUS);
    for (let i = 0; i < n; i++) {
      const inactive = ld(wq + Wq.PWQS) + i * Pwq.SIZE + Pwq.INACTIVE;
      for (let at = ld(inactive); at !== inactive; at = ld(at))
        if ((ld(at - Work.ENTRY + Work.DATA) & WORK_PWQ) !== 0 && (ld(at - Work.ENTRY) & WORK_ADDRESS) !== 0)
          item(at - Work.ENTRY, 'is held back by max_active');
    }
  }
  unlock_irqrestore(WQ_LIST_LOCK, flags);
}
