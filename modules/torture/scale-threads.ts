// Ten thousand threads that are all alive at once. One creator on each CPU makes its share, unbound, so that each thread
// is placed when it is first woken. They go to sleep, and only when all of them sleep are they woken: `rounds` times, in
// turn one by one (wake_up_process) and all through one wait queue (wake_up_all). Then they are stopped from all CPUs.
// Each thread counts its turns in a word of its own: each must have had exactly one in each round, each gives its number
// back to kthread_stop, and none is left.
// broken=1: the next turn begins before all have had the last one. broken=2: a thread is forgotten when they are
// stopped. broken=3: what all threads count in is no atomic.
import { atomic_inc_return, atomic_read, atomic_set, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { complete, completion, reinit_completion, wait_for_completion } from 'lockstep/linux/completion';
import { EINVAL, ENOMEM } from 'lockstep/linux/errno';
import { kthread_create, kthread_create_on_cpu, kthread_should_stop, kthread_stop } from 'lockstep/linux/kthread';
import { nr_free_pages, PAGE_SHIFT } from 'lockstep/linux/mm';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_err, pr_info } from 'lockstep/linux/printk';
import {
  __set_current_state,
  cond_resched,
  get_task_struct,
  put_task_struct,
  schedule,
  set_current_state,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  wake_up_process,
} from 'lockstep/linux/sched';
import { GFP_KERNEL, kvcalloc, kvfree } from 'lockstep/linux/slab';
import { num_online_cpus } from 'lockstep/linux/smp';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { wait_event_interruptible, wait_queue_head_t, wake_up, wake_up_all } from 'lockstep/linux/wait';
import { check, create_on, failures, start_all, stop_all } from './lib.js';

const threads = DEFINE_STATIC(int, 10_000);
module_param(threads, int, 0o444);
const rounds = DEFINE_STATIC(int, 4);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const MAX_CPUS = 64;
/** Of each thread: its task, and the turns it has had. Written by its creator, then by the thread itself. */
class member extends Struct('member', { task: ptr(), turns: u32 }) {}
class crowd extends Struct('crowd', {
  members: ptr(),
  /** Turns that all may have had by now. */
  turn: u32,
  /** Threads that have had theirs; those that are alive; CPUs that have done their share. */
  arrived: atomic_t,
  alive: atomic_t,
  shares: atomic_t,
  /** As `alive`, but for broken=3. */
  plain: u32,
  made: atomic_t,
  stopped: atomic_t,
  all_shares: completion,
  helpers: array(ptr(), MAX_CPUS),
  /** The threads in even turns; the conductor. */
  queue: wait_queue_head_t,
  conductors: wait_queue_head_t,
}) {}
const shared = DEFINE_STATIC(crowd);
const member_at = (i: number): member => member.at(shared.members + i * member.size);

/** Everybody is there: called by each thread when it has had its turn. */
function arrive(): void {
  if (atomic_inc_return(shared.arrived) === threads.value) wake_up(shared.conductors);
}

export function* thread(i: number) {
  const me = member_at(i);
  atomic_inc_return(shared.alive);
  if (broken.value === 3) shared.plain++;
  arrive();
  for (let turn = 1; ; turn++) {
    const mine = (): boolean => READ_ONCE(shared, 'turn') >= turn || kthread_should_stop();
    if ((turn & 1) === 0) yield* wait_event_interruptible(shared.queue, mine);
    else {
      for (;;) {
        set_current_state(TASK_INTERRUPTIBLE);
        if (mine()) break;
        yield* schedule();
      }
      __set_current_state(TASK_RUNNING);
    }
    if (kthread_should_stop()) return i;
    check(READ_ONCE(shared, 'turn') === turn, 'the turn of a thread', turn, READ_ONCE(shared, 'turn'));
    me.turns++;
    arrive();
  }
}

