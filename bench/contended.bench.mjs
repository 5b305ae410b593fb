// One spin lock that all CPUs want: acquisitions of 2 and 8 CPUs against one, for sections of 0.1, 1 and 10 µs.
import { Machine } from '../dist/machine/machine.js';
import { turns_per_us } from '../dist/bench/run.js';
import { compileModule } from '../dist/module/compile.js';
import { bench_module, heading, line, placement, placement_text, run_module, verdict } from './lib.mjs';

const MS = 300;

export default async function contended() {
  heading('One contended spin lock: throughput against one CPU');
  const compiled = await compileModule(bench_module('contended'), { build: 'free' });
  const per_us = turns_per_us();
  for (const us of [0.1, 1, 10]) {
    let one = 0;
    for (const cpus of [1, 2, 8]) {
      const machine = await Machine.boot({ cpus });
      const parameters = {
        inside: Math.max(1, Math.round(per_us * us)),
        outside: Math.max(1, Math.round(per_us * 0.1)),
        ms: MS,
      };
      await run_module(machine, compiled, { ...parameters, ms: 50 }); // warm
      const probe = await placement();
      const { hammer } = await run_module(machine, compiled, parameters);
      await machine.poweroff();
      const rate = hammer.reduce((sum, [done]) => sum + done, 0) / MS;
      const worst = Math.max(...hammer.map(([, w]) => w)) / 1000;
      const least =
        (Math.min(...hammer.map(([done]) => done)) * hammer.length) / hammer.reduce((sum, [done]) => sum + done, 0);
      if (cpus === 1) one = rate;
      const share = rate / one;
      const target = cpus > 1 && us === 1 ? `; target 50 %: ${verdict(share >= 0.5)}` : '';
      line(
        `${us} µs, ${cpus} CPU${cpus === 1 ? '' : 's'}`,
        `${Math.round(rate).toLocaleString('en')} a ms, ${(share * 100).toFixed(0)} %`,
        `worst wait ${worst.toFixed(1)} ms, least served ${(least * 100).toFixed(0)} % of its share${target}`,
      );
      if (cpus > 1) line('', placement_text(probe));
    }
  }
}
