// The reader-writer semaphore: more threads than CPUs read and write under it, sleep with it, become readers after
// writing, give up waiting on a signal. A writer is alone, readers see no writer and nothing that changes. A hog
// (starve=1) that reads again at once on each CPU must not keep the writers out.
// broken=1: no lock is taken; 2: down_write_trylock's answer is ignored; 3: downgraded by up_write and down_read; 4: a
// reader writes; 5: -EINTR is taken for success; 6: given back by a task that does not hold it; 7 (with starve=1): readers
// come in past a waiting writer.
import { atomic_cmpxchg, atomic_dec, atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE } from 'lockstep/linux/compiler';
import { msleep } from 'lockstep/linux/delay';
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_should_stop } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import {
  down_read,
  down_read_interruptible,
  down_read_killable,
  down_read_trylock,
  down_write,
  down_write_killable,
  down_write_trylock,
  downgrade_write,
  rw_semaphore,
  rwsem_is_locked,
  up_read,
  up_write,
} from 'lockstep/linux/rwsem';
import { cond_resched, get_current } from 'lockstep/linux/sched';
import { allow_signal, flush_signals, send_sig, SIGKILL } from 'lockstep/linux/sched/signal';
import { num_online_cpus } from 'lockstep/linux/smp';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all, task_of } from './lib.js';

const rounds = DEFINE_STATIC(int, 200);
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
  lock: rw_semaphore,
  writer: u32,
  count: u32,
  twice: u32,
  readers: atomic_t,
  reads: atomic_t,
  home_made: atomic_t,
  overlap: atomic_t,
  by: array(u32, 256),
  finished: atomic_t,
}) {}
const shared = DEFINE_STATIC(section);

function* write(k: number, random: number) {
  check(shared.writer === 0, 'a writer came while thread + 1 wrote', shared.writer, 0);
  check(atomic_read(shared.readers) === 0, 'a writer came while readers were inside', atomic_read(shared.readers), 0);
  shared.writer = k + 1;
  const count = shared.count + 1;
  shared.count = count;
  if ((random & 0x1f00) === 0) yield* msleep(1);
  else if ((random & 0x200) !== 0) yield* cond_resched();
  shared.twice = 2 * count;
  check(READ_ONCE(shared, 'writer') === k + 1, 'another writer came into the section', shared.writer, k + 1);
  check(atomic_read(shared.readers) === 0, 'a reader came while a writer was inside', atomic_read(shared.readers), 0);
  shared.writer = 0;
  shared.by.set(k, shared.by.at(k) + 1);
}
function* read(random: number) {
  atomic_inc(shared.readers);
  check(shared.writer === 0, 'a reader came while thread + 1 wrote', shared.writer, 0);
  const count = shared.count;
  if ((random & 0x1f00) === 0) yield* msleep(1);
  else if ((random & 0x200) !== 0) yield* cond_resched();
  check(shared.twice === 2 * count, 'a reader saw half of a write', shared.twice, 2 * count);
  check(shared.count === count, 'it changed while it was read', shared.count, count);
  atomic_dec(shared.readers);
  atomic_inc(shared.reads);
}
function* write_then_read(k: number, random: number) {
  yield* down_write(shared.lock);
  yield* write(k, random);
  const count = shared.count;
  if (broken.value === 3) {
    up_write(shared.lock);
    yield* down_read(shared.lock);
  } else downgrade_write(shared.lock);
  check(rwsem_is_locked(shared.lock), 'the rwsem is free for a reader', 0, 1);
  check(shared.count === count, 'a writer came in at the downgrade', shared.count, count);
  yield* read(random >>> 3);
  up_read(shared.lock);
}
/** A wait that a signal may end: then there is nothing to give back. */
function* killable(k: number, random: number) {
  const kind = broken.value === 5 && k === 0 ? 0 : random & 3;
  const result =
    kind === 0
      ? yield* down_write_killable(shared.lock)
      : kind === 1
        ? yield* down_read_killable(shared.lock)
        : yield* down_read_interruptible(shared.lock);
  flush_signals(get_current());
  if (result !== 0 && broken.value !== 5) {
    check(result === -4, 'an interrupted wait returned', result, -4);
    return;
  }
  if (kind === 0) {
    yield* write(k, random);
    up_write(shared.lock);
  } else {
    yield* read(random);
    up_read(shared.lock);
  }
}

