// seqlock-no-retry.ts made right: what was read counts only if nobody wrote meanwhile.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  read_seqbegin,
  read_seqretry,
  seqlock_init,
  seqlock_t,
  write_seqlock,
  write_sequnlock,
} from 'lockstep/linux/seqlock';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

const NSEC_PER_SEC = 1_000_000_000;

class clock extends Struct('clock', { lock: seqlock_t, sec: u32, nsec: u32 }) {}
const wall = DEFINE_STATIC(clock);

function gettime(): number {
  let seq, sec, nsec;
  do {
    seq = read_seqbegin(wall.lock);
    sec = READ_ONCE(wall, 'sec');
    nsec = READ_ONCE(wall, 'nsec');
  } while (read_seqretry(wall.lock, seq));
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
