// What a reader pays: an RCU section beside a spin lock in one thread; then 95 % reads on 1, 2, 4 and 8 CPUs under a spin
// lock, a rwlock, a seqlock and RCU, side by side.
import { Machine } from '../dist/machine/machine.js';
import { compileModule } from '../dist/module/compile.js';
import * as rcu from '../dist/linux/rcupdate.js';
import {
  heading,
  interleaved,
  line,
  ns,
  placement,
  placement_text,
  range,
  ratios,
  run_module,
  shipped_module,
  summary,
} from './lib.mjs';
import { power_on_here } from './here.mjs';

const MS = 250;
const KINDS = ['spin lock', 'rwlock', 'seqlock', 'RCU'];

export default async function read_mostly() {
  heading('A reader, one thread (ns a section)');
  const k = await power_on_here();
  const lock = k.spinlock.spinlock_t.at(k.SCRATCH + 128);
  k.spinlock.spin_lock_init(lock);
  const { spin_lock, spin_unlock } = k.spinlock;
  const { rcu_read_lock, rcu_read_unlock } = rcu;
  let sink = 0;
  const spin = (n) => {
    for (let i = 0; i < n; i++) {
      spin_lock(lock);
      sink++;
      spin_unlock(lock);
    }
  };
  const section = (n) => {
    for (let i = 0; i < n; i++) {
      rcu_read_lock();
      sink++;
      rcu_read_unlock();
    }
  };
  const [a, b] = interleaved([spin, section]);
  line('spin_lock + spin_unlock', range(summary(a)));
  line('rcu_read_lock + rcu_read_unlock', range(summary(b)), `${range(ratios(b, a), (x) => x.toFixed(2))} times`);
  void ns(sink);

  heading('95 % reads, 5 % writes of two words: operations a ms of all CPUs');
  const compiled = await compileModule(shipped_module('reads'), { build: 'free' });
  for (const cpus of [1, 2, 4, 8]) {
    const machine = await Machine.boot({ cpus });
    const probe = await placement();
    const rates = [];
    for (let kind = 0; kind < KINDS.length; kind++) {
      const { done } = await run_module(machine, compiled, { kind, ms: MS });
      rates.push(done.reduce((sum, [n]) => sum + n, 0) / MS);
    }
    await machine.poweroff();
    line(
      `${cpus} CPU${cpus === 1 ? '' : 's'}`,
      KINDS.map((name, i) => `${name} ${Math.round(rates[i]).toLocaleString('en')}`).join(', '),
      `RCU ${(rates[3] / rates[0]).toFixed(1)} times the spin lock`,
    );
    if (cpus > 1) line('', placement_text(probe));
  }
}
