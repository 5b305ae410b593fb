// A called function on another CPU, there and back, beside bare round trips of two threads.
import { Machine } from '../dist/machine/machine.js';
import { compileModule } from '../dist/module/compile.js';
import { bench_module, heading, line, placement, placement_text, run_module, summary } from './lib.mjs';

const us = (x) => `${(x / 1000).toFixed(2)} µs`;

export default async function ipi() {
  heading('IPI: smp_call_function_single and its answer');
  const compiled = await compileModule(bench_module('ipi'), { build: 'free' });
  const machine = await Machine.boot({ cpus: 2 });
  const { ipi: found } = await run_module(machine, compiled, { rounds: 2000 });
  await machine.poweroff();
  const probe = await placement();
  const of = (busy) => summary(found.filter(([b]) => b === busy).map(([, took]) => took));
  const idle = of(0);
  const busy = of(1);
  line(
    'to a running CPU',
    `${us(busy.median)} (${us(busy.low)} to ${us(busy.high)})`,
    `${(busy.median / probe.atomics_ns).toFixed(1)} times a bare Atomics round trip (${us(probe.atomics_ns)})`,
  );
  line(
    'to an idle CPU',
    `${us(idle.median)} (${us(idle.low)} to ${us(idle.high)})`,
    `${(idle.median / probe.futex_ns).toFixed(1)} times a bare futex round trip (${us(probe.futex_ns)})`,
  );
  line('', placement_text(probe));
}
