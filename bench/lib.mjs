// What the benchmarks share: statistics, tables, the placement probe, running a bench module on a machine.
// A figure is printed with its spread (median, and what a tenth of the runs are below and above), and marked when it
// means nothing: the clock is too coarse, the spread too large, or the host had put the threads on one core.
import { readFileSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

export const SPREAD_LIMIT = 0.5;

export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { median: at(0.5), low: at(0.1), high: at(0.9), min: sorted[0], max: sorted[sorted.length - 1] };
}
export const spread = ({ median, low, high }) => (high - low) / median;
export const noisy = (s) => (spread(s) > SPREAD_LIMIT ? ' (noisy)' : '');
export const ns = (x) => (x < 100 ? x.toFixed(1) : Math.round(x).toLocaleString('en'));
export const range = (s, f = ns) => `${f(s.median)} (${f(s.low)} to ${f(s.high)})${noisy(s)}`;
export const verdict = (met) => (met ? 'met' : 'NOT MET');

export const heading = (text) => console.log(`\n== ${text}`);
export const line = (what, figure, note = '') =>
  console.log(`${what.padEnd(46)} ${figure}${note === '' ? '' : `   ${note}`}`);

/** The CPU time of this thread's process in ns: for single-threaded figures beside other load. */
export function cpu_ns() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** A run is shorter than the host's time slice, so that most of them are not interrupted. */
const RUN_MS = 0.3;
/**
 * Runs the functions in turn, `rounds` times each, so that noise hits all alike; each run makes as many calls as fit into
 * RUN_MS. Return: ns for each call of each.
 */
export function interleaved(fs, rounds = 400) {
  const times = fs.map(() => []);
  const calls = calls_of(fs);
  for (let r = 0; r < rounds; r++)
    fs.forEach((f, i) => {
      const began = performance.now();
      f(calls[i]);
      times[i].push(((performance.now() - began) * 1e6) / calls[i]);
    });
  return times;
}
/** For each function, how many calls take RUN_MS; a multiple of 64. Warms them up. */
const calls_of = (fs) =>
  fs.map((f) => {
    let n = 64;
    for (let warm = 0; warm < 30;) {
      const began = performance.now();
      f(n);
      if (performance.now() - began < RUN_MS / 2) n *= 2;
      else warm++;
    }
    return n;
  });
/** The ratio of two interleaved series, round by round. */
export const ratios = (a, b) => summary(a.map((x, i) => x / b[i]));

// ---- the placement probe ------------------------------------------------------------------------------------------
// Two raw threads: how much more they do than one without sharing anything, and what a futex round trip takes.
const MS = 60;
function spin(I, ms) {
  const end = performance.now() + ms;
  let n = 0;
  while (performance.now() < end) for (let i = 0; i < 2000; i++) n = (n + (i & 1)) | 0;
  let count = 0;
  const stop = performance.now() + ms;
  while (performance.now() < stop) {
    for (let i = 0; i < 2000; i++) n = (n * 31 + i) | 0;
    count++;
  }
  I[8] = n;
  return count;
}
if (!isMainThread && workerData?.probe !== undefined) {
  const { I, who, rounds } = workerData.probe;
  parentPort.on('message', (what) => {
    if (what === 'spin') parentPort.postMessage(spin(I, MS));
    else {
      // Ping-pong over two words: `futex` sleeps on them, `atomics` spins.
      const futex = what === 'futex';
      const mine = who;
      const other = 1 - who;
      const began = performance.now();
      for (let i = 1; i <= rounds; i++) {
        if (who === 0) {
          Atomics.store(I, 0, i);
          if (futex) Atomics.notify(I, 0);
          while (Atomics.load(I, 1) !== i) if (futex) Atomics.wait(I, 1, i - 1, 100);
        } else {
          while (Atomics.load(I, 0) !== i) if (futex) Atomics.wait(I, 0, i - 1, 100);
          Atomics.store(I, 1, i);
          if (futex) Atomics.notify(I, 1);
        }
      }
      parentPort.postMessage(((performance.now() - began) * 1e6) / rounds + 0 * (mine + other));
    }
  });
}

/** Return: { scaling, futex_ns, atomics_ns, good }. Good: two threads do nearly twice the work of one. */
export async function placement() {
  const I = new Int32Array(new SharedArrayBuffer(64));
  const rounds = 2000;
  const workers = [0, 1].map(
    (who) => new Worker(fileURLToPath(import.meta.url), { workerData: { probe: { I, who, rounds } } }),
  );
  const ask = (w, what) =>
    new Promise((resolve, reject) => {
      w.once('message', resolve);
      w.once('error', reject);
      w.postMessage(what);
    });
  const both = (what) => Promise.all(workers.map((w) => ask(w, what)));
  const one = await ask(workers[0], 'spin');
  const two = await both('spin');
  I.fill(0);
  const futex = (await both('futex'))[0];
  I.fill(0);
  const atomics = (await both('atomics'))[0];
  await Promise.all(workers.map((w) => w.terminate()));
  const scaling = (two[0] + two[1]) / one;
  return { scaling, futex_ns: futex, atomics_ns: atomics, good: scaling > 1.7 };
}
export const placement_text = (p) =>
  `placement: two threads do ${p.scaling.toFixed(2)} times one, futex round trip ${(p.futex_ns / 1000).toFixed(1)} µs, Atomics ${(p.atomics_ns / 1000).toFixed(2)} µs` +
  (p.good ? '' : '  -- OFF: the threads shared a core, the figure means little');

// ---- bench modules --------------------------------------------------------------------------------------------------
export const bench_module = (name) => fileURLToPath(new URL(`./modules/${name}.ts`, import.meta.url));

/** Loads a module on a machine, waits, unloads; its log lines `key value value ...` come back as { key: [[numbers]] }. */
export async function run_module(machine, compiled, parameters) {
  const before = machine.records.length;
  await machine.insmod(compiled, parameters);
  if (!(await machine.idle(120_000))) throw new Error(`${compiled.name} does not end`);
  await machine.rmmod(compiled.name);
  const { oopses, warnings, reports } = machine.verdict;
  if (oopses + warnings + reports > 0) throw new Error(machine.dmesg().slice(-20).join('\n'));
  const found = {};
  for (const { text } of machine.records.slice(before)) {
    const m = /^bench: (\w+) ([-\d. ]+)$/.exec(text);
    if (m) (found[m[1]] ??= []).push(m[2].split(' ').map(Number));
  }
  return found;
}
export const load_average = () => Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