export function* locker(k: number) {
  const threads = 2 * num_online_cpus();
  allow_signal(SIGKILL);
  let random = k + 5;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const kind = i === 0 && broken.value !== 0 ? first_kind(k) : random & 15;
    if (broken.value === 1) {
      if (kind < 5) yield* write(k, random);
      else yield* read(random);
    } else if (kind < 2) {
      yield* down_write(shared.lock);
      yield* write(k, random);
      up_write(shared.lock);
      if (broken.value === 6) up_write(shared.lock);
    } else if (kind === 2) {
      const got = down_write_trylock(shared.lock) !== 0;
      if (got || broken.value === 2) {
        yield* write(k, random);
        if (got) up_write(shared.lock);
      }
    } else if (kind === 3) yield* write_then_read(k, random);
    else if (kind < 6) yield* killable(k, random);
    else if (kind === 6) {
      if (down_read_trylock(shared.lock) !== 0) {
        yield* read(random);
        up_read(shared.lock);
      }
    } else if (kind === 7) send_sig(SIGKILL, task_of(broken.value === 5 ? 0 : (random >>> 8) % threads));
    else {
      yield* down_read(shared.lock);
      if (broken.value === 4) {
        shared.count++;
        shared.twice += 2;
        shared.by.set(k, shared.by.at(k) + 1);
      } else yield* read(random);
      up_read(shared.lock);
    }
    yield* cond_resched();
  }
  // Whoever still sends a signal may find this thread: it stays until all are through.
  atomic_inc(shared.finished);
  while (atomic_read(shared.finished) < threads && !kthread_should_stop()) yield* msleep(1);
  return 1;
}
const KINDS = Object.freeze([0, 0, 2, 3, 8, 4, 0, 0]);
/** What is broken comes first, so that a short run gets there. */
const first_kind = (k: number): number =>
  broken.value === 5 && (k & 1) !== 0 ? 7 : (KINDS.at(broken.value) as number);

/** Reads again at once, and is inside nearly always. */
export function* hog(_k: number) {
  while (atomic_read(shared.finished) === 0 && !kthread_should_stop()) {
    if (broken.value === 7) {
      for (;;) {
        const n = atomic_read(shared.home_made);
        if (n >= 0 && atomic_cmpxchg(shared.home_made, n, n + 1) === n) break;
        yield* cond_resched();
      }
    } else yield* down_read(shared.lock);
    // So that readers overlap: one leaves when another is inside, or nobody comes any more.
    atomic_inc(shared.overlap);
    for (const since = jiffies(); ;) {
      const inside = atomic_read(shared.overlap);
      if (
        (inside > 1 || ((jiffies() - since) | 0) >= ALONE) &&
        atomic_cmpxchg(shared.overlap, inside, inside - 1) === inside
      )
        break;
      yield* cond_resched();
    }
    atomic_inc(shared.reads);
    if (broken.value === 7) atomic_dec(shared.home_made);
    else up_read(shared.lock);
    yield* cond_resched();
  }
  return 1;
}
export function* hungry(k: number) {
  for (let i = 0; i < Math.min(20, rounds.value) && going_on(); i++) {
    const start = jiffies();
    const reads = atomic_read(shared.reads);
    for (;;) {
      if (broken.value !== 7) yield* down_write(shared.lock);
      const got = broken.value !== 7 || atomic_cmpxchg(shared.home_made, 0, -1) === 0;
      const waited = (jiffies() - start) | 0;
      const came = (atomic_read(shared.reads) - reads) | 0;
      const ok = check(waited < PATIENCE || came < MANY, 'a writer was kept out while so many readers came', came, 0);
      if (got || !ok) {
        if (got) shared.by.set(k, shared.by.at(k) + 1);
        if (got) shared.count++;
        if (broken.value !== 7) up_write(shared.lock);
        else if (got) atomic_inc(shared.home_made);
        break;
      }
      yield* cond_resched();
    }
    if (failures() !== 0) break;
    yield* cond_resched();
  }
  atomic_inc(shared.finished);
  return 1;
}

const threads = (): number => (starve.value !== 0 ? 1 : 2) * num_online_cpus();
module_init(() => {
  const cpus = num_online_cpus();
  for (let k = 0; k < threads(); k++) {
    if (starve.value === 0) create_on(locker, k, k % cpus, 'locker/%u');
    else create_on(k === 0 ? hungry : hog, k, k, 'starve/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const ended = yield* stop_all();
  let sum = 0;
  for (let k = 0; k < threads(); k++) sum += shared.by.at(k);
  pr_info('rwsem: %u writes by %d threads\n', shared.count, threads());
  WARN(ended !== threads(), 'rwsem: only %d of %d threads came to the end', ended, threads());
  WARN(sum !== shared.count, 'rwsem: increments were lost: %u, %u', shared.count, sum);
  WARN(failures() !== 0, 'rwsem: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
