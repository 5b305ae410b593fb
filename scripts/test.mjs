// `npm test`: installs and builds what is missing or stale, then lint, format, types and tests. The last line is
// `N passed, N failed`: the tests that ran, and a failed one for each of the other checks that failed.
// `npm test -- ARGS` runs vitest with these arguments and leaves out the other checks.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, prepare, root, run, tsc } from './lib.mjs';

/** Vitest has no limit of its own for a file whose thread is blocked. */
const MINUTES = Number(process.env.LOCKSTEP_TEST_MINUTES ?? 25);

let passed = 0;
let failed = 0;
const args = process.argv.slice(2);

function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

async function check(what, ...command) {
  console.log(`== ${what}`);
  const code = await run(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (code === 130) process.exit(130);
  if (code !== 0) {
    failed++;
    console.log(`${what} failed`);
  }
}

/** Runs vitest under a watchdog; its report, or null. */
function vitest(report) {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [
        bin('vitest', 'vitest.mjs'),
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...args,
      ],
      { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], detached: process.platform !== 'win32' },
    );
    // With the group, its forks and their threads end too.
    const kill = (signal) => {
      try {
        process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
      } catch {
        // It is gone already.
      }
    };
    const watchdog = setTimeout(() => {
      console.log(`the tests did not end within ${MINUTES} minutes`);
      kill('SIGKILL');
    }, MINUTES * 60_000);
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ])
      process.on(signal, () => {
        kill('SIGKILL');
        process.exit(code);
      });
    child.on('close', (code) => {
      clearTimeout(watchdog);
      let result = null;
      try {
        result = JSON.parse(readFileSync(report, 'utf8'));
      } catch (error) {
        console.log(`vitest left no report: ${error.message}`);
      }
      resolve({ code, result });
    });
  });
}

if (!prepare()) {
  failed++;
  finish();
}
if (args.length === 0) {
  await check('lint', bin('eslint', 'bin/eslint.js'), '.');
  await check('format', bin('prettier', 'bin/prettier.cjs'), '--check', '--log-level=warn', '.');
  await check('types', tsc, '-p', 'test/tsconfig.json');
}
console.log('== tests');
const folder = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
const { code, result } = await vitest(join(folder, 'report.json'));
rmSync(folder, { recursive: true, force: true });
if (result === null) failed++;
else {
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  // A file that could not be loaded has no test that could fail.
  failed += result.testResults.filter(
    (f) => f.status === 'failed' && f.assertionResults.every((a) => a.status !== 'failed'),
  ).length;
  if (code !== 0 && failed === 0) failed++;
}
finish();
