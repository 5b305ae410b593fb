// kmalloc(64) + kfree on one CPU, with the checks for double and invalid frees on; then what two CPUs do together.
import { Machine } from '../dist/machine/machine.js';
import { compileModule } from '../dist/module/compile.js';
import {
  heading,
  interleaved,
  line,
  placement,
  placement_text,
  range,
  run_module,
  shipped_module,
  summary,
  verdict,
} from './lib.mjs';
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
  const { done } = await run_module(machine, compiled, { what: 0, ms: MS });
  await machine.poweroff();
  return done.reduce((sum, [pairs, us]) => sum + pairs / us, 0);
}
async function kmalloc_scaling() {
  heading('kmalloc(64) + kfree, 2 CPUs against one');
  const compiled = await compileModule(shipped_module('each'), { build: 'free', check: false });
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
