// Sequence counters. One thread on each CPU writes and reads three things, each with an invariant over two words that
// only a section keeps: `locked`, a seqlock that interrupt handlers read on top of whatever they interrupt; `soft`, one
// that a timer of each CPU writes and reads; `counted`, a seqcount with a spin lock of its own. A latch is written by
// CPU 0's thread and read by handlers on top of it.
// broken=1: the reader does not read again; 2: writers leave interrupts on; 3: writers of a seqcount without their lock;
// 4: the second word is written after the section; 5: write_seqcount_begin is forgotten on one path.
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { jiffies } from 'lockstep/linux/jiffies';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr } from 'lockstep/linux/percpu';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import {
  done_seqretry,
  need_seqretry,
  raw_read_seqcount_latch,
  raw_read_seqcount_latch_retry,
  raw_write_seqcount_begin,
  raw_write_seqcount_end,
  raw_write_seqcount_latch,
  read_seqbegin,
  read_seqbegin_or_lock,
  read_seqcount_begin,
  read_seqcount_retry,
  read_seqlock_excl_irqsave,
  read_seqretry,
  read_sequnlock_excl_irqrestore,
  seqcount_latch_t,
  seqcount_spinlock_init,
  seqcount_spinlock_t,
  seqlock_t,
  write_seqcount_begin,
  write_seqcount_end,
  write_seqlock,
  write_seqlock_bh,
  write_seqlock_irq,
  write_seqlock_irqsave,
  write_sequnlock,
  write_sequnlock_bh,
  write_sequnlock_irq,
  write_sequnlock_irqrestore,
} from 'lockstep/linux/seqlock';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { del_timer_sync, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1000);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

/** `twice` is 2 * count outside of a writer's section. */
class pair extends Struct('pair', { count: u32, twice: u32 }) {}
class section extends Struct('section', { lock: seqlock_t, data: pair, inside: u32, pad: array(u32, 20) }) {}
const locked = DEFINE_STATIC(section);
const soft = DEFINE_STATIC(section);
class counted_section extends Struct('counted_section', {
  lock: spinlock_t,
  seq: seqcount_spinlock_t,
  data: pair,
  pad: array(u32, 20),
}) {}
const counted = DEFINE_STATIC(counted_section);
class latched extends Struct('latched', { seq: seqcount_latch_t, data: array(pair, 2) }) {}
const latch = DEFINE_STATIC(latched);
class counters extends Struct('counters', { locked: u32, soft: u32, soft_timer: u32, counted: u32 }) {}
const per_cpu_counters = DEFINE_PER_CPU(counters);
const timers = DEFINE_PER_CPU(timer_list);
const finished = DEFINE_STATIC(atomic_t);

/** A wider window for what is broken, but not for the explorer, which needs none. */
function widen(data: pair): void {
  if (broken.value !== 0 && rounds.value > 100) for (let n = 0; n < 300; n++) READ_ONCE(data, 'count');
}
function write(data: pair): void {
  const count = READ_ONCE(data, 'count') + 1;
  WRITE_ONCE(data, 'count', count);
  widen(data);
  WRITE_ONCE(data, 'twice', 2 * count);
}
/** Return: the difference, 0 if the two belong together. */
function look(data: pair): number {
  const count = READ_ONCE(data, 'count');
  if (broken.value === 1) widen(data);
  return (READ_ONCE(data, 'twice') - 2 * count) | 0;
}
function read_locked(s: section): void {
  let torn = 0;
  for (;;) {
    const seq = read_seqbegin(s.lock);
    torn = look(s.data);
    if (!read_seqretry(s.lock, seq) || broken.value === 1) break;
  }
  check(torn === 0, 'a reader saw half of a write', torn, 0);
}
function read_latch(): void {
  let torn = 0;
  let seq = 0;
  do {
    seq = raw_read_seqcount_latch(latch.seq);
    torn = look(latch.data.at(seq & 1));
  } while (raw_read_seqcount_latch_retry(latch.seq, seq));
  check(torn === 0, 'a reader of the latch saw half of a write', torn, 0);
}

/** In an interrupt, on top of anything. */
export function handler() {
  read_locked(locked);
  read_latch();
}
export function on_timer(timer: number) {
  const me = smp_processor_id();
  write_seqlock(soft.lock);
  write(soft.data);
  write_sequnlock(soft.lock);
  read_locked(soft);
  per_cpu_ptr(per_cpu_counters, me).soft_timer++;
  if (atomic_read(finished) < num_online_cpus()) mod_timer(timer_list.at(timer), jiffies() + 1);
}

