// `npm start`: shows the main job. `npm start -- ARGS` is the command line. Both install and build first what is
// missing or stale.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cli, prepare, root, run } from './lib.mjs';

const bold = process.stdout.isTTY && !process.env.NO_COLOR ? (text) => `\x1b[1m${text}\x1b[0m` : (text) => text;
const heading = (text) => console.log(`\n${bold(`== ${text}`)}\n`);
const command = (args) => console.log(`$ lockstep ${args.join(' ')}`);

/** Runs a command of the command line in front of the reader. */
async function show(...args) {
  command(args);
  return run(process.execPath, [cli, ...args]);
}

/** The same, and returns what it printed. */
function showAndRead(...args) {
  command(args);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      process.stdout.write(chunk);
    });
    child.on('close', (code) => resolve({ code, text }));
  });
}

/** Ends the demonstration where it is not as it should be. */
function expect(code, wanted, what) {
  if (code === wanted) return;
  if (code !== 130)
    console.error(`\nThat was not meant to happen: ${what} ended with code ${code} instead of ${wanted}.`);
  process.exit(code === 0 ? 1 : code);
}

async function demonstrate() {
  heading('1. A machine of 4 CPUs boots, loads a kernel module and powers off');
  expect(await show('run', 'examples/hello.ts', '--cpus', '4'), 0, 'run');

  heading('2. Ten seconds of stress: threads on 4 CPUs count under one mutex');
  const stress = ['examples/mutex-counter.ts', 'threads=6', 'rounds=300', '--cpus', '4', '--seconds', '10'];
  expect(await show('stress', ...stress), 0, 'stress');

  heading('3. A module with a race: examples/lost-update.ts');
  const source = readFileSync(join(root, 'examples/lost-update.ts'), 'utf8');
  console.log(`${/export function\* worker[^]*?\n}\n/.exec(source)?.[0] ?? ''}`);
  const found = await showAndRead('explore', 'examples/lost-update.ts', '--cpus', '2');
  expect(found.code, 1, 'explore');

  heading('4. The token replays the failing interleaving, a thousand times alike');
  const token = /lockstep replay (\S+)/.exec(found.text)?.[1] ?? '';
  const replayed = await showAndRead('replay', token, 'examples/lost-update.ts', '--times', '1000');
  expect(replayed.code, 1, 'replay');

  heading('What now');
  console.log(`npm start -- run FILE          your own module
npm start -- --help            the commands
docs/modules.md                how to write a module
npm test                       the tests`);
}

if (!prepare()) process.exit(3);
const args = process.argv.slice(2);
// Files are named from where the user stands; npm itself runs in the package's folder.
const from = process.env.INIT_CWD ?? process.cwd();
if (args.length > 0) process.exit(await run(process.execPath, [cli, ...args], { cwd: from }));
await demonstrate();
