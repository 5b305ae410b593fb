// `lockstep stress`, `explore` and `replay` as child processes.
import { describe, expect, it } from 'vitest';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockstep } from './cli-run.js';

interface Test {
  name: string;
  rounds: number;
  failure: string | null;
  verdict: string;
  rows: { operations: number }[];
}
const control = (name: string): string => `test/fixtures/controls/${name}.ts`;

describe('lockstep stress', () => {
  it('closes with a table of what each CPU did, and exits with 0', async () => {
    const args = ['stress', 'examples/mutex-counter.ts', 'threads=4', 'rounds=50', '--cpus', '2', '--seconds', '2'];
    const { code, stdout, stderr } = await lockstep(args);
    expect(stdout).toMatch(/^examples\/mutex-counter\.ts: \d[\d,]* rounds in \d+\.\d s on 2 CPUs\n/);
    expect(stdout).toMatch(
      /CPU +rounds +operations +op rate +contention +migrations +switches +interrupts +worst wait +verdict\n/,
    );
    expect(stdout).toMatch(/\n +0 .* ok\n +1 .* ok\nall .* ok\n/);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('runs every torture test at least once when it gets no file, and counts their operations', async () => {
    const { code, stdout } = await lockstep(['stress', '--cpus', '2', '--seconds', '0.5', '--json']);
    const { tests } = JSON.parse(stdout) as { tests: Test[] };
    const listed = JSON.parse((await lockstep(['stress', '--list', '--json'])).stdout) as { list: { name: string }[] };
    expect(tests.map((test) => test.name)).toEqual(listed.list.map((test) => test.name));
    for (const test of tests) {
      expect([test.name, test.failure, test.verdict]).toEqual([test.name, null, 'ok']);
      expect([test.name, test.rounds > 0]).toEqual([test.name, true]);
      expect([test.name, test.rows.reduce((sum, row) => sum + row.operations, 0) > 0]).toEqual([test.name, true]);
    }
    expect(code).toBe(0);
  });

  it('takes names, their beginnings and patterns, and refuses one that names nothing', async () => {
    const names = async (...filters: string[]): Promise<string[]> => {
      const { list } = JSON.parse((await lockstep(['stress', '--list', '--json', ...filters])).stdout) as {
        list: { name: string }[];
      };
      return list.map((test) => test.name);
    };
    expect(await names('mutex')).toEqual(['mutex']); // not mutex-hog: an exact name is meant
    expect(await names('mutex*')).toEqual(['mutex', 'mutex-hog']);
    expect(await names('spi', 'timers')).toEqual(['spin', 'timers']);
    const none = await lockstep(['stress', 'nosuch']);
    expect(none.stderr).toMatch(/there is no file and no test 'nosuch'; the tests \(lockstep stress --list\): .*spin/);
    expect(none.code).toBe(2);
  });

  it('goes through the tests --repeat times, on after a failure, and not with --fail-fast', async () => {
    const run = async (...more: string[]): Promise<{ code: number | string; names: string[] }> => {
      const ran = await lockstep(['stress', 'spin', 'sleeping', 'broken=1', '--repeat', '2', '--json', ...more]);
      return { code: ran.code, names: (JSON.parse(ran.stdout) as { tests: Test[] }).tests.map((test) => test.name) };
    };
    expect(await run()).toEqual({ code: 1, names: ['sleeping', 'spin', 'sleeping', 'spin'] });
    expect(await run('--fail-fast')).toEqual({ code: 1, names: ['sleeping'] });
  });

  it('runs the deliberately broken variants, and fails if one is not caught', async () => {
    const caught = await lockstep(['stress', '--broken', 'spin broken=3', 'sleeping']);
    expect(caught.stdout).toMatch(/\nsleeping broken=1 .* caught in \d/);
    expect(caught.stdout).toMatch(/\nspin broken=3 .* caught in \d/);
    expect(caught.code).toBe(0);
    // The control of the control: a variant that is not broken after all.
    const missed = await lockstep(['stress', '--broken', 'sleeping', 'broken=0', '--seconds', '0.2']);
    expect(missed.stdout).toMatch(/ NOT CAUGHT/);
    expect(missed.stderr).toMatch(/1 broken variant not caught as expected: sleeping broken=1/);
    expect(missed.code).toBe(1);
  });

  it('runs tests at the same time on one machine with --together, and names the module that broke', async () => {
    const fine = await lockstep(['stress', '--together', 'spin', 'mutex*', 'kthreads', '--seconds', '1', '--json']);
    const [turn] = (JSON.parse(fine.stdout) as { tests: { modules: { name: string }[]; verdict: string }[] }).tests;
    expect(turn!.modules.map(({ name }) => name)).toEqual(['kthreads', 'mutex', 'mutex-hog', 'spin']);
    expect(turn!.verdict).toBe('ok');
    expect(fine.code).toBe(0);
    const files = ['examples/mutex-counter.ts', 'test/fixtures/controls/unlocked-counter.ts'];
    const { code, stdout } = await lockstep(['stress', '--together', ...files, 'rounds=20000']);
    expect(stdout).toMatch(/lockstep explore test\/fixtures\/controls\/unlocked-counter\.ts rounds=20000/);
    expect(stdout).not.toMatch(/lockstep explore examples/);
    expect(code).toBe(1);
  });
  it.each([
    [['memory-hoard'], /memory-hoard: runs only by itself/],
    [['--broken'], /--broken runs one variant at a time/],
  ])('--together %j is refused', async (more, text) => {
    const { code, stderr } = await lockstep(['stress', '--together', ...more]);
    expect(stderr).toMatch(text);
    expect(code).toBe(2);
  });

  it('shows the last events of each CPU when a test fails, and writes them as a trace', async () => {
    const file = join(tmpdir(), `lockstep-stress-${process.pid}.json`);
    const { code, stderr } = await lockstep(['stress', 'spin', 'broken=1', '--trace', file, '--seconds', '30']);
    expect(stderr).toMatch(/The last 10 events of each CPU/);
    expect(stderr).toMatch(/switch/);
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: unknown[] };
    rmSync(file);
    expect(traceEvents.length).toBeGreaterThan(100);
    expect(code).toBe(1);
    const nowhere = await lockstep(['stress', 'spin', '--trace', '/nonexistent/t.json']);
    expect(nowhere.stderr).toMatch(/cannot write \/nonexistent\/t\.json: the folder does not exist/);
    expect(nowhere.code).toBe(3);
  });

  it('takes a seed of chaos, and refuses what is none', async () => {
    const { code, stdout } = await lockstep(['stress', 'spin', '--chaos', '7', '--seconds', '1', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ chaos: 7, tests: [{ verdict: 'ok' }] });
    expect(code).toBe(0);
    expect((await lockstep(['stress', 'spin', '--chaos', 'x'])).code).toBe(2);
  });

  // The control of all the runs that must pass: the same module without its lock.
  it('finds the lost updates of an unlocked counter on 4 CPUs, shows the log and the way on', async () => {
    const { code, stdout, stderr } = await lockstep([
      'stress',
      control('unlocked-counter'),
      '--cpus',
      '4',
      '--seconds',
      '30',
    ]);
    expect(stderr).toMatch(
      /unlocked-counter\.ts broke in round \d+: 1 warning; first: WARNING at .*unlocked-counter\.ts:\d+:\d+/,
    );
    expect(stdout).toMatch(/\nall .* FAILED\n/);
    expect(stdout).toMatch(/The log's last lines:\n(.*\n)*.*WARNING: at/);
    expect(stdout).toMatch(/\n {2}lockstep explore test\/fixtures\/controls\/unlocked-counter\.ts --cpus 4\n/);
    expect(code).toBe(1);
  });

  it('finds that a lock which an IPI handler takes is taken with interrupts on', async () => {
    const { code, stdout, stderr } = await lockstep(['stress', control('ipi-plain'), '--cpus', '2', '--seconds', '30']);
    expect(stderr).toMatch(/spin lock recursion: CPU \d already holds shared/);
    expect(stdout).toMatch(/ panic\n/);
    expect(code).toBe(1);
  });

  it('stops at a module whose init fails, with its place', async () => {
    const { code, stderr } = await lockstep(['stress', 'test/fixtures/bad/init-enomem.ts', '--seconds', '20']);
    expect(stderr).toMatch(/broke in round 1: .*init-enomem\.ts:9:3: .*-12 \(-ENOMEM\)/);
    expect(code).toBe(1);
  });
});

describe('lockstep explore and replay', () => {
  it('finds the lost update, and the token that it prints replays it', async () => {
    const found = await lockstep([
      'explore',
      'examples/lost-update.ts',
      '--seed',
      '5',
      '--schedules',
      '1000',
      '--no-races',
    ]);
    expect(found.stdout).toMatch(/^WARNING: at /);
    expect(found.code).toBe(1);
    const token = /lockstep replay (\S+) examples\/lost-update\.ts/.exec(found.stdout)?.[1] ?? '';
    const again = await lockstep(['replay', token, 'examples/lost-update.ts', '--times', '50']);
    expect(again.stdout).toMatch(/Replayed \d+ steps, 50 times alike, hash over \d+ switches: [0-9a-f]{8}/);
    expect(again.code).toBe(1);
    const other = await lockstep(['replay', token, 'examples/hello.ts']);
    expect(other.stderr).toMatch(/made from other sources than examples\/hello\.ts/);
    expect(other.code).toBe(2);
    const cpus = await lockstep(['replay', token, '--cpus', '2']);
    expect(cpus.stderr).toMatch(/the token is of a machine with 4 CPUs/);
    expect(cpus.code).toBe(2);
  });

  it('finds its data race at once, passes over it with a suppression, and refuses one without a reason', async () => {
    const found = await lockstep(['explore', 'examples/lost-update.ts']);
    expect(found.stdout).toMatch(/^data race on stats\.packets of shared; /);
    expect(found.stdout).toMatch(/\nData race on stats\.packets of shared \(4 bytes at 0x[0-9a-f]{8}\)\n/);
    expect(found.code).toBe(1);
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-suppressions-'));
    const file = join(folder, 'suppressions');
    writeFileSync(file, 'stats.packets   a test\nnothing.at_all   another\n');
    const passed = await lockstep(['explore', 'examples/lost-update.ts', '--suppressions', file]);
    expect(passed.stdout).toMatch(/^WARNING: at /);
    expect(passed.stdout).toMatch(/\n\d+ reports? of data races suppressed\n/);
    expect(passed.stdout).toContain("The suppression 'nothing.at_all' matched nothing");
    const token = /lockstep replay (\S+) .* --suppressions /.exec(passed.stdout)?.[1] ?? '';
    const again = await lockstep(['replay', token, 'examples/lost-update.ts', '--suppressions', file]);
    expect(again.stdout).toMatch(/^WARNING: at /);
    writeFileSync(file, 'stats.packets\n');
    const refused = await lockstep(['explore', 'examples/lost-update.ts', '--suppressions', file]);
    expect(refused.stderr).toContain("'stats.packets' has no reason");
    expect(refused.code).toBe(2);
    rmSync(folder, { recursive: true });
  });

  it('finds nothing in the counter under a mutex, and says what it covered', async () => {
    const { code, stdout } = await lockstep([
      'explore',
      'examples/mutex-counter.ts',
      'threads=2',
      '--schedules',
      '300',
    ]);
    expect(stdout).toMatch(
      /^300 schedules \(1 outcome\), [\d,]+ steps in .*: nothing found\n(Not covered|Covered|Seen): /,
    );
    expect(code).toBe(0);
  });

  it('prints the failure as JSON', async () => {
    const { code, stdout } = await lockstep(['explore', 'examples/lost-update.ts', '--json']);
    const { failure, replay } = JSON.parse(stdout) as { failure: { verdict: string; token: string }; replay: string };
    expect(failure.verdict).toBe('data race');
    expect(replay).toBe(`lockstep replay ${failure.token} examples/lost-update.ts`);
    expect(code).toBe(1);
  });

  it('refuses a source with the same message as run', async () => {
    const { code, stderr } = await lockstep(['explore', 'test/fixtures/bad/module-let.ts']);
    expect(stderr).toMatch(/module-let\.ts:3:5: `let count` is a variable of the module/);
    expect(code).toBe(2);
  });
});
