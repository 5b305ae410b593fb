// `npm run bench [FILTER]`: installs and builds what is missing or stale, then runs the benchmarks of bench/.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root, run } from './lib.mjs';

if (!prepare()) process.exit(3);
const main = join(root, 'bench/main.mjs');
const args = process.argv.slice(2);
if (existsSync(main)) process.exit(await run(process.execPath, [main, ...args]));
const filter = args[0] ?? '';
const files = readdirSync(join(root, 'bench')).filter((name) => name.endsWith('.bench.mjs') && name.includes(filter));
if (files.length === 0) {
  console.error(`there is no benchmark '${filter}' in bench/`);
  process.exit(2);
}
for (const file of files.sort()) {
  const code = await run(process.execPath, [join(root, 'bench', file), ...args.slice(1)]);
  if (code !== 0) process.exit(code);
}
