// A context switch between two kernel threads that call schedule() in turn.
import { Machine } from '../dist/machine/machine.js';
import { compileModule } from '../dist/module/compile.js';
import { bench_module, heading, line, ns, range, run_module, summary, verdict } from './lib.mjs';

/** What the same generators cost without a kernel: two of them, resumed in turn. */
function bare(n) {
  function* body() {
    for (;;) yield 1;
  }
  const a = body();
  const b = body();
  const began = performance.now();
  for (let i = 0; i < n; i += 2) {
    a.next();
    b.next();
  }
  return ((performance.now() - began) * 1e6) / n;
}

export default async function context_switch() {
  heading('Context switch between kernel threads (ns)');
  const compiled = await compileModule(bench_module('switches'), { build: 'free' });
  const machine = await Machine.boot({ cpus: 1 });
  const { switch: found } = await run_module(machine, compiled, { rounds: 100_000 });
  await machine.poweroff();
  const s = summary(found.slice(2).map(([ps]) => ps / 1000));
  bare(1e6);
  line('schedule() to the other thread', range(s), `target 250: ${verdict(s.median < 250)}`);
  line('resuming a bare generator', ns(bare(1e7)));
}
