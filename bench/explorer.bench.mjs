// The explorer on three kernel threads that each take a spin lock three times and increment a counter, with creation and
// end of the threads and the restore; beside bare coroutines doing the same steps without a kernel.
import { explore } from '../dist/explore/index.js';
import { Session } from '../dist/explore/session.js';
import { RandomWalk } from '../dist/explore/strategies/random-walk.js';
import { compileModule } from '../dist/module/compile.js';
import { bench_module, cpu_ns, heading, interleaved, line, range, ratios, summary, verdict } from './lib.mjs';

const CPUS = 4;
/** Of the whole command, with its start. */
const SCHEDULES = 200_000;

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

/** ns of a schedule and of one of the bare coroutines, run by run in turn. */
async function measure(name) {
  const compiled = await compileModule(bench_module(name), { build: 'stepped' });
  const session = await Session.open(compiled, { cpus: CPUS });
  const strategy = new RandomWalk(1);
  let schedule = 0;
  let steps = 0;
  const run = (n) => {
    for (let i = 0; i < n; i++) {
      const outcome = session.run(strategy, schedule++);
      if (outcome.verdict !== null) throw new Error(outcome.message);
      steps += outcome.steps;
    }
  };
  run(20_000);
  bare(20_000);
  const [whole, alone] = interleaved([run, bare]);
  return { compiled, whole, alone, steps: steps / schedule };
}

export default async function explorer() {
  heading('Explorer: three threads, a spin lock three times each (schedules a second, one core)');
  const full = await measure('locked-counter');
  const s = summary(full.whole);
  const b = summary(full.alone);
  const a_second = (ns) => Math.round(1e9 / ns).toLocaleString('en');
  const rate = ({ median, low, high }) => range({ median, low: high, high: low }, a_second);
  const ratio = (x) => x.toFixed(2);
  line(
    'whole schedules',
    rate(s),
    `${full.steps.toFixed(0)} steps each; target 100,000: ${verdict(1e9 / s.median >= 100_000)}`,
  );
  line(
    'bare coroutines',
    rate(b),
    `${range(ratios(full.whole, full.alone), ratio)} times as many: no kernel, no tasks, no restore`,
  );
  const e = summary((await measure('empty')).whole).median / 1000;
  const t = summary((await measure('three-threads')).whole).median / 1000;
  const all = s.median / 1000;
  line(
    'where the time goes (µs a schedule)',
    all.toFixed(1),
    `restore, init and exit: ${e.toFixed(1)}; three threads made and ended: ${(t - e).toFixed(1)}; their steps: ${(all - t).toFixed(1)}`,
  );
  const before = cpu_ns();
  const whole = await explore(full.compiled, { schedules: SCHEDULES, cpus: CPUS, strategy: 'random' });
  if (whole.failure !== null) throw new Error(whole.failure.message);
  line(
    'explore(), by CPU time',
    a_second((cpu_ns() - before) / SCHEDULES),
    `${SCHEDULES.toLocaleString('en')} schedules with start and compilation`,
  );
}
