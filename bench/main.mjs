// `npm run bench [FILTER]`: all benchmarks, or those whose name contains FILTER. Each prints its figures, their spread
// and whether the target is met; ratios are within one run.
import os from 'node:os';
import { readdirSync } from 'node:fs';

const filter = process.argv[2] ?? '';
const files = readdirSync(new URL('.', import.meta.url)).filter((f) => f.endsWith('.bench.mjs') && f.includes(filter));
if (files.length === 0) {
  console.error(`there is no benchmark '${filter}' in bench/`);
  process.exit(2);
}
console.log(
  `Node ${process.version}, ${os.availableParallelism()} cores (${os.cpus()[0]?.model ?? '?'}), load ${os.loadavg()[0].toFixed(1)}`,
);
if (os.loadavg()[0] > 0.5)
  console.log('Other work runs on this machine: absolute times mean little, look at the ratios.');
for (const file of files.sort()) {
  const { default: bench } = await import(`./${file}`);
  await bench();
}
const { end_placement } = await import('./lib.mjs');
await end_placement();
const { release_pools } = await import('../dist/machine/pool.js');
await release_pools();
