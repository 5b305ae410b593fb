// The explorer on three kernel threads that each take a spin lock three times and increment a counter, with creation and
// end of the threads and the restore; beside bare coroutines doing the same steps without a kernel.
import { explore } from '../dist/explore/index.js';
import { compileModule } from '../dist/module/compile.js';
import { bench_module, cpu_ns, heading, line, summary, verdict } from './lib.mjs';

const SCHEDULES = 20_000;
const ROUNDS = 7;

// ---- bare coroutines: three generators, a lock word, a counter, a random switch at each step ----------------------
const words = new Int32Array(64);
let random = 1;
const next = () => {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return random >>> 0;
};
const switches = () => (next() & 1) === 0;
const blocked = [false, false, false];
function* thread() {
  for (let i = 0; i < 3; i++) {
    if (switches()) yield 0;
    while (words[0] !== 0) yield 1;
    words[0] = 1;
    if (switches()) yield 0;
    const v = words[16];
    if (switches()) yield 0;
    words[16] = v + 1;
    if (switches()) yield 0;
    words[0] = 0;
    blocked[0] = blocked[1] = blocked[2] = false;
  }
}
function bare(n) {
  for (let s = 0; s < n; s++) {
    words[0] = words[16] = 0;
    const threads = [thread(), thread(), thread()];
    const ended = [false, false, false];
    blocked[0] = blocked[1] = blocked[2] = false;
    for (let left = 3; left > 0;) {
      let k = next() % 3;
      while (ended[k] || blocked[k]) k = (k + 1) % 3;
      const r = threads[k].next();
      if (r.done) {
        ended[k] = true;
        left--;
      } else if (r.value === 1) blocked[k] = true;
    }
    if (words[16] !== 9) throw new Error('the bare coroutines lost an update');
  }
}

async function schedules_per_s(compiled, seed) {
  const began = cpu_ns();
  const r = await explore(compiled, { schedules: SCHEDULES, seed, cpus: 4 });
  if (r.failure !== null) throw new Error(r.failure.message);
  return { rate: (SCHEDULES * 1e9) / (cpu_ns() - began), steps: r.steps / r.schedules };
}

export default async function explorer() {
  heading('Explorer: three threads, a spin lock three times each (schedules a second of CPU time, one core)');
  const load = (name) => compileModule(bench_module(name), { build: 'stepped' });
  const [full, threads, empty] = [await load('locked-counter'), await load('three-threads'), await load('empty')];
  const rates = { bare: [], full: [], threads: [], empty: [] };
  let steps = 0;
  bare(SCHEDULES);
  for (let r = 0; r < ROUNDS + 2; r++) {
    const before = cpu_ns();
    bare(SCHEDULES);
    const b = (SCHEDULES * 1e9) / (cpu_ns() - before);
    const f = await schedules_per_s(full, r + 1);
    const t = await schedules_per_s(threads, r + 1);
    const e = await schedules_per_s(empty, r + 1);
    steps = f.steps;
    if (r < 2) continue; // warm
    rates.bare.push(b);
    rates.full.push(f.rate);
    rates.threads.push(t.rate);
    rates.empty.push(e.rate);
  }
  const n = (x) => Math.round(x).toLocaleString('en');
  const show = (s) => `${n(s.median)} (${n(s.min)} to ${n(s.max)})`;
  const f = summary(rates.full);
  const b = summary(rates.bare);
  line('whole schedules', show(f), `${steps.toFixed(0)} steps each; target 100,000: ${verdict(f.median >= 100_000)}`);
  line(
    'bare coroutines',
    show(b),
    `${(b.median / f.median).toFixed(1)} times as many: no kernel, no tasks, no restore`,
  );
  const us = (s) => 1e6 / s.median;
  const e = us(summary(rates.empty));
  const t = us(summary(rates.threads));
  const all = us(f);
  line(
    'where the time goes (µs a schedule)',
    all.toFixed(1),
    `restore, init and exit: ${e.toFixed(1)}; three threads made and ended: ${(t - e).toFixed(1)}; their steps: ${(all - t).toFixed(1)}`,
  );
}
