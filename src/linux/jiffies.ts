// <linux/jiffies.h>: time in ticks. `jiffies` is a function: the value changes under the reader.
export {
  get_jiffies as jiffies,
  jiffies_to_msecs,
  jiffies_to_usecs,
  MAX_JIFFY_OFFSET,
  msecs_to_jiffies,
  time_after,
  time_after_eq,
  time_before,
  time_before_eq,
  usecs_to_jiffies,
} from '../sched/timer.js';
export { HZ } from '../machine/params.js';
