// Scheduling classes, affinity and parking. On every CPU: a fair thread that wakes a real-time one of the same CPU and
// gives way must find that it has run; a thread that is parked from another CPU must not move until it is unparked, and
// must move then; all of them check at every turn that they are on the CPU that they are bound to.
// broken=1: the thread that should be real-time is not. broken=2: a thread is believed to be parked, and is not.
// broken=3: a thread is bound to another CPU than it believes.
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { WARN } from 'lockstep/linux/bug';
import {
  kthread_park,
  kthread_parkme,
  kthread_should_park,
  kthread_should_stop,
  kthread_unpark,
} from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import {
  __set_current_state,
  cond_resched,
  SCHED_FIFO,
  sched_setscheduler_nocheck,
  SCHED_RR,
  sched_yield,
  schedule,
  set_current_state,
  set_user_nice,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  wake_up_process,
} from 'lockstep/linux/sched';
import { num_online_cpus, smp_processor_id } from 'lockstep/linux/smp';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all, task_of } from './lib.js';

const rounds = DEFINE_STATIC(int, 300);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const MAX_CPUS = 64;
/** Written by the threads of one CPU, `asked` by its fair one alone; `asked` and `ran` count turns of its real-time thread. */
class state extends Struct('state', { asked: u32, ran: atomic_t, turns: atomic_t }) {}
class things extends Struct('things', { cpus: array(state, MAX_CPUS), ended: atomic_t, parks: atomic_t }) {}
const shared = DEFINE_STATIC(things);

const here = (k: number): boolean =>
  check(smp_processor_id() === (broken.value === 3 ? k + 1 : k), 'a thread is on CPU', smp_processor_id(), k);

/** Runs once for each time that it is asked. */
export function* urgent(k: number) {
  const mine = shared.cpus.at(k);
  while (!kthread_should_stop()) {
    here(k);
    while (atomic_read(mine.ran) < READ_ONCE(mine, 'asked')) atomic_inc(mine.ran);
    set_current_state(TASK_INTERRUPTIBLE);
    if (atomic_read(mine.ran) >= READ_ONCE(mine, 'asked') && !kthread_should_stop()) yield* schedule();
    __set_current_state(TASK_RUNNING);
  }
  return 1;
}
/** Fair: asks the urgent one, parks the idler of the next CPU. */
export function* fair(k: number) {
  const mine = shared.cpus.at(k);
  const cpus = num_online_cpus();
  const rt = task_of(k);
  const idler = task_of(cpus + k);
  const other = shared.cpus.at((k + 1) % cpus);
  let random = k + 11;
  for (let n = 0; n < rounds.value && going_on(); n++) {
    random = next_random(random);
    here(k);
    if ((random & 0x700) === 0)
      sched_setscheduler_nocheck(rt, (random & 0x800) === 0 ? SCHED_FIFO : SCHED_RR, 1 + ((random >>> 12) & 63));
    if (broken.value === 1) sched_setscheduler_nocheck(rt, 0, 0);
    WRITE_ONCE(mine, 'asked', mine.asked + 1);
    wake_up_process(rt);
    yield* cond_resched();
    check(atomic_read(mine.ran) === mine.asked, 'a real-time thread has not run', atomic_read(mine.ran), mine.asked);
    if ((random & 0xf) === 0 || broken.value === 2) {
      if (broken.value !== 2) yield* kthread_park(idler);
      const turns = atomic_read(other.turns);
      for (let i = random >>> 24; i > 0; i--) if ((i & 31) === 0) yield* sched_yield();
      check(atomic_read(other.turns) === turns, 'a parked thread ran, turns', atomic_read(other.turns), turns);
      if (broken.value !== 2) kthread_unpark(idler);
      // It goes on.
      while (atomic_read(other.turns) === turns && going_on()) yield* sched_yield();
      atomic_inc(shared.parks);
    }
    if ((random & 0xf0) === 0) yield* sched_yield();
  }
  atomic_inc(shared.ended);
  return 1;
}
/** Counts turns while it is not parked. */
export function* counter(k: number) {
  set_user_nice(task_of(num_online_cpus() + ((k + num_online_cpus() - 1) % num_online_cpus())), 5);
  while (!kthread_should_stop()) {
    if (kthread_should_park()) yield* kthread_parkme();
    here(k);
    atomic_inc(shared.cpus.at(k).turns);
    if (atomic_read(shared.ended) === num_online_cpus()) return 1;
    yield* sched_yield();
  }
  return 1;
}

module_init(() => {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) {
    const n = create_on(urgent, c, c, 'urgent/%u');
    sched_setscheduler_nocheck(task_of(n), SCHED_FIFO, 10);
  }
  // The one that the fair thread of CPU c parks is on the next.
  for (let c = 0; c < cpus; c++) create_on(counter, (c + 1) % cpus, (c + 1) % cpus, 'counter/%u');
  for (let c = 0; c < cpus; c++) create_on(fair, c, c, 'fair/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  pr_info('scheduling: %d threads parked, on %d CPUs\n', atomic_read(shared.parks), cpus);
  WARN(ended !== 3 * cpus, 'scheduling: only %d of %d threads came to the end', ended, 3 * cpus);
  WARN(failures() !== 0, 'scheduling: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
