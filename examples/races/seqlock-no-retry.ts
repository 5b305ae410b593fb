// A seqlock reader that does not retry. The clock's seconds and nanoseconds change together under a seqlock. The reader
// begins a section, reads both and never asks whether they were changed meanwhile: now and then it sees the seconds from
// before a tick and the nanoseconds from after it, and time goes back.
//
// How it comes about: read_seqbegin() does wait for a writer that is at work, so the code "has a lock". The half that
// makes it correct, read_seqretry(), looks like error handling and is left out, or its result is.
// The fix: the loop: do { seq = read_seqbegin(); ... } while (read_seqretry(seq)).
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { read_seqbegin, seqlock_init, seqlock_t, write_seqlock, write_sequnlock } from 'lockstep/linux/seqlock';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

const NSEC_PER_SEC = 1_000_000_000;

class clock extends Struct('clock', { lock: seqlock_t, sec: u32, nsec: u32 }) {}
const wall = DEFINE_STATIC(clock);

function gettime(): number {
  read_seqbegin(wall.lock);
  const sec = READ_ONCE(wall, 'sec');
  const nsec = READ_ONCE(wall, 'nsec');
  return sec * NSEC_PER_SEC + nsec;
}

/** The last tick of a second. */
export function* tick() {
  write_seqlock(wall.lock);
  WRITE_ONCE(wall, 'sec', wall.sec + 1);
  WRITE_ONCE(wall, 'nsec', 0);
  write_sequnlock(wall.lock);
  return 0;
}

export function* process() {
  const before = gettime();
  const after = gettime();
  WARN_ON(after < before);
  return 0;
}

module_init(() => {
  seqlock_init(wall.lock);
  wall.nsec = NSEC_PER_SEC - 1;
  kthread_run(tick, 0, 'tick');
  kthread_run(process, 0, 'process');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
