// The long torture run: node scripts/torture.mjs [--rounds N] [--cpus 2,8,64] [--only name,name] [--quick]
//
// Runs the modules of modules/torture on machines of 2, 8 and 64 CPUs, by default with a million rounds each for
// the idle and wake-up race, the IPI storm and the spin lock, and prints one line for each run: what was done, how long
// it took, what was found. Needs a build (npm run build). Exit code 1 if anything was found.
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000000' },
    cpus: { type: 'string', default: '2,8,64' },
    only: { type: 'string' },
    dist: { type: 'string', default: new URL('../dist/', import.meta.url).href },
  },
});
const { Machine, release_pools, compileModule } = await import(new URL('index.js', values.dist).href);
const total = Number(values.rounds);
if (!(total >= 1000)) throw new Error('--rounds: a number from 1000');

/** Module, parameters for so many CPUs. `rounds` of a module are those of each thread. */
const RUNS = [
  ['idle-wakeup', (cpus) => ({ rounds: Math.ceil(total / cpus) })],
  ['ipi-storm', (cpus) => ({ rounds: Math.ceil(total / cpus) })],
  ['spin', (cpus) => ({ rounds: Math.ceil(total / cpus) })],
  ['mutex', (cpus) => ({ rounds: Math.ceil(total / 20 / cpus) })],
  ['mutex', (cpus) => ({ rounds: Math.ceil(total / 100 / cpus), hog: 1 })],
  ['waiting', (cpus) => ({ rounds: Math.ceil(total / 4 / cpus) })],
  ['kthreads', (cpus) => ({ rounds: Math.ceil(total / 10 / cpus) })],
  ['timers', (cpus) => ({ rounds: Math.ceil(total / 10 / cpus) })],
  ['memory', (cpus) => ({ rounds: Math.ceil(total / cpus) })],
  ['memory', (cpus) => ({ rounds: Math.ceil(total / 50 / cpus), hoard: 1 })],
  ['sleeping', () => ({ rounds: Math.ceil(total / 10_000) })],
];
const only = values.only?.split(',');
let failed = 0;
console.log('cpus  module        seconds  switches  interrupts     parks  contended  worst wait ms  lost  found  log');
for (const cpus of values.cpus.split(',').map(Number))
  for (const [name, parameters] of RUNS) {
    if (only !== undefined && !only.includes(name)) continue;
    const module = await compileModule(fileURLToPath(new URL(`../modules/torture/${name}.ts`, import.meta.url)), {
      build: 'free',
    });
    const machine = await Machine.boot({ cpus });
    const began = performance.now();
    let error = '';
    try {
      await machine.insmod(module, parameters(cpus));
      if (!(await machine.idle(3_600_000))) error = 'not idle after an hour';
      await machine.rmmod(module.name);
    } catch (e) {
      error = e.message;
    }
    const seconds = (performance.now() - began) / 1000;
    const sum = (of) => machine.statistics().reduce((n, c) => n + c[of], 0);
    const worst = Math.max(...machine.statistics().map((c) => c.worst_wait_ms));
    const { oopses, warnings, reports } = machine.verdict;
    const found = oopses + warnings + reports + (error === '' ? 0 : 1);
    const lost = sum('lost_wakeups');
    const log = machine.dmesg();
    const summary = log.find((line) => line.includes(`] ${name}: `))?.replace(/^\[.*?\] /, '') ?? '';
    if (found + lost > 0) {
      failed++;
      console.log(log.slice(-60).join('\n'), error);
    }
    const cells = [
      cpus,
      name,
      seconds.toFixed(1),
      sum('switches'),
      sum('interrupts'),
      sum('parks'),
      sum('contended'),
      worst.toFixed(0),
      lost,
      found,
    ];
    const widths = [4, -12, 7, 8, 10, 8, 9, 13, 4, 5];
    console.log(
      cells.map((c, i) => (widths[i] < 0 ? String(c).padEnd(-widths[i]) : String(c).padStart(widths[i]))).join('  ') +
        `  ${summary}`,
    );
    await machine.poweroff();
  }
await release_pools();
process.exitCode = failed > 0 ? 1 : 0;
