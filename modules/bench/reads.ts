// Two words that belong together, read by threads on every CPU and in one of 20 operations written: under a spin lock, a
// rwlock, a seqlock or RCU. How many operations each thread makes in `ms`.
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
  rcu_replace_pointer,
} from 'lockstep/linux/rcupdate';
import { read_lock, read_unlock, rwlock_t, write_lock, write_unlock } from 'lockstep/linux/rwlock';
import { cond_resched, sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { read_seqbegin, read_seqretry, seqlock_t, write_seqlock, write_sequnlock } from 'lockstep/linux/seqlock';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { num_online_cpus } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';

class pair extends Struct('pair', { rcu: rcu_head, a: u32, b: u32 }) {}
class locked extends Struct('locked', {
  spin: spinlock_t,
  rw: rwlock_t,
  seq: seqlock_t,
  current: ptr(),
  in_place: pair,
}) {}
const shared = DEFINE_STATIC(locked);
class result extends Struct('result', { torn: u32 }) {}
const found = DEFINE_STATIC(result);

/** 0 spin lock, 1 rwlock, 2 seqlock, 3 RCU. */
const kind = DEFINE_STATIC(int, 0);
module_param(kind, int, 0o444);
const ms = DEFINE_STATIC(int, 300);
module_param(ms, int, 0o444);
/** Milliseconds before these, which warm the code and do not count. */
const warm = DEFINE_STATIC(int, 50);
module_param(warm, int, 0o444);

function read(k: number): boolean {
  const p = shared.in_place;
  let a = 0;
  let b = 0;
  if (k === 0) {
    spin_lock(shared.spin);
    a = p.a;
    b = p.b;
    spin_unlock(shared.spin);
  } else if (k === 1) {
    read_lock(shared.rw);
    a = p.a;
    b = p.b;
    read_unlock(shared.rw);
  } else if (k === 2) {
    let seq;
    do {
      seq = read_seqbegin(shared.seq);
      a = p.a;
      b = p.b;
    } while (read_seqretry(shared.seq, seq));
  } else {
    rcu_read_lock();
    const now = pair.at(rcu_dereference(shared, 'current'));
    a = now.a;
    b = now.b;
    rcu_read_unlock();
  }
  return a === b;
}
function write(k: number, v: number): void {
  const p = shared.in_place;
  if (k === 0) {
    spin_lock(shared.spin);
    p.a = v;
    p.b = v;
    spin_unlock(shared.spin);
  } else if (k === 1) {
    write_lock(shared.rw);
    p.a = v;
    p.b = v;
    write_unlock(shared.rw);
  } else if (k === 2) {
    write_seqlock(shared.seq);
    p.a = v;
    p.b = v;
    write_sequnlock(shared.seq);
  } else {
    const fresh = kmalloc(pair.size, GFP_KERNEL);
    if (fresh === 0) return;
    const to = pair.at(fresh);
    to.a = v;
    to.b = v;
    spin_lock(shared.spin);
    const old = rcu_replace_pointer(shared, 'current', fresh, true);
    spin_unlock(shared.spin);
    kfree_rcu(pair.at(old), 'rcu');
  }
}
export function* reader(cpu: number) {
  const k = kind.value;
  const begin = sched_clock() + warm.value * 1e6;
  const end = begin + ms.value * 1e6;
  let done = 0;
  let before = 0;
  let torn = 0;
  while (sched_clock() < end) {
    for (let i = 0; i < 5; i++) {
      write(k, done + cpu);
      for (let n = 0; n < 19; n++) if (!read(k)) torn++;
      done += 20;
    }
    if (before === 0 && sched_clock() >= begin) before = done;
    yield* cond_resched();
  }
  if (torn !== 0) found.torn = torn;
  pr_info('bench: done %d\n', done - before);
  return 0;
}

module_init(() => {
  const first = kmalloc(pair.size, GFP_KERNEL);
  if (first === 0) return -12;
  pair.at(first).a = 0;
  pair.at(first).b = 0;
  rcu_assign_pointer(shared, 'current', first);
  for (let i = 0; i < num_online_cpus(); i++) {
    const task = kthread_create_on_cpu(reader, i, i, 'reader/%u');
    if (!IS_ERR(task)) wake_up_process(task);
  }
  return 0;
});
module_exit(function* () {
  yield* rcu_barrier();
  kfree(shared.current);
  WARN_ON(found.torn !== 0);
});
MODULE_LICENSE('GPL');
