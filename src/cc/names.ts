// The kernel calls at which C may be suspended: what asyncify is told, and what sleepers.ts serves (it checks that the
// two agree). In a file of its own because the compiler, on the host, has no kernel.
export const SLEEPER_NAMES = [
  'cond_resched',
  'kthread_stop',
  'msleep',
  'msleep_interruptible',
  'mutex_lock',
  'mutex_lock_interruptible',
  'mutex_lock_killable',
  'schedule',
  'schedule_timeout',
  'schedule_timeout_interruptible',
  'schedule_timeout_uninterruptible',
  'usleep_range',
  'wait_for_completion',
  'wait_for_completion_interruptible',
  'wait_for_completion_interruptible_timeout',
  'wait_for_completion_timeout',
] as const;
