// Booting: cold (new threads, code compiled) and warm (the pool's threads and memory are kept).
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { heading, line, summary } from './lib.mjs';

async function time(cpus) {
  const began = performance.now();
  const machine = await Machine.boot({ cpus });
  const booted = performance.now() - began;
  const off = performance.now();
  await machine.poweroff();
  return { booted, off: performance.now() - off };
}
const ms = (x) => `${x.toFixed(1)} ms`;

export default async function boot() {
  heading('Boot and power-off');
  for (const cpus of [1, 4, 64]) {
    await release_pools();
    const cold = await time(cpus);
    const warm = [];
    for (let i = 0; i < 15; i++) warm.push(await time(cpus));
    const b = summary(warm.map((w) => w.booted));
    const o = summary(warm.map((w) => w.off));
    line(
      `${cpus} CPU${cpus === 1 ? '' : 's'}`,
      `cold ${ms(cold.booted)}, warm ${ms(b.median)} (${ms(b.low)} to ${ms(b.high)})`,
      `power-off ${ms(o.median)}`,
    );
  }
  await release_pools();
}
