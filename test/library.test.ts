// The library inside test runners: what fails is an error whose message is the report. The examples of docs/testing.md
// are run as they stand there, under vitest and under node:test.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import {
  expectFailure,
  ExplorationError,
  expectNoFailure,
  MachineFailure,
  replay,
  throwIfFailed,
} from '../dist/index.js';
import { example } from './stepped-helpers.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const broken = example('races/lost-update');
const fixed = example('races/lost-update.fixed');
const options = { check: false, schedules: 300 };
const error_of = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: Error) => error,
  );

describe('the library', () => {
  test('expectNoFailure throws the report of what failed, and returns what was covered if nothing did', async () => {
    const error = await error_of(expectNoFailure(broken, options));
    expect(error).toBeInstanceOf(ExplorationError);
    expect(error).toBeInstanceOf(MachineFailure);
    expect(error.name).toBe('ExplorationError');
    const { failure } = error as ExplorationError;
    expect(error.message).toContain(`${failure.verdict}: ${failure.message}`);
    expect(error.message).toContain(failure.interleaving.trimEnd());
    expect(error.message).toContain(`lockstep replay ${failure.token}`);
    expect(await expectNoFailure(fixed, options)).toMatchObject({ schedules: 300, failure: null });
  });

  test('expectFailure returns the failure, and throws if there is none or another one', async () => {
    const failure = await expectFailure(broken, { verdict: 'data race', message: 'rx_packets' }, options);
    expect(failure.verdict).toBe('data race');
    await expect(expectFailure(fixed, {}, options)).rejects.toThrow(/should have failed, and did not in 300 schedules/);
    const other = /failed otherwise than expected \(oops\):\ndata race: /;
    await expect(expectFailure(broken, { verdict: 'oops' }, options)).rejects.toThrow(other);
    await expect(expectFailure(broken, { message: /nothing like it/ }, options)).rejects.toThrow(ExplorationError);
  });

  test('throwIfFailed does the same for a replay', async () => {
    const { token } = await expectFailure(broken, {}, options);
    const result = await replay(token, broken, { check: false });
    expect(() => throwIfFailed(result)).toThrow(ExplorationError);
    const passed = { failure: null };
    expect(throwIfFailed(passed)).toBe(passed);
  });
});

describe('docs/testing.md', () => {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache', 'library-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const text = readFileSync(join(root, 'docs', 'testing.md'), 'utf8');
  const block = (heading: string): string =>
    new RegExp(`## ${heading}\n[^#]*?\`\`\`\\w+\n(.*?)\n\`\`\``, 's').exec(text)![1]!;
  const run = (...command: string[]): { status: number | null; output: string } => {
    const env = { ...process.env };
    delete env['NODE_TEST_CONTEXT'];
    for (const name of Object.keys(env)) if (name.startsWith('VITEST')) delete env[name];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, env, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };

  test('its example for vitest passes', () => {
    writeFileSync(join(folder, 'doc.test.ts'), block('vitest'));
    const config = join(folder, 'vitest.config.mjs');
    writeFileSync(
      config,
      `export default { test: { include: ['${folder}/*.test.ts'], pool: 'forks', server: { deps: { external: [/\\/dist\\//] } } } };`,
    );
    const { status, output } = run('node_modules/vitest/vitest.mjs', 'run', '--root', root, '--config', config);
    expect(output).toMatch(/2 passed/);
    expect(status).toBe(0);
  });

  test('its example for node:test passes', () => {
    const file = join(folder, 'doc.test.mjs');
    writeFileSync(file, block('node:test'));
    const { status, output } = run('--test', file);
    expect(output).toMatch(/pass 2/);
    expect(status).toBe(0);
  });
});
