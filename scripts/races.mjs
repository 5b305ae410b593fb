// The long run over the library of bugs: npm run races [NAME ...] [--schedules N] [--seeds N] [--seconds S]
//
// Each module of examples/races is explored from 20 seeds with 10,000 schedules each: the bug must be found from every
// seed, and in its fixed version nothing. Then both run in parallel for some seconds on 4 CPUs: the bug may show there or
// not, but the run has to end by itself. One line for each module; exit code 1 if one of this does not hold.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cli, prepare, root } from './lib.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    schedules: { type: 'string', default: '10000' },
    seeds: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '5' },
  },
});
if (!prepare()) process.exit(3);
const { compileModule, explore } = await import(new URL('../dist/index.js', import.meta.url).href);
const folder = join(root, 'examples/races');
const races = JSON.parse(readFileSync(join(folder, 'races.json'), 'utf8'));
const unknown = positionals.filter((name) => !races.some((race) => race.name === name));
if (unknown.length > 0) {
  console.error(
    `there is no ${unknown.join(', ')} in examples/races; there are: ${races.map((r) => r.name).join(', ')}`,
  );
  process.exit(2);
}
const schedules = Number(values.schedules);
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i * 7919 + 1);
let failed = 0;

/** How many schedules it took from each seed; Infinity where nothing was found. */
async function search(file) {
  const module = await compileModule(file, { build: 'stepped' });
  const took = [];
  for (const seed of seeds) {
    const result = await explore(module, { seed, schedules });
    took.push(result.failure === null ? Infinity : result.schedules);
  }
  return took.sort((a, b) => a - b);
}
/** What the parallel run ended with. */
function parallel(file) {
  if (Number(values.seconds) === 0) return 'left out';
  const { status, error } = spawnSync(
    process.execPath,
    [cli, 'stress', file, '--cpus', '4', '--seconds', values.seconds, '--quiet'],
    { timeout: Number(values.seconds) * 1000 + 120_000, killSignal: 'SIGKILL' },
  );
  if (error !== undefined || status === null) return 'HANGS';
  return status === 0 ? 'passes' : status === 1 ? 'found' : `EXIT ${status}`;
}

console.log('module                   schedules to find it: median  most  in the fixed one  in parallel: bug  fixed');
for (const { name } of races.filter((race) => positionals.length === 0 || positionals.includes(race.name))) {
  const file = join(folder, `${name}.ts`);
  const fixed = join(folder, `${name}.fixed.ts`);
  const took = await search(file);
  const clean = (await search(fixed)).every((n) => n === Infinity);
  const bug = parallel(file);
  const right = parallel(fixed);
  const most = took.at(-1);
  const fine =
    most !== Infinity &&
    clean &&
    ['found', 'passes', 'left out'].includes(bug) &&
    ['passes', 'left out'].includes(right);
  if (!fine) failed++;
  const cells = [
    name.padEnd(24),
    String(took[took.length >> 1]).padStart(29),
    String(most === Infinity ? 'NEVER' : most).padStart(6),
    (clean ? 'nothing' : 'FOUND').padStart(17),
    bug.padStart(17),
    right.padStart(7),
  ];
  console.log(cells.join(''));
}
process.exitCode = failed > 0 ? 1 : 0;
