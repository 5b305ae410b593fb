// An uncontended spin_lock/spin_unlock pair beside a hand-written pair of Atomics, in one thread.
import { heading, interleaved, line, ns, range, ratios, summary, verdict } from './lib.mjs';
import { power_on_here } from './here.mjs';

export default async function spinlock() {
  heading('Uncontended spin lock, one thread (ns a pair)');
  const k = await power_on_here();
  const { I32 } = k.raw;
  const bare_at = k.SCRATCH >> 2;
  const core = k.SCRATCH + 64;
  const checked = k.spinlock.spinlock_t.at(k.SCRATCH + 128);
  k.cpu_spinlock.arch_spin_init(core);
  k.spinlock.spin_lock_init(checked);
  const { arch_spin_lock, arch_spin_unlock } = k.cpu_spinlock;
  const { preempt_disable, preempt_enable } = k.preempt;
  const { spin_lock, spin_unlock } = k.spinlock;
  let sink = 0;
  const bare = (n) => {
    for (let i = 0; i < n; i++) {
      while (Atomics.compareExchange(I32, bare_at, 0, 1) !== 0);
      sink++;
      Atomics.store(I32, bare_at, 0);
    }
  };
  const plain = (n) => {
    for (let i = 0; i < n; i++) {
      preempt_disable();
      arch_spin_lock(core);
      sink++;
      arch_spin_unlock(core);
      preempt_enable();
    }
  };
  const honest = (n) => {
    for (let i = 0; i < n; i++) {
      spin_lock(checked);
      sink++;
      spin_unlock(checked);
    }
  };
  const [a, b, c] = interleaved([bare, plain, honest]);
  const rb = ratios(b, a);
  const rc = ratios(c, a);
  const ratio = (x) => x.toFixed(2);
  line('Atomics.compareExchange + Atomics.store', range(summary(a)));
  line(
    'spin lock, core and preemption count',
    range(summary(b)),
    `${range(rb, ratio)} times; target 1.5: ${verdict(rb.median <= 1.5)}`,
  );
  line(
    'spin_lock + spin_unlock, honesty checks on',
    range(summary(c)),
    `${range(rc, ratio)} times; target 2: ${verdict(rc.median <= 2)}`,
  );
  void ns(sink);
}
