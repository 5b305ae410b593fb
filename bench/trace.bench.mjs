// What the flight recorder costs: each operation with the recorder on and with it off, in one run.
import { Machine } from '../dist/machine/machine.js';
import { compileModule } from '../dist/module/compile.js';
import { bench_module, heading, interleaved, line, range, ratios, run_module, summary, verdict } from './lib.mjs';
import { power_on_here } from './here.mjs';

const GFP_ATOMIC = 0x820;
/** Event.WAKEUP */
const WAKEUP = 6;
const ratio = (x) => x.toFixed(2);

/** Off and on in turn: the times of both, and their ratio. */
function compare(what, { trace }, body, target) {
  const off = (n) => {
    trace.tracing_off();
    body(n);
  };
  const on = (n) => {
    trace.tracing_on();
    body(n);
  };
  const [a, b] = interleaved([off, on]);
  const r = ratios(b, a);
  line(`${what}, recorder off`, range(summary(a)));
  line(`${what}, on`, range(summary(b)), `${range(r, ratio)} times; target ${target}: ${verdict(r.median <= target)}`);
}

export default async function trace_bench() {
  heading('Flight recorder (ns)');
  const k = await power_on_here();
  const lock = k.spinlock.spinlock_t.at(k.SCRATCH + 128);
  k.spinlock.spin_lock_init(lock);
  const { spin_lock, spin_unlock } = k.spinlock;
  const { kmalloc, kfree } = k.slab;
  compare(
    'spin_lock + spin_unlock',
    k,
    (n) => {
      for (let i = 0; i < n; i++) {
        spin_lock(lock);
        spin_unlock(lock);
      }
    },
    1.25,
  );
  compare(
    'kmalloc(64) + kfree',
    k,
    (n) => {
      for (let i = 0; i < n; i++) kfree(kmalloc(64, GFP_ATOMIC));
    },
    1.25,
  );
  const { trace_event, trace_switch, tracing_on } = k.trace;
  const tasks = [kmalloc(1024, GFP_ATOMIC), kmalloc(1024, GFP_ATOMIC)];
  tracing_on();
  const [event, change] = interleaved([
    (n) => {
      for (let i = 0; i < n; i++) trace_event(WAKEUP, i);
    },
    (n) => {
      for (let i = 0; i < n; i++) trace_switch(i, tasks[i & 1], tasks[1 - (i & 1)]);
    },
  ]);
  line('an event with its time', range(summary(event)));
  line('a task switch, whose clock is at hand', range(summary(change)));

  const compiled = await compileModule(bench_module('switches'), { build: 'free' });
  const times = [[], []];
  for (let round = 0; round < 6; round++)
    for (const [i, trace_events] of [0, 512].entries()) {
      const machine = await Machine.boot({ cpus: 1, trace_events });
      const { switch: found } = await run_module(machine, compiled, { rounds: 50_000 });
      await machine.poweroff();
      times[i].push(...found.slice(2).map(([ps]) => ps / 1000));
    }
  // Other work on the host only adds, and the two are not interleaved: their quickest tenth is compared.
  const [off, on] = times.map(summary);
  const r = on.low / off.low;
  line('context switch, recorder off', range(off));
  line('context switch, on', range(on), `${ratio(r)} times (quickest tenth); target 1.10: ${verdict(r <= 1.1)}`);
}
