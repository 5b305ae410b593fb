// The reader-writer lock. One thread on each CPU takes `shared` to read and to write in every flavour; interrupt handlers
// read it on top of whatever they interrupt, readers and waiting writers included; a timer of each CPU writes and reads
// `soft` in softirq context. A writer is alone in its section, a reader sees no writer and nothing that changes.
// starve=1: readers on all CPUs but one overlap for ever; the writer on the last one gets in all the same.
// broken=1: no lock is taken; 2: writers leave interrupts on; 3: write_trylock's answer is ignored; 4: a reader writes;
// 5 (with starve=1): a lock that lets readers in while a writer waits; 6: unlocked twice.
import { atomic_cmpxchg, atomic_dec, atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_should_stop } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr } from 'lockstep/linux/percpu';
import { pr_info } from 'lockstep/linux/printk';
import { cpu_relax } from 'lockstep/linux/processor';
import {
  read_lock,
  read_lock_bh,
  read_lock_irq,
  read_lock_irqsave,
  read_trylock,
  read_unlock,
  read_unlock_bh,
  read_unlock_irq,
  read_unlock_irqrestore,
  rwlock_t,
  write_lock,
  write_lock_bh,
  write_lock_irq,
  write_lock_irqsave,
  write_trylock_irqsave,
  write_unlock,
  write_unlock_bh,
  write_unlock_irq,
  write_unlock_irqrestore,
} from 'lockstep/linux/rwlock';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import { del_timer_sync, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1000);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);
const starve = DEFINE_STATIC(int, 0);
module_param(starve, int, 0o444);

/** A writer that waits this long, in jiffies, while this many readers come, is kept out. */
const PATIENCE = 250;
const MANY = 2000;
/** So long, in jiffies, a reader waits inside for another one: the host must have run them all. */
const ALONE = 5;

class section extends Struct('section', {
  lock: rwlock_t,
  writer: u32,
  count: u32,
  twice: u32,
  inside: u32,
  readers: atomic_t,
  home_made: atomic_t,
  overlap: atomic_t,
  reads: atomic_t,
  pad: array(u32, 20),
}) {}
const shared = DEFINE_STATIC(section);
const soft = DEFINE_STATIC(section);
class counters extends Struct('counters', { shared: u32, soft: u32, soft_timer: u32, reads: u32 }) {}
const per_cpu_counters = DEFINE_PER_CPU(counters);
const timers = DEFINE_PER_CPU(timer_list);
const finished = DEFINE_STATIC(atomic_t);

function write(s: section, me: number): void {
  check(s.writer === 0, 'a writer came while CPU + 1 wrote', s.writer, 0);
  check(atomic_read(s.readers) === 0, 'a writer came while readers were inside', atomic_read(s.readers), 0);
  s.writer = me + 1;
  const count = s.count + 1;
  s.count = count;
  s.twice = 2 * count;
  check(READ_ONCE(s, 'writer') === me + 1, 'another writer came into the section', s.writer, me + 1);
  check(atomic_read(s.readers) === 0, 'a reader came while a writer was inside', atomic_read(s.readers), 0);
  s.writer = 0;
}
function read(s: section): void {
  atomic_inc(s.readers);
  check(s.writer === 0, 'a reader came while CPU + 1 wrote', s.writer, 0);
  const count = s.count;
  check(s.twice === 2 * count, 'a reader saw half of a write', s.twice, 2 * count);
  check(s.count === count, 'it changed while it was read', s.count, count);
  atomic_dec(s.readers);
}

/** In an interrupt, on top of anything. */
export function handler() {
  if (broken.value === 1) return read(shared);
  read_lock(shared.lock);
  read(shared);
  read_unlock(shared.lock);
}
export function on_timer(timer: number) {
  const me = smp_processor_id();
  write_lock(soft.lock);
  write(soft, me);
  write_unlock(soft.lock);
  read_lock(soft.lock);
  read(soft);
  read_unlock(soft.lock);
  per_cpu_ptr(per_cpu_counters, me).soft_timer++;
  if (atomic_read(finished) < num_online_cpus()) mod_timer(timer_list.at(timer), jiffies() + 1);
}

function take_write(me: number, kind: number): void {
  if (broken.value === 1) return write(shared, me);
  if (broken.value === 2) {
    write_lock(shared.lock);
    WRITE_ONCE(shared, 'inside', me + 1);
    for (let n = 0; n < 300; n++) READ_ONCE(shared, 'count');
    WRITE_ONCE(shared, 'inside', 0);
    write(shared, me);
    write_unlock(shared.lock);
  } else if (kind === 0) {
    write_lock_irq(shared.lock);
    write(shared, me);
    write_unlock_irq(shared.lock);
    if (broken.value === 6) read_unlock(shared.lock);
  } else if (kind === 1) {
    let flags = write_trylock_irqsave(shared.lock);
    if (broken.value !== 3) for (; flags < 0; flags = write_trylock_irqsave(shared.lock)) cpu_relax();
    write(shared, me);
    if (flags >= 0) write_unlock_irqrestore(shared.lock, flags);
  } else {
    const flags = write_lock_irqsave(shared.lock);
    write(shared, me);
    write_unlock_irqrestore(shared.lock, flags);
  }
}
function take_read(me: number, kind: number): void {
  if (broken.value === 1) return read(shared);
  if (kind === 0) {
    read_lock(shared.lock);
    if (broken.value === 4) {
      shared.count++;
      shared.twice += 2;
      per_cpu_ptr(per_cpu_counters, me).shared++;
    } else read(shared);
    read_unlock(shared.lock);
  } else if (kind === 1) {
    read_lock_irq(shared.lock);
    read(shared);
    read_unlock_irq(shared.lock);
  } else if (kind === 2) {
    const flags = read_lock_irqsave(shared.lock);
    read(shared);
    read_unlock_irqrestore(shared.lock, flags);
  } else {
    while (!read_trylock(shared.lock)) cpu_relax();
    read(shared);
    read_unlock(shared.lock);
  }
}

