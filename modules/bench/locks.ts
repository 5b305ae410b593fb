// One thread on each CPU, all after one lock: sections of a given length in a given time, for each kind of lock.
// What the sections count must add up at the end.
import { IS_ERR } from 'lockstep/linux/err';
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { pr_info } from 'lockstep/linux/printk';
import { rwlock_t, write_lock, write_unlock } from 'lockstep/linux/rwlock';
import { cond_resched, sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { seqlock_t, write_seqlock, write_sequnlock } from 'lockstep/linux/seqlock';
import { num_online_cpus } from 'lockstep/linux/smp';
import { spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore, spinlock_t } from 'lockstep/linux/spinlock';
import { atomic_add, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';

class locks extends Struct('locks', {
  spin: spinlock_t,
  sleeping: mutex,
  rw: rwlock_t,
  seq: seqlock_t,
  count: u32,
  pad: array(u32, 32),
  total: atomic_t,
}) {}
const shared = DEFINE_STATIC(locks);

/** 0 spin_lock, 1 spin_lock_irqsave, 2 mutex, 3 write_lock, 4 write_seqlock. */
const kind = DEFINE_STATIC(int, 0);
module_param(kind, int, 0o444);
/** Turns of the busy loop in the section and outside it; milliseconds to run. */
const inside = DEFINE_STATIC(int, 100);
module_param(inside, int, 0o444);
const outside = DEFINE_STATIC(int, 10);
module_param(outside, int, 0o444);
const ms = DEFINE_STATIC(int, 100);
module_param(ms, int, 0o444);

const warm = DEFINE_STATIC(int, 50);
module_param(warm, int, 0o444);

function work(turns: number, x: number): number {
  let v = x;
  for (let i = 0; i < turns; i++) v = (v * 31 + i) | 0;
  return v;
}
function section(x: number): number {
  const v = work(inside.value, x);
  shared.count++;
  return v;
}
/** Sections between two looks at the clock. */
const BATCH = 32;

export function* hammer(cpu: number) {
  // The first part warms the code and is not counted, though what it did is.
  const begin = sched_clock() + warm.value * 1e6;
  const end = begin + ms.value * 1e6;
  const which = kind.value;
  const m = outside.value;
  let done = 0;
  let before = 0;
  let x = cpu;
  while (sched_clock() < end) {
    for (let i = 0; i < BATCH; i++) {
      if (which === 0) {
        spin_lock(shared.spin);
        x = section(x);
        spin_unlock(shared.spin);
      } else if (which === 1) {
        const flags = spin_lock_irqsave(shared.spin);
        x = section(x);
        spin_unlock_irqrestore(shared.spin, flags);
      } else if (which === 3) {
        write_lock(shared.rw);
        x = section(x);
        write_unlock(shared.rw);
      } else if (which === 4) {
        write_seqlock(shared.seq);
        x = section(x);
        write_sequnlock(shared.seq);
      } else {
        yield* mutex_lock(shared.sleeping);
        x = section(x);
        mutex_unlock(shared.sleeping);
      }
      x = work(m, x);
    }
    done += BATCH;
    if (before === 0 && sched_clock() >= begin) before = done;
    yield* cond_resched();
  }
  atomic_add(done, shared.total);
  pr_info('bench: done %d %d\n', done - before, x & 1);
  return 0;
}

module_init(() => {
  for (let i = 0; i < num_online_cpus(); i++) {
    const task = kthread_create_on_cpu(hammer, i, i, 'hammer/%u');
    if (!IS_ERR(task)) wake_up_process(task);
  }
  return 0;
});
module_exit(() => {
  WARN_ON(atomic_read(shared.total) !== shared.count);
});
MODULE_LICENSE('GPL');
