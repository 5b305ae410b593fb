// hrtimers armed, moved and cancelled by all CPUs, in the interrupt and in the softirq, with ranges, and periodic ones that
// re-arm themselves. Every arming ends in one run or one cancellation; a function never runs before its time, nor on two
// CPUs at once, nor after hrtimer_cancel; sleeps by hrtimers are never too short.
// broken=1: hrtimer_try_to_cancel where hrtimer_cancel is needed; 2: armed again after the cancel; 3: armed a little early.
import { atomic_dec, atomic_inc_return, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { udelay, usleep_range } from 'lockstep/linux/delay';
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  from_hrtimer,
  hrtimer,
  HRTIMER_MODE_ABS,
  HRTIMER_MODE_REL,
  HRTIMER_MODE_SOFT,
  HRTIMER_NORESTART,
  HRTIMER_RESTART,
  hrtimer_active,
  hrtimer_cancel,
  hrtimer_cb_get_time,
  hrtimer_forward_now,
  hrtimer_get_softexpires,
  hrtimer_setup,
  hrtimer_start,
  hrtimer_start_range_ns,
  hrtimer_try_to_cancel,
} from 'lockstep/linux/hrtimer';
import { ktime_get } from 'lockstep/linux/ktime';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { in_hardirq, in_interrupt } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus } from 'lockstep/linux/smp';
import { spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 300);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const SHARED = 4;
class item extends Struct('item', {
  timer: hrtimer,
  inside: atomic_t,
  armed: u32,
  ran: u32,
  cancelled: u32,
  /** Nobody may find the function running while this is set; under `lock`. */
  quiet: u32,
  soft: u32,
  lock: mutex,
  /** Arming and counting it are one. */
  count: spinlock_t,
}) {}
const items = DEFINE_STATIC(array(item, SHARED));
/** One for each CPU, which re-arms itself until it is cancelled. */
const own = DEFINE_STATIC(array(item, 64));

function enter(self: item): void {
  check(in_interrupt() && in_hardirq() === (self.soft === 0), 'the context of an hrtimer', 0, 1);
  check(atomic_inc_return(self.inside) === 1, 'an hrtimer function ran on two CPUs at once', 2, 1);
  check(READ_ONCE(self, 'quiet') === 0, 'an hrtimer function ran after hrtimer_cancel', 1, 0);
}
export function on_item(timer: number) {
  const self = from_hrtimer(timer, item, 'timer');
  enter(self);
  const flags = spin_lock_irqsave(self.count);
  self.ran++;
  spin_unlock_irqrestore(self.count, flags);
  udelay(20);
  check(READ_ONCE(self, 'quiet') === 0, 'an hrtimer function ran beyond hrtimer_cancel', 1, 0);
  atomic_dec(self.inside);
  return HRTIMER_NORESTART;
}
export function on_own(timer: number) {
  const self = from_hrtimer(timer, item, 'timer');
  enter(self);
  const early = hrtimer_get_softexpires(self.timer) - hrtimer_cb_get_time(self.timer);
  check(early <= 0, 'ns by which an hrtimer was early', early, 0);
  self.ran++;
  udelay(5);
  hrtimer_forward_now(self.timer, 200000);
  self.armed++;
  atomic_dec(self.inside);
  return HRTIMER_RESTART;
}
/** Arms it: if it was armed, that arming is over. */
function arm(x: item, ns: number, range: number): void {
  const flags = spin_lock_irqsave(x.count);
  const was = hrtimer_try_to_cancel(x.timer);
  if (was === 1) x.cancelled++;
  // A running function would be armed behind its back: its own end comes first.
  if (was >= 0) {
    x.armed++;
    hrtimer_start_range_ns(x.timer, ns, range, HRTIMER_MODE_REL);
  }
  spin_unlock_irqrestore(x.count, flags);
}
function cancel(x: item): void {
  const flags = spin_lock_irqsave(x.count);
  if (hrtimer_try_to_cancel(x.timer) === 1) x.cancelled++;
  spin_unlock_irqrestore(x.count, flags);
}

