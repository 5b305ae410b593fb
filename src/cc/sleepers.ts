// noinstr: never transformed, never interrupted.
// The sleeping calls that C imports, each by the attempt that TypeScript's own driver uses. Context: task.
import { get_task_struct, kthread_stop_attempt, KTHREAD_STOP_FRAME } from '../sched/kthread.js';
import { mutex_lock_attempt, mutex_lock_fast } from '../sched/mutex.js';
import { need_resched, schedule_attempt, SLEEP } from '../sched/sleep.js';
import {
  COMPLETION_FRAME,
  MUTEX_FRAME,
  TASK_INTERRUPTIBLE,
  TASK_UNINTERRUPTIBLE,
  TIMEOUT_FRAME,
} from '../sched/task-layout.js';
import {
  MAX_SCHEDULE_TIMEOUT,
  MSLEEP_FRAME,
  msecs_to_jiffies,
  msleep_attempt,
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
const completion = (timed: boolean): Sleeper => ({
  attempt: (frame, x, timeout) => wait_for_completion_attempt(frame, x, timed ? timeout : MAX_SCHEDULE_TIMEOUT),
  size: COMPLETION_FRAME,
  begin: (x, timeout) => {
    might_sleep('wait_for_completion');
    return try_wait_raw(x) ? Math.max(1, timed ? timeout : MAX_SCHEDULE_TIMEOUT) : SLEEP;
  },
});

const SLEEPERS: Record<(typeof SLEEPER_NAMES)[number], Sleeper> = {
  schedule: { attempt: schedule_attempt, size: 8, begin: always },
  cond_resched: {
    attempt: (frame) => (schedule_attempt(frame) === SLEEP ? SLEEP : 1),
    size: 8,
    begin: () => (need_resched() && preempt_count() === 0 ? SLEEP : 0),
  },
  mutex_lock: { attempt: mutex_lock_attempt, size: MUTEX_FRAME, begin: (m) => (mutex_lock_fast(m) ? 0 : SLEEP) },
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
  kthread_stop: {
    attempt: kthread_stop_attempt,
    size: KTHREAD_STOP_FRAME,
    begin: (task) => {
      might_sleep('kthread_stop');
      get_task_struct(task);
      return SLEEP;
    },
  },
};

/** The imports by name. */
export const sleepers: Readonly<Record<string, (...args: number[]) => number | undefined>> = Object.fromEntries(
  SLEEPER_NAMES.map((name, i) => [name, sleeper(name, i + 1, SLEEPERS[name])]),
);