function write_locked(me: number, kind: number): void {
  if (broken.value === 2) {
    write_seqlock(locked.lock);
    WRITE_ONCE(locked, 'inside', me + 1);
    for (let n = 0; n < 300; n++) READ_ONCE(locked.data, 'count');
    write(locked.data);
    WRITE_ONCE(locked, 'inside', 0);
    write_sequnlock(locked.lock);
  } else if (broken.value === 4) {
    const flags = write_seqlock_irqsave(locked.lock);
    const count = locked.data.count + 1;
    WRITE_ONCE(locked.data, 'count', count);
    write_sequnlock_irqrestore(locked.lock, flags);
    WRITE_ONCE(locked.data, 'twice', 2 * count);
  } else if (kind === 0) {
    write_seqlock_irq(locked.lock);
    write(locked.data);
    write_sequnlock_irq(locked.lock);
  } else {
    const flags = write_seqlock_irqsave(locked.lock);
    write(locked.data);
    write_sequnlock_irqrestore(locked.lock, flags);
  }
}
/** Without the lock first, with it if that fails. */
function read_or_lock(): void {
  let seq = 0;
  let torn = 0;
  for (;;) {
    seq = read_seqbegin_or_lock(soft.lock, seq);
    torn = look(soft.data);
    if (!need_seqretry(soft.lock, seq)) break;
    seq = 1;
    // A timer writes on this CPU, too: with the lock it would wait for what it interrupted.
    return read_locked(soft);
  }
  done_seqretry(soft.lock, seq);
  check(torn === 0, 'a reader saw half of a write', torn, 0);
}
function write_counted(i: number): void {
  if (broken.value === 3) {
    raw_write_seqcount_begin(counted.seq);
    write(counted.data);
    raw_write_seqcount_end(counted.seq);
    return;
  }
  spin_lock(counted.lock);
  const counts = broken.value !== 5 || (i & 1) !== 0;
  if (counts) write_seqcount_begin(counted.seq);
  write(counted.data);
  if (counts) write_seqcount_end(counted.seq);
  spin_unlock(counted.lock);
}
function read_counted(): void {
  let torn = 0;
  let seq = 0;
  do {
    seq = read_seqcount_begin(counted.seq);
    torn = look(counted.data);
  } while (read_seqcount_retry(counted.seq, seq));
  check(torn === 0, 'a reader of the seqcount saw half of a write', torn, 0);
}
/** One writer, which handlers interrupt: they read the copy that is whole. */
function write_latch(): void {
  raw_write_seqcount_latch(latch.seq);
  write(latch.data.at(0));
  raw_write_seqcount_latch(latch.seq);
  write(latch.data.at(1));
}

/** What is broken is done more often, and first. */
function kind_of(i: number, random: number): number {
  if (broken.value === 1) return random & 3;
  if (broken.value >= 3 && i === 0) return broken.value === 4 ? 0 : 5;
  if (broken.value >= 3 && (random & 16) !== 0) return broken.value === 4 ? random & 3 : 5 + (random & 3);
  return random & 15;
}
export function* worker(me: number) {
  const cpus = num_online_cpus();
  const mine = per_cpu_ptr(per_cpu_counters, me);
  let random = me + 77;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const kind = kind_of(i, random);
    if (kind < 2) {
      write_locked(me, kind);
      mine.locked++;
    } else if (kind < 5) read_locked(locked);
    else if (kind < 7) {
      write_counted(i);
      mine.counted++;
      read_counted();
    } else if (kind < 9) read_counted();
    else if (kind === 9) {
      write_seqlock_bh(soft.lock);
      write(soft.data);
      write_sequnlock_bh(soft.lock);
      mine.soft++;
    } else if (kind === 10) read_or_lock();
    else if (kind === 11) {
      const flags = read_seqlock_excl_irqsave(locked.lock);
      const torn = look(locked.data);
      check(torn === 0 || broken.value === 4, 'an exclusive reader saw half of a write', torn, 0);
      read_sequnlock_excl_irqrestore(locked.lock, flags);
    } else if (kind === 12 && me === 0) write_latch();
    else read_latch();
    if (kind > 13 || (broken.value === 2 && kind > 2)) {
      const inside = broken.value === 2 ? READ_ONCE(locked, 'inside') : 0;
      smp_call_function_single(inside !== 0 ? inside - 1 : (random >>> 8) % cpus, handler, 0, (random & 0x40) !== 0);
    }
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, handler, 0, true);
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
  seqcount_spinlock_init(counted.seq, counted.lock);
  for (let c = 0; c < num_online_cpus(); c++) {
    if (broken.value === 0) smp_call_function_single(c, arm, 0, true);
    create_on(worker, c, c, 'worker/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let writes = 0;
  let softs = 0;
  let counts = 0;
  for (let c = 0; c < cpus; c++) {
    if (broken.value === 0) del_timer_sync(per_cpu_ptr(timers, c));
    const of = per_cpu_ptr(per_cpu_counters, c);
    writes += of.locked;
    softs += of.soft + of.soft_timer;
    counts += of.counted;
  }
  const a = locked.data.count;
  const b = soft.data.count;
  const c = counted.data.count;
  pr_info('seqlock: %d writes, %d in softirqs, %d of the seqcount, on %d CPUs\n', a, b, c, cpus);
  WARN(ended !== cpus, 'seqlock: only %d of %d threads came to the end', ended, cpus);
  WARN(
    a !== writes || b !== softs || c !== counts,
    'seqlock: increments were lost: %d/%d %d/%d %d/%d',
    a,
    writes,
    b,
    softs,
    c,
    counts,
  );
  WARN(failures() !== 0, 'seqlock: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