/** The last of the CPUs tells. */
function share_done(): void {
  if (atomic_inc_return(shared.shares) === num_online_cpus()) complete(shared.all_shares);
}
export function* creator(cpu: number) {
  const cpus = num_online_cpus();
  for (let i = cpu; i < threads.value; i += cpus) {
    const task = kthread_create(thread, i, 'crowd/%u', i);
    if (task < 0) break;
    member_at(i).task = task;
    atomic_inc_return(shared.made);
    if ((i & 31) === 0) yield* cond_resched();
  }
  share_done();
  return 0;
}
/** Stops its share. */
export function* stopper(cpu: number) {
  const cpus = num_online_cpus();
  for (let i = cpu; i < threads.value; i += cpus) {
    const { task, turns } = member_at(i);
    if (task === 0 || (broken.value === 2 && i === threads.value - 1)) continue;
    const result = yield* kthread_stop(task);
    if (turns > 0) check(result === i, 'a thread returned', result, i);
    atomic_inc_return(shared.stopped);
  }
  share_done();
  return 0;
}
/** A thread on each CPU runs `fn`; all have ended when this returns. */
function* on_all(fn: (cpu: number) => unknown, name: string) {
  const cpus = num_online_cpus();
  atomic_set(shared.shares, 0);
  reinit_completion(shared.all_shares);
  for (let c = 0; c < cpus; c++) {
    const task = kthread_create_on_cpu(fn, c, c, name);
    shared.helpers.set(c, task > 0 ? get_task_struct(task) : 0);
    if (task > 0) wake_up_process(task);
    else share_done(); // nobody does this CPU's share
  }
  yield* wait_for_completion(shared.all_shares);
  for (let c = 0; c < cpus; c++) {
    const task = shared.helpers.at(c);
    if (task === 0) continue;
    yield* kthread_stop(task);
    put_task_struct(task);
  }
}
function* release() {
  yield* on_all(stopper, 'stopper/%u');
  kvfree(shared.members);
  shared.members = 0;
}

const everybody = (): boolean => atomic_read(shared.arrived) === threads.value || kthread_should_stop();

/** Wakes all of them, again and again. */
export function* conductor() {
  const n = threads.value;
  for (let i = 0; i < n; i++) {
    wake_up_process(member_at(i).task);
    if ((i & 31) === 0) yield* cond_resched();
  }
  yield* wait_event_interruptible(shared.conductors, everybody);
  check(atomic_read(shared.alive) === n, 'threads that are alive at once', atomic_read(shared.alive), n);
  for (let turn = 1; turn <= rounds.value && !kthread_should_stop(); turn++) {
    atomic_set(shared.arrived, 0);
    WRITE_ONCE(shared, 'turn', turn);
    if ((turn & 1) === 0) wake_up_all(shared.queue);
    else {
      for (let i = 0; i < n; i++) {
        wake_up_process(member_at(i).task);
        if ((i & 31) === 0) yield* cond_resched();
      }
    }
    if (broken.value !== 1) yield* wait_event_interruptible(shared.conductors, everybody);
  }
  return atomic_read(shared.arrived) === n ? 1 : 0;
}

module_init(function* () {
  const n = threads.value;
  if (n < 1 || rounds.value < 0) {
    pr_err('scale-threads: threads=%d rounds=%d makes no sense\n', n, rounds.value);
    return -EINVAL;
  }
  const free = nr_free_pages();
  shared.members = kvcalloc(n, member.size, GFP_KERNEL);
  if (shared.members !== 0) yield* on_all(creator, 'creator/%u');
  const made = atomic_read(shared.made);
  if (made < n) {
    pr_err(
      'scale-threads: memory for %d of %d threads in %d free KiB: more with --memory, or fewer with threads=\n',
      made,
      n,
      free << (PAGE_SHIFT - 10),
    );
    if (shared.members !== 0) yield* release();
    return -ENOMEM;
  }
  if (create_on(conductor, 0, 0, 'conductor') < 0) {
    yield* release();
    return -ENOMEM;
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const n = threads.value;
  const ended = yield* stop_all();
  let turns = 0;
  for (let i = 0; i < n; i++) turns += member_at(i).turns;
  yield* release();
  pr_info('scale-threads: %d threads at once, %d turns, on %d CPUs\n', n, turns, num_online_cpus());
  WARN(ended !== 1, 'scale-threads: only %d of %d threads had their turn', atomic_read(shared.arrived), n);
  WARN(turns !== n * rounds.value, 'scale-threads: %d turns, expected %d', turns, n * rounds.value);
  WARN(broken.value === 3 && shared.plain !== n, 'scale-threads: %d threads counted, expected %d', shared.plain, n);
  WARN(atomic_read(shared.stopped) !== n, 'scale-threads: %d threads stopped of %d', atomic_read(shared.stopped), n);
  WARN(failures() !== 0, 'scale-threads: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
