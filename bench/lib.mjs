// What the benchmarks share: statistics, tables, the placement probe, running a bench module on a machine.
// A figure is printed with its spread (median, and what a tenth of the runs are below and above), and marked when it
// means nothing: the clock is too coarse, the spread too large, or the host had put the threads on one core.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SPREAD_LIMIT, spread, summary } from '../dist/bench/figure.js';
import { end_placement, placement, placement_text as text_of } from '../dist/bench/placement.js';

export { end_placement, placement, summary };
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

export const placement_text = (p) =>
  `placement: ${text_of(p)}${p.good ? '' : '  -- OFF: the threads shared a core, the figure means little'}`;

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
