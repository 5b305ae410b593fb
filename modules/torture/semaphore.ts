// Semaphores. `places` lets `slots` threads in at once: never more are inside, each in a place of its own; they wait with
// and without a time-out, until a signal, or not at all. `items` counts what handlers of interrupts have made: up() from
// there, down() by the threads, which find no item twice.
// broken=1: no semaphore; 2: down_trylock's answer is read as mutex_trylock's; 3: -ETIME is taken for success; 4: a thread
// goes once without up(); 5: up() twice.
import {
  atomic_cmpxchg,
  atomic_dec,
  atomic_inc,
  atomic_inc_return,
  atomic_read,
  atomic_t,
} from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { msleep } from 'lockstep/linux/delay';
import { kthread_should_stop } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched, get_current } from 'lockstep/linux/sched';
import { allow_signal, flush_signals, send_sig, SIGKILL } from 'lockstep/linux/sched/signal';
import {
  DEFINE_SEMAPHORE,
  down,
  down_interruptible,
  down_killable,
  down_timeout,
  down_trylock,
  sema_init,
  up,
} from 'lockstep/linux/semaphore';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all, task_of } from './lib.js';

const rounds = DEFINE_STATIC(int, 200);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);
const slots = DEFINE_STATIC(int, 2);
module_param(slots, int, 0o444);

const places = DEFINE_SEMAPHORE(0);
const items = DEFINE_SEMAPHORE(0);
const MAX_SLOTS = 16;
class state extends Struct('state', {
  inside: atomic_t,
  taken: array(atomic_t, MAX_SLOTS),
  made: atomic_t,
  used: atomic_t,
  went: atomic_t,
  by: array(u32, 256),
  finished: atomic_t,
}) {}
const shared = DEFINE_STATIC(state);

/** What each thread does with the place it has: nobody else is in it. */
function* inside(k: number, random: number) {
  const n = atomic_inc_return(shared.inside);
  check(n <= slots.value, 'so many are inside', n, slots.value);
  let place = 0;
  while (place < slots.value && atomic_cmpxchg(shared.taken.at(place), 0, k + 1) !== 0) place++;
  if (check(place < slots.value, 'all places are taken', place, slots.value - 1)) {
    if ((random & 0x1f00) === 0) yield* msleep(1);
    else if ((random & 0x200) !== 0) yield* cond_resched();
    const who = atomic_cmpxchg(shared.taken.at(place), k + 1, 0);
    check(who === k + 1, 'somebody came into the place', who, k + 1);
  }
  atomic_dec(shared.inside);
  atomic_inc(shared.went);
  shared.by.set(k, shared.by.at(k) + 1);
}
/** Return: true if it is inside. */
function* enter(kind: number) {
  if (broken.value === 1) return true;
  // The places are soon gone: nobody is to wait for them for ever.
  if (broken.value === 2 && kind < 9) kind = 8;
  if (kind < 4) yield* down(places);
  else if (kind < 7) {
    const result = kind === 4 ? yield* down_interruptible(places) : yield* down_killable(places);
    flush_signals(get_current());
    check(result === 0 || result === -4, 'an interrupted wait returned', result, -4);
    return result === 0;
  } else if (kind < 9) {
    const result = yield* down_timeout(places, kind - 7);
    check(result === 0 || result === -62, 'a wait with a time-out returned', result, -62);
    return result === 0 || broken.value === 3;
  } else return down_trylock(places) === (broken.value === 2 ? 1 : 0);
  return true;
}

/** In an interrupt: makes an item. */
export function handler() {
  atomic_inc(shared.made);
  up(items);
}

export function* worker(k: number) {
  const cpus = num_online_cpus();
  const threads = 2 * cpus;
  allow_signal(SIGKILL);
  let random = k + 5;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const kind = i === 0 && broken.value !== 0 ? first_kind() : random & 15;
    if (kind < 11) {
      if (yield* enter(kind)) {
        yield* inside(k, random);
        const gone = broken.value === 4 && k === 0 && i === 0;
        if (broken.value !== 1 && !gone) up(places);
        if (broken.value === 5) up(places);
      }
    } else if (kind === 11) send_sig(SIGKILL, task_of((random >>> 8) % threads));
    else {
      smp_call_function_single((random >>> 8) % cpus, handler, 0, (random & 0x40) !== 0);
      yield* down(items);
      const used = atomic_inc_return(shared.used);
      check(used <= atomic_read(shared.made), 'more items were used than made', used, atomic_read(shared.made));
    }
    yield* cond_resched();
  }
  // Whoever still sends a signal may find this thread: it stays until all are through.
  atomic_inc(shared.finished);
  while (atomic_read(shared.finished) < threads && !kthread_should_stop()) yield* msleep(1);
  return 1;
}
const KINDS = Object.freeze([0, 0, 9, 7, 0, 0]);
const first_kind = (): number => KINDS.at(broken.value) as number;

module_init(() => {
  const cpus = num_online_cpus();
  sema_init(places, slots.value);
  for (let k = 0; k < 2 * cpus; k++) create_on(worker, k, k % cpus, 'worker/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const threads = 2 * num_online_cpus();
  const ended = yield* stop_all();
  let sum = 0;
  for (let k = 0; k < threads; k++) sum += shared.by.at(k);
  pr_info('semaphore: %d times inside, %d items\n', atomic_read(shared.went), atomic_read(shared.used));
  WARN(ended !== threads, 'semaphore: only %d of %d threads came to the end', ended, threads);
  WARN(
    sum !== atomic_read(shared.went) || atomic_read(shared.used) !== atomic_read(shared.made),
    'semaphore: lost: %d of %d, %d of %d',
    atomic_read(shared.went),
    sum,
    atomic_read(shared.used),
    atomic_read(shared.made),
  );
  if (ended === threads && broken.value !== 1) {
    let free = 0;
    while (free <= slots.value && down_trylock(places) === 0) free++;
    WARN(free !== slots.value, 'semaphore: %d places are free, not %d', free, slots.value);
  }
  WARN(failures() !== 0, 'semaphore: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
