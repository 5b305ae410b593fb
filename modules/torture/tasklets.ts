// Tasklets scheduled, disabled and killed by all CPUs, from tasks, interrupts and their own functions. A function never
// runs on two CPUs at once, nor while its tasklet is disabled, nor after tasklet_kill, and always once more after a
// schedule. Tasklets of their own on each CPU share data under a lock; one keeps scheduling itself until ksoftirqd has it.
// broken=1: disabled without waiting; 2: what tasklets share has no lock; 3: not killed before its end.
import { atomic_dec, atomic_inc, atomic_inc_return, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { udelay } from 'lockstep/linux/delay';
import {
  from_tasklet,
  tasklet_disable,
  tasklet_disable_in_atomic,
  tasklet_disable_nosync,
  tasklet_enable,
  tasklet_hi_schedule,
  tasklet_init,
  tasklet_kill,
  tasklet_schedule,
  tasklet_setup,
  tasklet_struct,
} from 'lockstep/linux/interrupt';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { in_serving_softirq } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1000);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const SHARED = 4;
class item extends Struct('item', {
  tasklet: tasklet_struct,
  inside: atomic_t,
  /** Written before a schedule, and what the function has seen of it. */
  wanted: atomic_t,
  seen: u32,
  ran: u32,
  disabled: atomic_t,
  dead: u32,
  again: u32,
}) {}
const items = DEFINE_STATIC(array(item, SHARED));
/** One for each CPU, on what they share. */
const own = DEFINE_STATIC(array(item, 64));
class sum extends Struct('sum', { lock: spinlock_t, total: u32, owner: u32 }) {}
const shared = DEFINE_STATIC(sum);
/** Killed and set up again. */
const mortal = DEFINE_STATIC(array(item, 64));

export function on_item(tasklet: number) {
  const self = from_tasklet(tasklet, item, 'tasklet');
  check(in_serving_softirq(), 'a tasklet outside a softirq', 0, 1);
  check(atomic_inc_return(self.inside) === 1, 'a tasklet ran on two CPUs at once', 2, 1);
  check(atomic_read(self.disabled) === 0, 'a disabled tasklet ran', 1, 0);
  const wanted = atomic_read(self.wanted);
  const ran = self.ran;
  udelay(20);
  self.seen = wanted;
  self.ran = ran + 1;
  check(atomic_read(self.disabled) === 0, 'a tasklet ran while it was disabled', 1, 0);
  atomic_dec(self.inside);
}
export function on_own(n: number) {
  const self = own.at(n);
  if (broken.value !== 2) spin_lock(shared.lock);
  check(READ_ONCE(shared, 'owner') === 0, 'two tasklets were in the section', shared.owner, 0);
  WRITE_ONCE(shared, 'owner', n + 1);
  const total = shared.total;
  self.ran++;
  WRITE_ONCE(shared, 'total', total + 1);
  WRITE_ONCE(shared, 'owner', 0);
  if (broken.value !== 2) spin_unlock(shared.lock);
  // Goes round more often than one softirq does.
  if (self.again > 0) {
    self.again--;
    tasklet_schedule(self.tasklet);
  }
}
export function on_mortal(tasklet: number) {
  const self = from_tasklet(tasklet, item, 'tasklet');
  check(READ_ONCE(self, 'dead') === 0, 'a tasklet ran after tasklet_kill', 1, 0);
  udelay(5);
  check(READ_ONCE(self, 'dead') === 0, 'a tasklet ran beyond tasklet_kill', 1, 0);
}
export function from_interrupt(n: number) {
  atomic_inc(items.at(n).wanted);
  tasklet_schedule(items.at(n).tasklet);
}

/** What is done next: with a broken variant mostly what it breaks, so that few operations show it. */
function operation(random: number, i: number): number {
  if (broken.value === 0 || (random & 0x38) === 0) return random & 7;
  return broken.value === 1 ? (i & 1) * 7 : broken.value === 2 ? 3 : 4;
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 13;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const n = broken.value === 0 ? (random >>> 8) & (SHARED - 1) : 0;
    const x = items.at(n);
    switch (operation(random, i + me)) {
      case 0:
      case 1: {
        // Others may disable it too: it is a count.
        if (broken.value === 1) tasklet_disable_nosync(x.tasklet);
        else if ((random & 0x100000) !== 0) yield* tasklet_disable(x.tasklet);
        else tasklet_disable_in_atomic(x.tasklet);
        atomic_inc(x.disabled);
        for (let k = 0; k < 20; k++)
          check(atomic_read(x.inside) === 0, 'the function runs after tasklet_disable', 1, 0);
        if ((random & 0x200000) !== 0) tasklet_schedule(x.tasklet);
        atomic_dec(x.disabled);
        tasklet_enable(x.tasklet);
        break;
      }
      case 2:
        smp_call_function_single((random >>> 16) % cpus, from_interrupt, n, (random & 0x8000) !== 0);
        break;
      case 3: {
        const mine = own.at(me);
        mine.again = (random >>> 16) & 31;
        tasklet_schedule(mine.tasklet);
        break;
      }
      case 4: {
        const mine = mortal.at(me);
        mine.dead = 0;
        tasklet_setup(mine.tasklet, on_mortal);
        tasklet_schedule(mine.tasklet);
        if ((random & 0x10000) !== 0) yield* cond_resched();
        if (broken.value !== 3) yield* tasklet_kill(mine.tasklet);
        WRITE_ONCE(mine, 'dead', 1);
        if (broken.value === 3) yield* tasklet_kill(mine.tasklet);
        break;
      }
      case 5:
        atomic_inc(x.wanted);
        tasklet_hi_schedule(x.tasklet);
        break;
      default:
        atomic_inc(x.wanted);
        tasklet_schedule(x.tasklet);
    }
    yield* cond_resched();
  }
  return 1;
}

module_init(() => {
  const cpus = num_online_cpus();
  for (let i = 0; i < SHARED; i++) tasklet_setup(items.at(i).tasklet, on_item);
  for (let c = 0; c < cpus; c++) {
    tasklet_init(own.at(c).tasklet, on_own, c);
    create_on(user, c, c, 'user/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let ran = 0;
  let owns = 0;
  for (let i = 0; i < SHARED; i++) {
    const x = items.at(i);
    yield* tasklet_kill(x.tasklet);
    check(x.seen === atomic_read(x.wanted), 'the last schedule that a tasklet has seen', x.seen, atomic_read(x.wanted));
    ran += x.ran;
  }
  for (let c = 0; c < cpus; c++) {
    // A kill waits for one run, and this one schedules itself.
    while (READ_ONCE(own.at(c), 'again') !== 0) yield* cond_resched();
    yield* tasklet_kill(own.at(c).tasklet);
    owns += own.at(c).ran;
  }
  pr_info('tasklets: %d runs, %d with a lock, on %d CPUs\n', ran, owns, cpus);
  WARN(ended !== cpus, 'tasklets: only %d of %d threads came to the end', ended, cpus);
  WARN(shared.total !== owns, 'tasklets: increments were lost: %d/%d', shared.total, owns);
  WARN(failures() !== 0, 'tasklets: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
