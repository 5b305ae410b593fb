// kmalloc(64) + kfree on one CPU, with the checks for double and invalid frees on; then what two CPUs do together.
import { fileURLToPath } from 'node:url';
import { Machine } from '../dist/machine/machine.js';
import { compileModule } from '../dist/module/compile.js';
import { heading, interleaved, line, placement, placement_text, range, summary, verdict } from './lib.mjs';
import { power_on_here } from './here.mjs';

export default async function kmalloc_bench() {
  heading('kmalloc + kfree, one CPU (ns a pair)');
  const { slab } = await power_on_here();
  const { kmalloc, kfree } = slab;
  const GFP_ATOMIC = 0x820;
  const pair = (size) => (n) => {
    for (let i = 0; i < n; i++) kfree(kmalloc(size, GFP_ATOMIC));
  };
  const batch = (n) => {
    const held = new Array(64);
    for (let i = 0; i < n; i += 64) {
      for (let j = 0; j < 64; j++) held[j] = kmalloc(64, GFP_ATOMIC);
      for (let j = 0; j < 64; j++) kfree(held[j]);
    }
  };
  const [a, b, c] = interleaved([pair(64), pair(512), batch]);
  const s = summary(a);
  line('kmalloc(64) + kfree', range(s), `target 60: ${verdict(s.median < 60)}`);
  line('kmalloc(512) + kfree', range(summary(b)));
  line('64 times kmalloc(64), then 64 times kfree', range(summary(c)));
  await kmalloc_scaling();
}

const MS = 100;
const ROUNDS = 5;
/** Pairs in a microsecond, of all CPUs together. */
async function rate(compiled, cpus) {
  const machine = await Machine.boot({ cpus });
  await machine.insmod(compiled, { what: 0, ms: MS });
  await machine.idle(20_000);
  const done = machine.dmesg().flatMap((text) => /bench: done (\d+) (\d+)/.exec(text)?.slice(1, 3) ?? []);
  await machine.rmmod(compiled.name);
  await machine.poweroff();
  let sum = 0;
  for (let i = 0; i < done.length; i += 2) sum += done[i] / done[i + 1];
  return sum;
}
async function kmalloc_scaling() {
  heading('kmalloc(64) + kfree, 2 CPUs against one');
  const file = fileURLToPath(new URL('../modules/bench/each.ts', import.meta.url));
  const compiled = await compileModule(file, { build: 'free', check: false });
  const scaling = [];
  for (let r = 0; r < ROUNDS; r++) {
    const probe = await placement();
    const one = await rate(compiled, 1);
    const two = await rate(compiled, 2);
    scaling.push(two / one);
    line(
      `round ${r + 1}`,
      `${(two / one).toFixed(2)} (${one.toFixed(1)} and ${two.toFixed(1)} pairs/us)`,
      placement_text(probe),
    );
  }
  const s = summary(scaling);
  line('2 CPUs against one', range(s), `target 1.7: ${verdict(s.median >= 1.7)}`);
}