export function* locker(me: number) {
  const cpus = num_online_cpus();
  const mine = per_cpu_ptr(per_cpu_counters, me);
  let random = me + 77;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    // What is broken comes first, so that a short run gets there.
    const kind = i !== 0 ? random & 15 : broken.value === 4 ? 4 : broken.value === 6 ? 0 : random & 15;
    if (kind < 4) {
      take_write(me, kind);
      mine.shared++;
    } else if (kind < 11) take_read(me, kind & 3);
    else if (kind === 11) {
      write_lock_bh(soft.lock);
      write(soft, me);
      write_unlock_bh(soft.lock);
      mine.soft++;
    } else if (kind === 12) {
      read_lock_bh(soft.lock);
      read(soft);
      read_unlock_bh(soft.lock);
    }
    if (kind > 12 || (broken.value === 2 && kind > 4)) {
      const inside = broken.value === 2 ? READ_ONCE(shared, 'inside') : 0;
      smp_call_function_single(inside !== 0 ? inside - 1 : (random >>> 8) % cpus, handler, 0, (random & 0x40) !== 0);
    }
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, handler, 0, true);
  atomic_inc(finished);
  return 1;
}

/** A count of readers, or -1: who wants to write waits until there happens to be none. */
function home_made_lock(write: boolean): void {
  for (;;) {
    const n = atomic_read(shared.home_made);
    if (write ? n === 0 : n >= 0) if (atomic_cmpxchg(shared.home_made, n, write ? -1 : n + 1) === n) return;
    cpu_relax();
  }
}
/** Is inside nearly always. */
export function* hog(me: number) {
  while (atomic_read(finished) === 0 && !kthread_should_stop()) {
    if (broken.value === 5) home_made_lock(false);
    else read_lock(shared.lock);
    // So that readers overlap: one leaves when another is inside, or nobody comes any more.
    atomic_inc(shared.overlap);
    for (const since = jiffies(); ;) {
      const inside = atomic_read(shared.overlap);
      if (
        (inside > 1 || ((jiffies() - since) | 0) >= ALONE) &&
        atomic_cmpxchg(shared.overlap, inside, inside - 1) === inside
      )
        break;
      cpu_relax();
    }
    atomic_inc(shared.reads);
    if (broken.value === 5) atomic_dec(shared.home_made);
    else read_unlock(shared.lock);
    if ((atomic_read(shared.reads) & 15) === (me & 15)) yield* cond_resched();
  }
  return 1;
}
export function* hungry(me: number) {
  for (let i = 0; i < Math.min(20, rounds.value) && going_on(); i++) {
    const start = jiffies();
    const reads = atomic_read(shared.reads);
    if (broken.value === 5) {
      for (;;) {
        const waited = (jiffies() - start) | 0;
        const came = (atomic_read(shared.reads) - reads) | 0;
        if (!check(waited < PATIENCE || came < MANY, 'a writer was kept out while so many readers came', came, 0))
          break;
        if (atomic_cmpxchg(shared.home_made, 0, -1) === 0) {
          write(shared, me);
          atomic_inc(shared.home_made);
          break;
        }
        cpu_relax();
      }
      if (failures() !== 0) break;
    } else {
      write_lock(shared.lock);
      write(shared, me);
      write_unlock(shared.lock);
      const waited = (jiffies() - start) | 0;
      const came = (atomic_read(shared.reads) - reads) | 0;
      check(waited < PATIENCE || came < MANY, 'a writer was kept out while so many readers came', came, 0);
    }
    yield* cond_resched();
  }
  atomic_inc(finished);
  return 1;
}
/** On each CPU: a timer belongs to the CPU that arms it. */
export function arm() {
  const timer = per_cpu_ptr(timers, smp_processor_id());
  timer_setup(timer, on_timer, 0);
  mod_timer(timer, jiffies() + 1);
}

module_init(() => {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) {
    if (starve.value !== 0) create_on(c === cpus - 1 ? hungry : hog, c, c, 'starve/%u');
    else {
      if (broken.value === 0) smp_call_function_single(c, arm, 0, true);
      create_on(locker, c, c, 'locker/%u');
    }
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let writes = 0;
  let softs = 0;
  for (let c = 0; c < cpus; c++) {
    if (broken.value === 0 && starve.value === 0) del_timer_sync(per_cpu_ptr(timers, c));
    const of = per_cpu_ptr(per_cpu_counters, c);
    writes += of.shared;
    softs += of.soft + of.soft_timer;
  }
  if (starve.value !== 0) pr_info('rwlock: %d writes among readers on %d CPUs\n', shared.count, cpus);
  else {
    pr_info('rwlock: %d writes, %d in softirqs, on %d CPUs\n', shared.count, soft.count, cpus);
    WARN(
      shared.count !== writes || soft.count !== softs,
      'rwlock: increments were lost: %d/%d %d/%d',
      shared.count,
      writes,
      soft.count,
      softs,
    );
  }
  WARN(ended !== cpus, 'rwlock: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'rwlock: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
