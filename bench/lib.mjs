// What the benchmarks share: statistics, tables, the placement probe, running a bench module on a machine.
// A figure is printed with its spread (median, and what a tenth of the runs are below and above), and marked when it
// means nothing: the clock is too coarse, the spread too large, or the host had put the threads on one core.
import { fileURLToPath } from 'node:url';
import { SPREAD_LIMIT, spread, summary } from '../dist/bench/figure.js';
import { run_bench_module } from '../dist/bench/run.js';
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

/** The same of those that ship. */
export const shipped_module = (name) => fileURLToPath(new URL(`../modules/bench/${name}.ts`, import.meta.url));

export const run_module = (machine, compiled, parameters) => run_bench_module(machine, compiled, parameters, 120_000);
