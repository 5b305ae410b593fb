// A million kmalloc'ed objects that are all alive at once, of several sizes, made by all CPUs at the same time. Each CPU
// hangs its objects into a chain, through their first word, that its neighbour walks when all are there: every object
// must be as it was left. The neighbour frees them, so that all are freed on another CPU than the one that made them. Not
// one may be missing, and all of the memory must come back: a module that leaks is told so at unload.
// broken=1: one object is not freed. broken=2: an object is freed twice. broken=3: an object is made too small for what is
// written. broken=4: the chain of all CPUs is one, and has no lock.
import {
  atomic_add_return,
  atomic_inc_return,
  atomic_read,
  atomic_read_acquire,
  atomic_t,
} from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { EINVAL, ENOMEM } from 'lockstep/linux/errno';
import { kthread_should_stop } from 'lockstep/linux/kthread';
import { nr_free_pages, PAGE_SHIFT } from 'lockstep/linux/mm';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_err, pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { __GFP_NOWARN, GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { num_online_cpus } from 'lockstep/linux/smp';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { wait_event_interruptible, wait_queue_head_t, wake_up_all } from 'lockstep/linux/wait';
import { check, create_on, failures, start_all, stop_all } from './lib.js';

const objects = DEFINE_STATIC(int, 1_000_000);
module_param(objects, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const MAX_CPUS = 64;
/** The sizes are 16 to 40 bytes, most of them small; `last` is the last word of each. */
const SMALLEST = 16;
class item extends Struct('item', { next: ptr(), number: u32, size: u32, last: u32 }) {}
class state extends Struct('state', {
  /** The newest object of each CPU. */
  chains: array(ptr(), MAX_CPUS),
  made: atomic_t,
  freed: atomic_t,
  arrived: atomic_t,
  queue: wait_queue_head_t,
  free_before: u32,
}) {}
const shared = DEFINE_STATIC(state);

const size_of = (i: number): number => SMALLEST + ((i & 7) === 7 ? 24 : (i & 3) === 3 ? 12 : 0);
/** The last word of an object. */
const tail_of = (p: number, size: number): item => item.at(p + size - SMALLEST);

/** Return: how many there was memory for. */
function* make(me: number) {
  const cpus = num_online_cpus();
  const chain = broken.value === 4 ? 0 : me;
  let made = 0;
  for (let i = me; i < objects.value; i += cpus) {
    const size = size_of(i);
    const short = broken.value === 3 && (i & 3) === 1;
    const p = kmalloc(short ? 8 : size, GFP_KERNEL | __GFP_NOWARN);
    if (p === 0) break;
    const x = item.at(p);
    x.next = shared.chains.at(chain);
    x.number = i;
    x.size = size;
    tail_of(p, size).last = ~i;
    shared.chains.set(chain, p);
    made++;
    if ((made & 255) === 0) yield* cond_resched();
  }
  return made;
}
/** Walks the chain of a CPU and frees it. Return: how many were in it. */
function* release(from: number) {
  const cpus = num_online_cpus();
  let freed = 0;
  let p = shared.chains.at(from);
  shared.chains.set(from, 0);
  while (p !== 0) {
    const x = item.at(p);
    const { next, number } = x;
    check(number % cpus === from || broken.value === 4, 'the number of an object', number % cpus, from);
    check(x.size === size_of(number), 'the size of an object', x.size, size_of(number));
    check(tail_of(p, x.size).last === ~number >>> 0, 'the last word of an object', tail_of(p, x.size).last, ~number);
    if (broken.value !== 1 || freed !== 0) kfree(p);
    if (broken.value === 2 && freed === 0) kfree(p);
    freed++;
    p = next;
    if ((freed & 255) === 0) yield* cond_resched();
  }
  return freed;
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  atomic_add_return(yield* make(me), shared.made);
  if (atomic_inc_return(shared.arrived) === cpus) wake_up_all(shared.queue);
  else
    yield* wait_event_interruptible(
      shared.queue,
      () => atomic_read_acquire(shared.arrived) === cpus || kthread_should_stop(),
    );
  if (me === 0 && atomic_read(shared.made) < objects.value)
    pr_err(
      'scale-objects: memory for %d of %d objects in %d free KiB: more with --memory, or fewer with objects=\n',
      atomic_read(shared.made),
      objects.value,
      shared.free_before << (PAGE_SHIFT - 10),
    );
  atomic_add_return(yield* release((me + 1) % cpus), shared.freed);
  return 1;
}

module_init(() => {
  if (objects.value < 1) {
    pr_err('scale-objects: objects=%d makes no sense\n', objects.value);
    return -EINVAL;
  }
  shared.free_before = nr_free_pages();
  for (let c = 0; c < num_online_cpus(); c++) if (create_on(user, c, c, 'user/%u') < 0) return -ENOMEM;
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  const made = atomic_read(shared.made);
  const freed = atomic_read(shared.freed);
  pr_info('scale-objects: %d objects at once, %d freed, on %d CPUs\n', made, freed, cpus);
  WARN(ended !== cpus, 'scale-objects: only %d of %d threads came to the end', ended, cpus);
  WARN(made !== objects.value, 'scale-objects: only %d of %d objects: more with --memory', made, objects.value);
  WARN(freed !== made, 'scale-objects: %d objects made, %d freed', made, freed);
  WARN(failures() !== 0, 'scale-objects: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
