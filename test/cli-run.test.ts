// `lockstep run` as a child process: what it prints and the exit code, for modules that are fine and for each kind of
// bad one. Positions are those of the files in test/fixtures/bad.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hasOwnStack, lockstep } from './cli-run.js';

const bad = (name: string): string => `test/fixtures/bad/${name}.ts`;
const STAMP = /^\[ *\d+\.\d{6}\] /;

describe('lockstep run', () => {
  it('prints the two messages of hello with time stamps and exits with 0', async () => {
    const { code, stdout, stderr } = await lockstep(['run', 'examples/hello.ts']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(STAMP);
    expect(lines[0]).toMatch(/hello: loaded on CPU \d$/);
    expect(lines[1]).toMatch(/hello: goodbye$/);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it.each([1, 2, 8])('boots %i CPUs and hands parameters to the module', async (cpus) => {
    const args = ['run', 'examples/mutex-counter.ts', 'threads=3', 'rounds=7', '--cpus', String(cpus)];
    const { code, stdout } = await lockstep(args);
    expect(stdout).toMatch(/mutex-counter: 21 increments by 3 threads/);
    expect(code).toBe(0);
  });

  it('prints one JSON object with --json, and nothing else on stdout', async () => {
    const { code, stdout } = await lockstep(['run', 'examples/hello.ts', '--json', '--cpus', '2']);
    const result = JSON.parse(stdout) as { exitCode: number; cpus: number; log: { text: string }[] };
    expect(result).toMatchObject({ command: 'run', exitCode: 0, cpus: 2, warnings: 0, oopses: 0 });
    expect(result.log.map((r) => r.text)).toContain('hello: goodbye');
    expect(code).toBe(0);
  });

  it('prints nothing with --quiet when all is well', async () => {
    expect(await lockstep(['run', 'examples/hello.ts', '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('unloads a module that never gets idle after --timeout', async () => {
    const { code, stderr } = await lockstep(['run', bad('periodic'), '--timeout', '1']);
    expect(stderr).toMatch(/still not idle after 1 s \(--timeout\): unloading periodic/);
    expect(code).toBe(0);
  });
});

describe('lockstep run of a bad module', () => {
  it.each([
    ['init-enomem', 1, [/init-enomem\.ts:9:3: .*module_init returned -12 \(-ENOMEM\)/]],
    ['init-throws', 1, [/died of an oops/, /no such device, at test\/fixtures\/bad\/init-throws\.ts:4:9/]],
    ['sleep-in-atomic', 1, [/sleeping function called from invalid context: mutex_lock/, /sleep-in-atomic\.ts:10:\d+/]],
    ['no-yield', 1, [/msleep\(\) may sleep; write `yield\* msleep/, /no-yield\.ts:5:3/]],
    ['module-let', 2, [/module-let\.ts:3:5: `let count` is a variable of the module/, /DEFINE_STATIC\(int, 0\)/]],
    ['module-map', 2, [/module-map\.ts:3:7: .*new Map/, /DEFINE_STATIC/]],
    ['type-error', 2, [/type-error\.ts:5:20: Argument of type 'string' is not assignable/]],
    ['syntax-error', 2, [/syntax-error\.ts:5:1: Unexpected "\)"/]],
    ['no-such-module', 3, [/no-such-module\.ts: no such file/]],
    ['leak', 1, [/module leak leaked 1 object, 100 bytes/]],
    [
      'exit-waits',
      1,
      [/exit-waits\.ts:8:1: module_exit of exit_waits never returns/, /rmmod\/\d+ waits for the completion never\+0x0/],
    ],
    [
      'deadlock',
      1,
      [/one_way\/\d+ waits for the mutex second.*held by other_way/, /left blocked for good: one_way\/\d+ waits/],
    ],
  ])('names what is wrong in %s, and exits with %i', async (name, exitCode, messages) => {
    const { code, stdout, stderr } = await lockstep(['run', bad(name)]);
    for (const message of messages) expect(stderr).toMatch(message);
    expect(hasOwnStack(stderr)).toBe(false);
    for (const line of stdout
      .trimEnd()
      .split('\n')
      .filter((l) => l !== ''))
      expect(line).toMatch(STAMP);
    expect(code).toBe(exitCode);
  });

  it('reports an endless loop with its line as a soft lock-up', async () => {
    const { code, stdout, stderr } = await lockstep(['run', bad('endless-loop'), '--watchdog', '1']);
    expect(stdout).toMatch(/BUG: soft lockup - CPU#\d stuck for \d+s! \[spinner:\d+\]/);
    expect(stderr).toMatch(/soft lockup.*at test\/fixtures\/bad\/endless-loop\.ts:[67]:/);
    expect(code).toBe(1);
  });

  it('names the threads that keep a module from being unloaded in time', async () => {
    const { code, stderr } = await lockstep(['run', bad('hog'), '--cpus', '2', '--timeout', '1', '--watchdog', '60']);
    expect(stderr).toMatch(/module_(init|exit) of hog did not return within 1 s \(--timeout\)/);
    expect(stderr).toMatch(/CPU 0 runs hog\/0\/\d+\n\s+CPU 1 runs hog\/1\/\d+/);
    expect(code).toBe(1);
  });

  it('reports an endless loop with interrupts off as a hard lock-up, with its line', async () => {
    const { code, stderr } = await lockstep(['run', bad('endless-irqs-off'), '--watchdog', '1']);
    expect(stderr).toMatch(/hard lockup on CPU \d/);
    expect(stderr).toMatch(/endless-irqs-off\.ts:7:/);
    expect(code).toBe(1);
  });

  it('tells a CPU that ran out of JavaScript memory from a bug of the module: exit code 3', async () => {
    const { code, stderr } = await lockstep(['run', bad('eats-heap'), '--heap', '32', '--cpus', '2']);
    expect(stderr).toMatch(/CPU \d died: its worker ran out of JavaScript memory \(--heap makes it larger\)/);
    expect(code).toBe(3);
  });

  it('goes past a type error with --no-check', async () => {
    const { code, stderr } = await lockstep(['run', bad('type-error'), '--no-check']);
    expect(stderr).not.toMatch(/TS2345/);
    expect(code).not.toBe(2);
  });

  it('says the same with --json, as an object', async () => {
    const { code, stdout } = await lockstep(['run', bad('type-error'), '--json']);
    const { exitCode, error } = JSON.parse(stdout) as {
      exitCode: number;
      error: { kind: string; problems: { line: number }[] };
    };
    expect([code, exitCode, error.kind, error.problems[0]!.line]).toEqual([2, 2, 'source', 5]);
  });
});

describe('wrong usage', () => {
  it.each([
    [['run'], /missing required argument 'file'/],
    [['rum', 'examples/hello.ts'], /unknown command 'rum'/],
    [['run', 'examples/hello.ts', '--cpus', '0'], /'--cpus <n>' argument '0' is invalid.*1 to 64/],
    [['run', 'examples/hello.ts', '--cpus', '65'], /from 1 to 64/],
    [['run', 'examples/hello.ts', '--memory', '3M'], /multiple of 64K from 8M/],
    [['run', 'examples/hello.ts', '--fast'], /unknown option '--fast'/],
    [['run', 'examples/hello.ts', 'threads'], /'threads' is no module parameter: write name=value/],
    [['run', 'examples/hello.ts', 'threads=2'], /hello has no parameter 'threads': it has none/],
    [['run', 'examples/mutex-counter.ts', 'thread=2'], /no parameter 'thread'; it has: threads \(4\), rounds \(3\)/],
    [['run', 'examples/mutex-counter.ts', 'threads=many'], /parameter threads: 'many' is not an integer/],
    [['replay', 'nonsense'], /token/],
    [[], /Usage: lockstep/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, stderr } = await lockstep(args);
    expect(stderr).toMatch(message);
    expect(hasOwnStack(stderr)).toBe(false);
    expect(code).toBe(2);
  });

  it.each([[], ['run'], ['stress'], ['explore'], ['replay']])(
    '--help of %j shows examples and exit codes',
    async (...command) => {
      const { code, stdout } = await lockstep([...command.flat(), '--help']);
      expect(stdout).toMatch(/Examples:\n {2}\$ lockstep /);
      expect(stdout).toMatch(/Exit codes:\n {2}0 /);
      expect(code).toBe(0);
    },
  );
});

describe('interruption', () => {
  it.each([
    ['run', ['run', bad('periodic'), '--timeout', '0']],
    ['stress', ['stress', 'hello', '--seconds', '100']],
  ])('Ctrl-C ends %s with code 130 and the machine with it', async (_, args) => {
    const { code, stderr } = await lockstep(args, { interruptAfter: 2500 });
    expect(stderr).toMatch(/interrupted/);
    expect(code).toBe(130);
  });

  it('a reader that closes the pipe ends the command without a message', async () => {
    const { stdout, stderr, status } = spawnSync(
      'bash',
      ['-c', `"${process.execPath}" dist/cli/main.js stress --seconds 3 --cpus 2 | head -1; exit \${PIPESTATUS[0]}`],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
