// Signals between kernel threads, and waits that they end. Each CPU has a sleeper and a sender. The sender gives tokens by
// signals; no token may be lost or come twice: a signal that was sent is pending or has been taken, whatever the sleeper
// did meanwhile: slept interruptibly, killably, in a wait queue, a completion or a bit wait. A timer sends SIGUSR1 from
// softirq context, which the sleeper ignores every other time.
// broken=1: the sleeper looks for a signal, then sets its state and sleeps without a look (it is not put to sleep by
// schedule(), but it is uninterruptible, and nobody wakes it). broken=2: it takes a signal and forgets all the others.
// broken=3: it believes every return from a wait to be a signal.
import { atomic_inc, atomic_inc_return, atomic_read, atomic_set, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { completion, wait_for_completion_interruptible, wait_for_completion_killable } from 'lockstep/linux/completion';
import { ERESTARTSYS } from 'lockstep/linux/errno';
import { jiffies } from 'lockstep/linux/jiffies';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import {
  __set_current_state,
  cond_resched,
  get_current,
  schedule,
  schedule_timeout_uninterruptible,
  set_current_state,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  wake_up_process,
} from 'lockstep/linux/sched';
import {
  allow_signal,
  disallow_signal,
  flush_signals,
  kernel_dequeue_signal,
  send_sig,
  SIGTERM,
  SIGKILL,
  signal_pending,
  SIGHUP,
  SIGUSR1,
} from 'lockstep/linux/sched/signal';
import { num_online_cpus } from 'lockstep/linux/smp';
import { del_timer_sync, from_timer, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { wait_event_interruptible, wait_event_killable, wait_queue_head_t } from 'lockstep/linux/wait';
import { check, create_on, failures, going_on, next_random, start_all, stop_all, task_of } from './lib.js';

const rounds = DEFINE_STATIC(int, 120);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const MAX_CPUS = 64;
/** Of each pair: what the sender has sent and the sleeper taken, of SIGTERM (even turns) and SIGKILL (odd ones). */
class pair extends Struct('pair', {
  sent: atomic_t,
  taken: atomic_t,
  ready: atomic_t,
  timer: timer_list,
  task: u32,
  queue: wait_queue_head_t,
  never: completion,
}) {}
class things extends Struct('things', {
  pairs: array(pair, MAX_CPUS),
  ended: atomic_t,
  interrupted: atomic_t,
  ticks: atomic_t,
}) {}
const shared = DEFINE_STATIC(things);

/** From the timer: a signal that only sometimes is allowed. */
export function ping(address: number): void {
  const p = from_timer(address, pair, 'timer');
  send_sig(SIGUSR1, p.task, 1);
  atomic_inc(shared.ticks);
}

function* one_sleep(p: pair, kill: boolean, random: number) {
  switch (random & 3) {
    case 0:
      return yield* kill ? wait_event_killable(p.queue, () => false) : wait_event_interruptible(p.queue, () => false);
    case 1:
      return yield* kill ? wait_for_completion_killable(p.never) : wait_for_completion_interruptible(p.never);
    default: {
      if (broken.value === 1) {
        if (signal_pending(get_current())) return -ERESTARTSYS;
        set_current_state(TASK_UNINTERRUPTIBLE);
        yield* schedule();
        return -ERESTARTSYS;
      }
      set_current_state(TASK_INTERRUPTIBLE);
      // With a signal pending this returns at once.
      yield* schedule();
      __set_current_state(TASK_RUNNING);
      return signal_pending(get_current()) ? -ERESTARTSYS : 0;
    }
  }
}

export function* sleeper(k: number) {
  const p = shared.pairs.at(k);
  const me = get_current();
  let random = k + 17;
  allow_signal(SIGTERM);
  allow_signal(SIGHUP);
  allow_signal(SIGKILL);
  for (let turn = 0; turn < rounds.value; turn++) {
    random = next_random(random);
    const kill = (turn & 1) !== 0;
    if ((random & 0x30) === 0) allow_signal(SIGUSR1);
    else disallow_signal(SIGUSR1);
    atomic_set(p.ready, turn + 1);
    let got = 0;
    while (got === 0 && going_on()) {
      const result = yield* one_sleep(p, kill, random >>> 8);
      if (result !== 0) {
        check(result === -ERESTARTSYS, 'a wait returned', result, -ERESTARTSYS);
        atomic_inc(shared.interrupted);
        check(signal_pending(me), 'interrupted without a signal', 0, 1);
      }
      for (let sig = kernel_dequeue_signal(); sig !== 0; sig = kernel_dequeue_signal()) {
        if (sig === SIGUSR1) continue;
        if (sig !== SIGHUP) {
          check(sig === (kill ? SIGKILL : SIGTERM), 'another signal than was sent', sig, kill ? SIGKILL : SIGTERM);
          check(got === 0, 'a signal was taken twice', sig, 0);
          got = sig;
        }
        if (broken.value === 2) flush_signals(me);
      }
      if (broken.value === 3 && result === 0) got = -1;
    }
    if (got === 0) return 0;
    const taken = atomic_inc_return(p.taken);
    check(atomic_read(p.sent) === taken, 'signals taken, sent', taken, atomic_read(p.sent));
  }
  atomic_inc(shared.ended);
  return 1;
}

export function* sender(k: number) {
  const p = shared.pairs.at(k);
  const cpus = num_online_cpus();
  let random = k + 5;
  p.task = task_of(k);
  timer_setup(p.timer, ping, 0);
  for (let turn = 0; turn < rounds.value; turn++) {
    // The sleeper has taken the last one.
    for (let n = 1; atomic_read(p.ready) <= turn; n++) {
      if (!going_on() || atomic_read(shared.ended) === cpus) return 0;
      if ((n & 255) === 0) yield* schedule_timeout_uninterruptible(1);
      else yield* cond_resched();
    }
    random = next_random(random);
    if ((random & 7) === 0) mod_timer(p.timer, jiffies());
    // One that may come alone or beside the other; then the token.
    if ((random & 0x70) === 0) send_sig(SIGHUP, p.task, 0);
    // A wake-up that no signal stands behind.
    if ((random & 0x300) === 0) wake_up_process(p.task);
    atomic_inc(p.sent);
    check(send_sig((turn & 1) !== 0 ? SIGKILL : SIGTERM, p.task, 0) === 0, 'send_sig', 1, 0);
  }
  del_timer_sync(p.timer);
  return 1;
}

module_init(() => {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) create_on(sleeper, c, c, 'sleeper/%u');
  // Across CPUs, so that a signal meets the sleeper in the middle.
  for (let c = 0; c < cpus; c++) create_on(sender, c, (c + 1) % cpus, 'sender/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  let lost = 0;
  for (let c = 0; c < cpus; c++) lost += atomic_read(shared.pairs.at(c).sent) - atomic_read(shared.pairs.at(c).taken);
  const went = atomic_read(shared.ended);
  // A sleeper that waits for good is woken by kthread_stop, but not from a wait for what never comes.
  for (let c = 0; c < cpus; c++) send_sig(SIGKILL, task_of(c), 1);
  const ended = yield* stop_all();
  for (let c = 0; c < cpus; c++) if (shared.pairs.at(c).task !== 0) del_timer_sync(shared.pairs.at(c).timer);
  pr_info(
    'signals: %d waits ended by signals, %d from timers, on %d CPUs\n',
    atomic_read(shared.interrupted),
    atomic_read(shared.ticks),
    cpus,
  );
  WARN(
    went !== cpus || lost !== 0,
    'signals: %d signals were lost, %d of %d threads came to the end',
    lost,
    went,
    cpus,
  );
  WARN(ended !== 2 * cpus, 'signals: only %d of %d threads came to the end', ended, 2 * cpus);
  WARN(failures() !== 0, 'signals: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
