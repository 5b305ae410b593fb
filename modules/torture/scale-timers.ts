// A hundred thousand timers that are all armed at once. Each CPU arms its share, for a time that is far off; when all have
// done so each timer must be armed. Then every CPU moves its own timers to the next jiffies, while its neighbour cancels
// every third of them: a cancelled one must not be armed again. In the end each timer has run exactly once or was
// cancelled, by what timer_delete said, never both and never neither; and no function ran before its jiffy.
// broken=1: the functions, which run on all CPUs at once, share a plain counter. broken=2: the timers are moved by
// mod_timer, which arms those that are cancelled. broken=3: timer_delete's answer is ignored.
import { atomic_inc_return, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { WRITE_ONCE } from 'lockstep/linux/compiler';
import { EINVAL, ENOMEM } from 'lockstep/linux/errno';
import { HZ, jiffies, time_before } from 'lockstep/linux/jiffies';
import { kthread_should_stop } from 'lockstep/linux/kthread';
import { nr_free_pages, PAGE_SHIFT } from 'lockstep/linux/mm';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr, this_cpu_inc } from 'lockstep/linux/percpu';
import { pr_err, pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { GFP_KERNEL, kfree, kvcalloc, kvfree, kzalloc } from 'lockstep/linux/slab';
import { num_online_cpus } from 'lockstep/linux/smp';
import {
  add_timer,
  from_timer,
  mod_timer,
  mod_timer_pending,
  timer_delete,
  timer_delete_sync,
  timer_list,
  timer_pending,
  timer_setup,
} from 'lockstep/linux/timer';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { wait_event_interruptible, wait_queue_head_t, wake_up_all } from 'lockstep/linux/wait';
import { check, create_on, failures, next_random, start_all, stop_all } from './lib.js';

const timers = DEFINE_STATIC(int, 100_000);
module_param(timers, int, 0o444);
/** They run within so many jiffies. */
const within = DEFINE_STATIC(int, 25);
module_param(within, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

/** `ran` is written by the function, `cancelled` by who cancels it. */
class item extends Struct('item', { timer: timer_list, due: u32, ran: u32, cancelled: u32 }) {}
class pointers extends Struct('pointers', { at: array(ptr(), 1 << 20) }) {}
class state extends Struct('state', {
  items: ptr(),
  /** CPUs that have come to the end of a phase, summed up over the phases. */
  arrived: atomic_t,
  queue: wait_queue_head_t,
  /** broken=1. */
  plain: u32,
}) {}
const shared = DEFINE_STATIC(state);
const ran = DEFINE_PER_CPU(u32);
const item_at = (i: number): item => item.at(pointers.at(shared.items).at.at(i));

export function on_timer(timer: number) {
  const self = from_timer(timer, item, 'timer');
  check(!time_before(jiffies(), self.due), 'a timer ran before its jiffy', jiffies(), self.due);
  self.ran++;
  this_cpu_inc(ran);
  if (broken.value === 1) shared.plain++;
}

/** Waits until all CPUs have come to the end of that phase. Return: false if the thread is to stop. */
function* all_here(phase: number) {
  const all = phase * num_online_cpus();
  if (atomic_inc_return(shared.arrived) === all) wake_up_all(shared.queue);
  else yield* wait_event_interruptible(shared.queue, () => atomic_read(shared.arrived) >= all || kthread_should_stop());
  return !kthread_should_stop();
}
/** A timer of this CPU runs soon. */
function bring_forward(x: item, random: number): void {
  WRITE_ONCE(x, 'due', jiffies() + 1 + ((random >>> 8) % within.value));
  if (broken.value === 2) mod_timer(x.timer, x.due);
  else mod_timer_pending(x.timer, x.due);
}
export function* user(me: number) {
  const n = timers.value;
  const cpus = num_online_cpus();
  let random = me + 77;
  const far = jiffies() + 3600 * HZ;
  for (let i = me; i < n; i += cpus) {
    const x = item_at(i);
    random = next_random(random);
    timer_setup(x.timer, on_timer, 0);
    x.due = far + (random >>> 16);
    x.timer.expires = x.due;
    add_timer(x.timer);
    if ((i & 255) === 0) yield* cond_resched();
  }
  if (!(yield* all_here(1))) return 0;
  for (let i = me; i < n; i += cpus) check(timer_pending(item_at(i).timer), 'armed timers, all at once', i, n);
  if (!(yield* all_here(2))) return 0;
  const neighbour = (me + 1) % cpus;
  for (let i = 0; i < n; i += cpus) {
    random = next_random(random);
    if (i + me < n) bring_forward(item_at(i + me), random);
    if (i % 3 === 0 && i + neighbour < n) {
      const x = item_at(i + neighbour);
      if (timer_delete(x.timer) !== 0 || broken.value === 3) x.cancelled++;
    }
    if ((i & 255) === 0) yield* cond_resched();
  }
  return 1;
}

function free_items(): void {
  const table = pointers.at(shared.items);
  for (let i = 0; i < timers.value; i++) kfree(table.at.at(i));
  kvfree(shared.items);
}
/** Return: how many there is memory for. */
function* make_items() {
  shared.items = kvcalloc(timers.value, 4, GFP_KERNEL);
  if (shared.items === 0) return 0;
  for (let i = 0; i < timers.value; i++) {
    const x = kzalloc(item.size, GFP_KERNEL);
    if (x === 0) return i;
    pointers.at(shared.items).at.set(i, x);
    if ((i & 255) === 0) yield* cond_resched();
  }
  return timers.value;
}

module_init(function* () {
  const n = timers.value;
  if (n < 1 || n > 1 << 20 || within.value < 1) {
    pr_err('scale-timers: 1 to %d timers within 1 jiffy or more, not %d within %d\n', 1 << 20, n, within.value);
    return -EINVAL;
  }
  const free = nr_free_pages();
  const made = yield* make_items();
  if (made < n) {
    pr_err(
      'scale-timers: memory for %d of %d timers in %d free KiB: more with --memory, or fewer with timers=\n',
      made,
      n,
      free << (PAGE_SHIFT - 10),
    );
    if (shared.items !== 0) free_items();
    return -ENOMEM;
  }
  for (let c = 0; c < num_online_cpus(); c++) create_on(user, c, c, 'user/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const n = timers.value;
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let fired = 0;
  let cancelled = 0;
  let left = 0;
  for (let i = 0; i < n; i++) {
    const x = item_at(i);
    left += timer_delete_sync(x.timer);
    fired += x.ran;
    cancelled += x.cancelled;
    check(x.ran + x.cancelled === 1, 'runs and cancellations of a timer', x.ran + x.cancelled, 1);
    if ((i & 255) === 0) yield* cond_resched();
  }
  free_items();
  let counted = 0;
  for (let c = 0; c < cpus; c++) counted += per_cpu_ptr(ran, c).value;
  pr_info('scale-timers: %d timers at once, %d ran, %d cancelled, on %d CPUs\n', n, fired, cancelled, cpus);
  WARN(ended !== cpus, 'scale-timers: only %d of %d threads came to the end', ended, cpus);
  WARN(left !== 0, 'scale-timers: %d timers were still armed', left);
  WARN(counted !== fired, 'scale-timers: %d timers ran, %d were counted', fired, counted);
  WARN(broken.value === 1 && shared.plain !== fired, 'scale-timers: %d increments were lost', fired - shared.plain);
  WARN(failures() !== 0, 'scale-timers: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
