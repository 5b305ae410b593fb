// The host's requests. The host writes a request into MAILBOX, sets its state to 1 and raises MAILBOX at CPU 0; the
// interrupt wakes `khostd`, which runs the request in a task of its own and answers.
//
//   MAILBOX +0  state: 0 free, 1 requested, 2 being served, 3 answered
//           +4  what, see Request       +8  argument       +12  bytes of text (in and out)
//           +16 result: 0 or -errno     +20 the serving task
//   MAILBOX_TEXT: UTF-8, in: the request's text; out: the answer's
import { MAILBOX, Mach } from '../machine/memory-map.js';

import { a_ld, a_st, futex_wake, ld, st } from '../cpu/raw.js';
import { set_current_state, try_to_wake_up, __set_current_state } from '../sched/core.js';
import { drive, schedule, type Sleeping } from '../sched/sleep.js';
import { get_task_struct, kthread_create_handle, put_task_struct, wait_task_attempt } from '../sched/kthread.js';
import { wake_up_process } from '../sched/core.js';
import { COMPLETION_FRAME, PF_DAEMON, PF_OOPSED, Task, TASK_IDLE, TASK_RUNNING } from '../sched/task-layout.js';
import { load_request, proc_request, unload_request } from './module.js';
import { call_text, text_handle } from './text.js';

export const enum Box {
  STATE = MAILBOX,
  WHAT = MAILBOX + 4,
  ARGUMENT = MAILBOX + 8,
  LENGTH = MAILBOX + 12,
  RESULT = MAILBOX + 16,
  TASK = MAILBOX + 20,
  /** The task that served it died of an oops. */
  OOPSED = MAILBOX + 24,
}
export const enum Request {
  INSMOD = 1,
  RMMOD = 2,
  /** Run the text handle ARGUMENT in a task. */
  CALL = 3,
  /** The text of /proc/NAME, NAME being the request's text. */
  PROC = 4,
}

/** Context: hardirq. */
export function mailbox_interrupt(): void {
  try_to_wake_up(ld(Mach.KHOSTD), TASK_IDLE);
}

/** The daemon; keeps nothing across the sleep at the head of its loop. */
export function* khostd(): Sleeping<number> {
  for (;;) {
    set_current_state(TASK_IDLE);
    if (a_ld(Box.STATE) !== 1) {
      yield* schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    a_st(Box.STATE, 2);
    yield* serve();
    a_st(Box.STATE, 3);
    futex_wake(Box.STATE, Infinity); // a host that gave up on the last machine may still be in the queue
  }
}

const NAMES = ['', 'insmod', 'rmmod', 'call', 'cat'];

function* serve(): Sleeping {
  const what = ld(Box.WHAT);
  // Modules get a task of their own: an oops in one must not take khostd along.
  const task = kthread_create_handle(text_handle(serve_request), what, NAMES[what] ?? 'request', 0);
  if (task < 0) {
    st(Box.RESULT, task);
    return;
  }
  st(Box.TASK, task);
  get_task_struct(task);
  wake_up_process(task);
  yield* drive(wait_task_attempt, COMPLETION_FRAME, task);
  st(Box.RESULT, ld(task + Task.EXIT_CODE));
  st(Box.OOPSED, (ld(task + Task.FLAGS) & PF_OOPSED) !== 0 ? 1 : 0);
  st(Box.TASK, 0);
  put_task_struct(task);
}

/** The body of the serving task. Return: the result for the host. */
export function* serve_request(what: number): Sleeping<number> {
  const EINVAL = 22;
  if (what === Request.INSMOD) return yield* load_request(ld(Box.LENGTH));
  if (what === Request.RMMOD) return yield* unload_request(ld(Box.LENGTH));
  if (what === Request.CALL) {
    const result = call_text(ld(Box.ARGUMENT));
    return typeof result === 'object' && result !== null ? yield* result as Sleeping<number> : Number(result ?? 0);
  }
  if (what === Request.PROC) return proc_request(ld(Box.LENGTH));
  return -EINVAL;
}

export const khostd_flags = PF_DAEMON;
