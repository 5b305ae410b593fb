// Shared data that is read 95 times of 100: under a reader-writer lock, under RCU, under a seqlock. A reader that sees
// half of a change would be counted.
import { atomic_add, atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN_ON } from 'lockstep/linux/bug';
import { IS_ERR } from 'lockstep/linux/err';
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import {
  kfree_rcu,
  rcu_assign_pointer,
  rcu_barrier,
  rcu_dereference,
  rcu_head,
  rcu_read_lock,
  rcu_read_unlock,
} from 'lockstep/linux/rcupdate';
import { read_lock, read_unlock, rwlock_t, write_lock, write_unlock } from 'lockstep/linux/rwlock';
import { cond_resched, sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { read_seqbegin, read_seqretry, seqlock_t, write_seqlock, write_sequnlock } from 'lockstep/linux/seqlock';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { num_online_cpus } from 'lockstep/linux/smp';
import { DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';

class config extends Struct('config', { a: u32, b: u32, rcu: rcu_head }) {}
class data extends Struct('data', {
  rw: rwlock_t,
  seq: seqlock_t,
  writers: spinlock_t,
  current: ptr(config),
  a: u32,
  b: u32,
  torn: atomic_t,
  reads: atomic_t,
}) {}
const shared = DEFINE_STATIC(data);

/** 0 rwlock, 1 RCU, 2 seqlock. */
const kind = DEFINE_STATIC(int, 0);
module_param(kind, int, 0o444);
const ms = DEFINE_STATIC(int, 100);
module_param(ms, int, 0o444);
const warm = DEFINE_STATIC(int, 50);
module_param(warm, int, 0o444);

function read(which: number): boolean {
  let same: boolean;
  if (which === 0) {
    read_lock(shared.rw);
    same = shared.a === shared.b;
    read_unlock(shared.rw);
  } else if (which === 1) {
    rcu_read_lock();
    const now = config.at(rcu_dereference(shared, 'current'));
    same = now.a === now.b;
    rcu_read_unlock();
  } else
    for (let seq = -1; ;) {
      seq = read_seqbegin(shared.seq);
      same = shared.a === shared.b;
      if (!read_seqretry(shared.seq, seq)) break;
    }
  return same;
}
function write(which: number): void {
  if (which === 0) {
    write_lock(shared.rw);
    shared.a++;
    shared.b++;
    write_unlock(shared.rw);
  } else if (which === 1) {
    const p = kmalloc(config.size, GFP_KERNEL);
    if (p === 0) return;
    const next = config.at(p);
    spin_lock(shared.writers);
    const old = config.at(shared.current);
    next.a = old.a + 1;
    next.b = old.b + 1;
    rcu_assign_pointer(shared, 'current', p);
    spin_unlock(shared.writers);
    kfree_rcu(old, 'rcu');
  } else {
    write_seqlock(shared.seq);
    shared.a++;
    shared.b++;
    write_sequnlock(shared.seq);
  }
}

export function* reader(_cpu: number) {
  const which = kind.value;
  const begin = sched_clock() + warm.value * 1e6;
  const end = begin + ms.value * 1e6;
  let done = 0;
  let before = 0;
  while (sched_clock() < end) {
    for (let i = 0; i < 100; i++)
      if (i % 20 === 19) write(which);
      else if (!read(which)) atomic_inc(shared.torn);
    done += 100;
    if (before === 0 && sched_clock() >= begin) before = done;
    yield* cond_resched();
  }
  atomic_add(done, shared.reads);
  pr_info('bench: done %d\n', done - before);
  return 0;
}

module_init(() => {
  const p = kmalloc(config.size, GFP_KERNEL);
  if (p === 0) return -12;
  const first = config.at(p);
  first.a = 0;
  first.b = 0;
  shared.current = p;
  for (let i = 0; i < num_online_cpus(); i++) {
    const task = kthread_create_on_cpu(reader, i, i, 'reader/%u');
    if (!IS_ERR(task)) wake_up_process(task);
  }
  return 0;
});
module_exit(function* () {
  yield* rcu_barrier();
  kfree(shared.current);
  WARN_ON(atomic_read(shared.torn) !== 0);
  WARN_ON(atomic_read(shared.reads) === 0);
});
MODULE_LICENSE('GPL');
