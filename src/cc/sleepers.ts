// noinstr: never transformed, never interrupted.
// The sleeping calls that C imports, each by the attempt that TypeScript's own driver uses. Context: task.
import { get_task_struct, kthread_stop_attempt, KTHREAD_STOP_FRAME } from '../sched/kthread.js';
import { mutex_lock_attempt, mutex_lock_fast } from '../sched/mutex.js';
import { need_resched, schedule_attempt, SLEEP } from '../sched/sleep.js';
import {
  COMPLETION_FRAME,
  MUTEX_FRAME,
  TASK_INTERRUPTIBLE,
  TASK_KILLABLE,
  TASK_UNINTERRUPTIBLE,
  TIMEOUT_FRAME,
} from '../sched/task-layout.js';
import { USLEEP_FRAME, usleep_attempt } from '../sched/hrtimer.js';
import {
  jiffies_to_msecs,
  MAX_SCHEDULE_TIMEOUT,
  MSLEEP_FRAME,
  msecs_to_jiffies,
  msleep_attempt,
  msleep_interruptible_attempt,
  schedule_timeout_attempt,
} from '../sched/timer.js';
import { try_wait_raw, wait_for_completion_attempt } from '../sched/completion.js';
import { set_current_state } from '../sched/core.js';
import { might_sleep } from '../sched/debug.js';
import { preempt_count } from '../cpu/preempt.js';
import { SLEEPER_NAMES } from './names.js';
import { sleeper, type Sleeper } from './run.js';

const always = (): number => SLEEP;
const timeout_in = (state: number): Sleeper => ({
  attempt: schedule_timeout_attempt,
  size: TIMEOUT_FRAME,
  begin: () => {
    set_current_state(state);
    return SLEEP;
  },
});
/** C has MAX_SCHEDULE_TIMEOUT, and larger, for ever; `result` makes of the jiffies left what the function returns. */
const completion = (timed: boolean, state = 0, result = (left: number): number => left): Sleeper => {
  const jiffies = (timeout: number): number =>
    timed ? Math.min(timeout >>> 0, MAX_SCHEDULE_TIMEOUT) : MAX_SCHEDULE_TIMEOUT;
  return {
    attempt: (frame, x, timeout) => {
      const left = wait_for_completion_attempt(frame, x, jiffies(timeout), state);
      return left === SLEEP ? SLEEP : result(left);
    },
    size: COMPLETION_FRAME,
    begin: (x, timeout) => {
      might_sleep('wait_for_completion');
      return try_wait_raw(x) ? result(Math.max(1, jiffies(timeout))) : SLEEP;
    },
  };
};
const mutex_in = (state: number, name: string): Sleeper => ({
  attempt: (frame, m) => mutex_lock_attempt(frame, m, state),
  size: MUTEX_FRAME,
  begin: (m) => (mutex_lock_fast(m, name) ? 0 : SLEEP),
});
const error_or_0 = (left: number): number => Math.min(0, left);

const table = (): Record<(typeof SLEEPER_NAMES)[number], Sleeper> => ({
  schedule: { attempt: schedule_attempt, size: 8, begin: always },
  cond_resched: {
    attempt: (frame) => (schedule_attempt(frame) === SLEEP ? SLEEP : 1),
    size: 8,
    begin: () => (need_resched() && preempt_count() === 0 ? SLEEP : 0),
  },
  // The second argument is C's rubbish: without a state the sleep is not interruptible.
  mutex_lock: {
    attempt: (frame, m) => mutex_lock_attempt(frame, m),
    size: MUTEX_FRAME,
    begin: (m) => (mutex_lock_fast(m) ? 0 : SLEEP),
  },
  mutex_lock_interruptible: mutex_in(TASK_INTERRUPTIBLE, 'mutex_lock_interruptible'),
  mutex_lock_killable: mutex_in(TASK_KILLABLE, 'mutex_lock_killable'),
  msleep: {
    attempt: (frame, ms) => msleep_attempt(frame, msecs_to_jiffies(ms)),
    size: MSLEEP_FRAME,
    begin: () => {
      might_sleep('msleep');
      return SLEEP;
    },
  },
  schedule_timeout: { attempt: schedule_timeout_attempt, size: TIMEOUT_FRAME, begin: always },
  schedule_timeout_interruptible: timeout_in(TASK_INTERRUPTIBLE),
  schedule_timeout_uninterruptible: timeout_in(TASK_UNINTERRUPTIBLE),
  wait_for_completion: completion(false),
  wait_for_completion_timeout: completion(true),
  wait_for_completion_interruptible: completion(false, TASK_INTERRUPTIBLE, error_or_0),
  wait_for_completion_interruptible_timeout: completion(true, TASK_INTERRUPTIBLE),
  msleep_interruptible: {
    attempt: (frame, ms) => {
      const left = msleep_interruptible_attempt(frame, msecs_to_jiffies(ms));
      return left === SLEEP ? SLEEP : jiffies_to_msecs(left);
    },
    size: MSLEEP_FRAME,
    begin: () => {
      might_sleep('msleep_interruptible');
      return SLEEP;
    },
  },
  usleep_range: {
    attempt: (frame, min, max) =>
      usleep_attempt(frame, (min >>> 0) * 1000, Math.max(0, (max >>> 0) - (min >>> 0)) * 1000),
    size: USLEEP_FRAME,
    begin: () => {
      might_sleep('usleep_range');
      return SLEEP;
    },
  },
  kthread_stop: {
    attempt: kthread_stop_attempt,
    size: KTHREAD_STOP_FRAME,
    begin: (task) => {
      might_sleep('kthread_stop');
      get_task_struct(task);
      return SLEEP;
    },
  },
});

let made: Readonly<Record<string, (...args: number[]) => number | undefined>> | null = null;
/** The imports by name. Made when C is first loaded: see api(). */
export function sleepers(): Readonly<Record<string, (...args: number[]) => number | undefined>> {
  if (made !== null) return made;
  const all = table();
  made = Object.fromEntries(SLEEPER_NAMES.map((name, i) => [name, sleeper(name, i + 1, all[name])]));
  return made;
}