function operation(random: number, i: number): number {
  if (broken.value === 0) return random & 7;
  return broken.value === 1 ? (i & 1 ? 0 : 7) : broken.value === 2 ? 2 : 4;
}
export function* user(me: number) {
  let random = me + 13;
  const mine = own.at(me);
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const x = items.at(broken.value === 0 ? (random >>> 8) & (SHARED - 1) : 0);
    switch (operation(random, i + me)) {
      case 0: {
        // No arming while the mutex is held, so that "not running" can be said.
        yield* mutex_lock(x.lock);
        cancel(x);
        if (broken.value !== 1) hrtimer_cancel(x.timer);
        WRITE_ONCE(x, 'quiet', 1);
        for (let n = 0; n < 50; n++) check(atomic_read(x.inside) === 0, 'the function runs after hrtimer_cancel', 1, 0);
        check(broken.value === 1 || !hrtimer_active(x.timer), 'an hrtimer is active after hrtimer_cancel', 1, 0);
        WRITE_ONCE(x, 'quiet', 0);
        mutex_unlock(x.lock);
        break;
      }
      case 1:
        cancel(x);
        break;
      case 2: {
        if (hrtimer_cancel(mine.timer) === 1) mine.cancelled++;
        if (broken.value === 2) {
          mine.armed++;
          hrtimer_start(mine.timer, 1000, HRTIMER_MODE_REL);
        }
        WRITE_ONCE(mine, 'quiet', 1);
        if ((random & 0x700) === 0 || broken.value === 2) yield* usleep_range(100, 200);
        WRITE_ONCE(mine, 'quiet', 0);
        if (broken.value === 2) break;
        mine.armed++;
        hrtimer_start(mine.timer, hrtimer_cb_get_time(mine.timer) + ((random >>> 16) & 0xffff), HRTIMER_MODE_ABS);
        break;
      }
      case 3:
      case 4: {
        // Longer ones where they are cut short, or the host's lateness would make up for it.
        const us = (1 + ((random >>> 16) & 63)) * (broken.value === 3 ? 100 : 1);
        const before = ktime_get();
        if (broken.value === 3) yield* usleep_range(us / 2, us / 2);
        else yield* usleep_range(us, us + 20);
        const slept = ktime_get() - before;
        check(slept >= us * 1000, 'ns slept', slept, us * 1000);
        break;
      }
      default:
        yield* mutex_lock(x.lock);
        arm(x, (random >>> 12) & (broken.value === 1 ? 0x3fff : 0x3ffff), (random & 0x800) !== 0 ? 50000 : 0);
        mutex_unlock(x.lock);
    }
    yield* cond_resched();
  }
  if (hrtimer_cancel(mine.timer) === 1) mine.cancelled++;
  WRITE_ONCE(mine, 'quiet', 1);
  return 1;
}

module_init(() => {
  for (let i = 0; i < SHARED; i++) {
    items.at(i).soft = i & 1;
    hrtimer_setup(items.at(i).timer, on_item, i < 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME, i & 1 ? HRTIMER_MODE_SOFT : 0);
  }
  for (let c = 0; c < num_online_cpus(); c++) {
    hrtimer_setup(own.at(c).timer, on_own, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
    create_on(user, c, c, 'user/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let armed = 0;
  let ran = 0;
  for (let i = 0; i < SHARED + cpus; i++) {
    const x = i < SHARED ? items.at(i) : own.at(i - SHARED);
    if (hrtimer_cancel(x.timer) === 1) x.cancelled++;
    armed += x.armed;
    ran += x.ran;
    check(x.ran + x.cancelled === x.armed, 'runs and cancellations of an hrtimer', x.ran + x.cancelled, x.armed);
  }
  pr_info('hrtimers: armed %d times, %d runs, on %d CPUs\n', armed, ran, cpus);
  WARN(ended !== cpus, 'hrtimers: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'hrtimers: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
