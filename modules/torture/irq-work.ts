// irq_work queued from tasks, interrupts and sections with interrupts off, here and at other CPUs, lazily too. Every
// accepted queueing gives one run, in interrupt context; after irq_work_sync nothing runs.
// broken=1: no irq_work_sync before an item is given up; 2: what runs on several CPUs counts without an atomic operation.
import { atomic_dec, atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { container_of } from 'lockstep/linux/container_of';
import { udelay } from 'lockstep/linux/delay';
import {
  init_irq_work,
  init_irq_work_lazy,
  irq_work,
  irq_work_is_busy,
  irq_work_queue,
  irq_work_queue_on,
  irq_work_sync,
} from 'lockstep/linux/irq_work';
import { irqs_disabled, local_irq_restore, local_irq_save } from 'lockstep/linux/irqflags';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { in_hardirq } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1000);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const SHARED = 4;
class item extends Struct('item', {
  work: irq_work,
  inside: atomic_t,
  queued: atomic_t,
  ran: atomic_t,
  plain: u32,
  dead: u32,
}) {}
const items = DEFINE_STATIC(array(item, SHARED));
const mortal = DEFINE_STATIC(array(item, 64));

export function on_item(work: number) {
  const self = container_of(work, item, 'work');
  check(in_hardirq() && irqs_disabled(), 'an irq_work outside an interrupt', 0, 1);
  atomic_inc(self.inside);
  atomic_inc(self.ran);
  const plain = self.plain;
  udelay(5);
  WRITE_ONCE(self, 'plain', plain + 1);
  atomic_dec(self.inside);
}
export function on_mortal(work: number) {
  const self = container_of(work, item, 'work');
  check(READ_ONCE(self, 'dead') === 0, 'an irq_work ran after irq_work_sync', 1, 0);
  udelay(5);
  check(READ_ONCE(self, 'dead') === 0, 'an irq_work ran beyond irq_work_sync', 1, 0);
}
function queue(n: number, on: number): void {
  const x = items.at(n);
  if (on < 0 ? irq_work_queue(x.work) : irq_work_queue_on(x.work, on)) atomic_inc(x.queued);
}
export function from_interrupt(n: number) {
  queue(n, -1);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 13;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const n = broken.value === 0 ? (random >>> 8) & (SHARED - 1) : 1;
    const other = broken.value === 0 ? (random >>> 16) % cpus : me;
    switch (broken.value === 0 || (random & 0x38) === 0 ? random & 7 : broken.value === 1 ? 2 : 0) {
      case 0:
      case 1:
        queue(n, other);
        break;
      case 2: {
        const mine = mortal.at(me);
        mine.dead = 0;
        init_irq_work(mine.work, on_mortal);
        irq_work_queue_on(mine.work, (me + 1) % cpus);
        if (broken.value !== 1) irq_work_sync(mine.work);
        WRITE_ONCE(mine, 'dead', 1);
        check(broken.value === 1 || !irq_work_is_busy(mine.work), 'an irq_work is busy after irq_work_sync', 1, 0);
        if (broken.value === 1) irq_work_sync(mine.work);
        break;
      }
      case 3:
        smp_call_function_single(other, from_interrupt, n, (random & 0x8000) !== 0);
        break;
      case 4: {
        const flags = local_irq_save();
        const before = atomic_read(items.at(n).inside);
        queue(n, -1);
        check(before >= 0, 'CPUs in a function', before, 0);
        local_irq_restore(flags);
        break;
      }
      case 5:
        irq_work_sync(items.at(n).work);
        break;
      default:
        queue(n, -1);
    }
    yield* cond_resched();
  }
  return 1;
}

module_init(() => {
  // The first is lazy: it waits for a tick.
  init_irq_work_lazy(items.at(0).work, on_item);
  for (let i = 1; i < SHARED; i++) init_irq_work(items.at(i).work, on_item);
  for (let c = 0; c < num_online_cpus(); c++) create_on(user, c, c, 'user/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let all = 0;
  let plain = 0;
  for (let i = 0; i < SHARED; i++) {
    const x = items.at(i);
    irq_work_sync(x.work);
    const ran = atomic_read(x.ran);
    check(ran === atomic_read(x.queued), 'runs of an irq_work', ran, atomic_read(x.queued));
    all += ran;
    plain += x.plain;
  }
  pr_info('irq-work: %d runs on %d CPUs\n', all, cpus);
  WARN(ended !== cpus, 'irq-work: only %d of %d threads came to the end', ended, cpus);
  WARN(broken.value === 2 && plain !== all, 'irq-work: increments were lost: %d/%d', plain, all);
  WARN(failures() !== 0, 'irq-work: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
