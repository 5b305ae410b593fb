// Searching and replaying: the lost update is found from any seed, a token replays exactly what was found, and a token
// that cannot be replayed says why.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replay, type Failure } from '../dist/explore/index.js';
import { decode_token, encode_token } from '../dist/explore/token.js';
import { UsageError } from '../dist/machine/errors.js';
import { example, failure_of, fixture, search } from './stepped-helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-explore-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const again = (token: string, file: string, times = 1) => replay(token, file, { check: false, times, hash: true });

describe('the lost update', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i * 7919 + 1);

  test.each(seeds)('is found within 1,000 schedules from seed %i, and replayed', async (seed) => {
    const { failure } = await search(example('lost-update'), { seed, schedules: 1000 });
    expect(failure?.verdict).toBe('WARN');
    expect(failure?.message).toMatch(/^WARNING: at module_exit \(examples\/lost-update\.ts:32:3\)$/);
    const replayed = await again(failure!.token, example('lost-update'));
    expect(replayed.failure).toEqual({ ...failure, schedule: 0 });
  });

  test('is replayed identically 1,000 times: the same hash over the memory at each switch', async () => {
    const { failure } = await search(example('lost-update'), { seed: 1, schedules: 1000 });
    const { times, switches, hash } = await again(failure!.token, example('lost-update'), 1000);
    expect(times).toBe(1000);
    expect(switches).toBeGreaterThan(20);
    // Control: the hash is over what happened, so another interleaving has another one.
    const other = await search(example('lost-update'), { seed: 2, schedules: 1000 });
    expect((await again(other.failure!.token, example('lost-update'))).hash).not.toBe(hash);
  });

  test('is found on one CPU too, by preemption', async () => {
    const { failure } = await search(example('lost-update'), { cpus: 1, schedules: 1000 });
    expect(failure?.verdict).toBe('WARN');
  });

  test('the interleaving shows the other write between a read and its write', async () => {
    const { failure } = await search(example('lost-update'), { schedules: 1000 });
    const steps = failure!.interleaving
      .split('\n')
      .flatMap((line) => /^( *)\d+: (read|write) packets$/.exec(line)?.slice(1, 3) ?? []);
    let lost = false;
    for (let i = 0; i + 3 < steps.length; i += 2)
      if (steps[i + 1] === 'read' && steps[i + 3] !== undefined && steps[i] !== steps[i + 2]) lost = true;
    expect(lost).toBe(true);
  });
});

describe('a search', () => {
  test('is the same for the same seed and another for another', async () => {
    const run = async (seed: number) => {
      const seen: string[] = [];
      await search(fixture('preempted'), {
        seed,
        schedules: 60,
        keepGoing: true,
        onOutcome: (o) => seen.push(`${o.verdict} ${o.steps}`),
      });
      return seen.join();
    };
    expect(await run(5)).toBe(await run(5));
    expect(await run(5)).not.toBe(await run(6));
  });

  test('a schedule leaves nothing behind for the next: a correct module after a broken one in the same thread', async () => {
    await failure_of('panics', { broken: 1 });
    await failure_of('abba-spin', { cpus: 2 });
    const broken = await search(fixture('abba-spin'), { cpus: 2, schedules: 300, keepGoing: true });
    expect(broken.failures).toBeGreaterThan(10);
    expect(broken.failures).toBeLessThan(290);
    expect(
      (await search(fixture('abba-spin'), { cpus: 2, schedules: 300, keepGoing: true, parameters: { broken: 0 } }))
        .failures,
    ).toBe(0);
  });

  test('counts what it saw, goes on when asked to, and tells of each schedule', async () => {
    let outcomes = 0;
    let logged = 0;
    const { schedules, failures, distinct, failure } = await search(fixture('preempted'), {
      schedules: 200,
      keepGoing: true,
      onOutcome: (outcome, log) => {
        outcomes++;
        if (outcome.verdict === 'WARN') logged += log().some((l) => l.text.startsWith('WARNING:')) ? 1 : 0;
      },
    });
    expect(schedules).toBe(200);
    expect(outcomes).toBe(200);
    expect(failures).toBeGreaterThan(0);
    expect(logged).toBe(failures);
    expect(distinct).toBe(2);
    expect(failure?.schedule).toBeLessThan(200);
  });

  test('ends when it is told to', async () => {
    const control = new AbortController();
    const { schedules } = await search(example('hello'), {
      schedules: 1e9,
      signal: control.signal,
      onOutcome: () => control.abort(),
    });
    expect(schedules).toBe(1);
  });

  test.each([
    ['cpus', { cpus: 65 }, /cpus: 65 is not a whole number from 1 to 64/],
    ['schedules', { schedules: 0 }, /schedules: 0 is not a whole number from 1 on/],
    ['seed', { seed: 1.5 }, /seed: 1.5 is not a whole number/],
    ['maxSteps', { maxSteps: 0 }, /max-steps: 0 is not a whole number/],
    ['strategy', { strategy: 'luck' as 'random' }, /there is no strategy 'luck'; there is: random/],
    ['parameters', { parameters: { speed: 1 } }, /hello has no parameter 'speed': it has none/],
  ])('refuses a wrong %s', async (_name, options, message) => {
    await expect(search(example('hello'), options)).rejects.toThrow(message);
  });
});

describe('a token', () => {
  let failure: Failure;
  beforeAll(async () => {
    failure = await failure_of('preempted', { cpus: 2 });
  });

  test('of every kind of verdict replays to the same finding', async () => {
    for (const [module, broken, cpus] of [
      ['panics', 1, 4],
      ['panics', 2, 4],
      ['abba-spin', 1, 2],
      ['abba-mutex', 1, 1],
      ['ipi-deadlock', 1, 2],
      ['timer-deadlock', 1, 1],
      ['own-timer', 1, 1],
      ['migrates', 1, 2],
      ['missed-wakeup', 1, 2],
      ['init-fails', 1, 2],
      ['spins', 3, 2],
      ['stop-timer', 1, 2],
    ] as const) {
      const found = await failure_of(module, { broken, cpus, maxSteps: 500 });
      const replayed = await again(found.token, fixture(module), 3);
      expect(replayed.failure).toEqual({ ...found, schedule: 0 });
    }
  });

  test('is short, and of characters that a shell takes as they are', () => {
    expect(failure.token).toMatch(/^LS1\.[A-Za-z0-9_-]{20,120}$/);
  });

  test('finds its module by the local history', async () => {
    const replayed = await replay(failure.token, undefined, { check: false });
    expect(replayed.failure?.message).toBe(failure.message);
  });

  test('keeps CPUs, step limit, memory and parameters', async () => {
    const found = await failure_of('preempted', { cpus: 3, maxSteps: 777, memory: 16 << 20 });
    expect(decode_token(found.token)).toMatchObject({
      cpus: 3,
      max_steps: 777,
      memory: 16 << 20,
      parameters: [['broken', '1']],
    });
    expect((await again(found.token, fixture('preempted'))).failure).toEqual({ ...found, schedule: 0 });
    await expect(replay(found.token, fixture('preempted'), { memory: 8 << 20 })).rejects.toThrow(
      /the token is of a machine with 16 MiB/,
    );
  });

  test('round trip: what is encoded is decoded', () => {
    const token = {
      kernel: '0123abcd',
      module: 'ffffffff',
      cpus: 64,
      max_steps: 20_000,
      memory: 8 << 20,
      parameters: [['näme', 'välue with = and ,']] as [string, string][],
      choices: Array.from({ length: 300 }, (_, i) => ({
        cpu: (i * 37) % 64,
        action: i % 4,
        steps: (i * i * 7) % 5000,
      })),
    };
    expect(decode_token(encode_token(token))).toEqual(token);
    expect(decode_token(`  ${encode_token({ ...token, choices: [] })}\n`).choices).toEqual([]);
  });

  test('any one character changed, or a piece missing, is noticed', () => {
    const { token } = failure;
    let unnoticed = 0;
    for (let i = 4; i < token.length; i++) {
      const c = token[i] === 'A' ? 'B' : 'A';
      for (const damaged of [token.slice(0, i) + c + token.slice(i + 1), token.slice(0, i)]) {
        try {
          decode_token(damaged);
          unnoticed++;
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect((error as Error).message).toMatch(/the token is damaged/);
        }
      }
    }
    expect(unnoticed).toBe(0);
  });

  test.each([
    ['hello', /'hello' is no token: tokens begin with LS1\./],
    ['LS9.AAAA', /tokens of the kind 'LS9' are not known here: this version reads LS1\./],
    ['LS1.', /the token is damaged/],
    ['LS1.a+b/', /it has characters that no token has/],
  ])('%s is refused', async (token, message) => {
    await expect(replay(token, fixture('preempted'))).rejects.toThrow(message);
  });

  test('of other sources is refused', async () => {
    const copy = join(folder, 'preempted.ts');
    writeFileSync(copy, readFileSync(fixture('preempted'), 'utf8').replace('n !== 4', 'n !== 5'));
    await expect(again(failure.token, copy)).rejects.toThrow(
      /the token was made from other sources than .*preempted\.ts is now/,
    );
    // Control: the same sources at another place are the same.
    copyFileSync(fixture('preempted'), copy);
    expect((await again(failure.token, copy)).failure?.verdict).toBe('WARN');
  });

  test('of another kernel build is refused', async () => {
    const other = encode_token({ ...decode_token(failure.token), kernel: '00000000' });
    await expect(again(other, fixture('preempted'))).rejects.toThrow(
      /made by another build of Lockstep \(kernel 00000000, this is [0-9a-f]{8}\)/,
    );
  });

  test('whose module is not known here asks for the file', async () => {
    const other = encode_token({ ...decode_token(failure.token), module: '01234567' });
    await expect(replay(other)).rejects.toThrow(/\(01234567\) is not in the local history: name its file/);
  });

  test('with decisions that do not fit the machine is refused', async () => {
    const token = decode_token(failure.token);
    token.choices[0]!.cpu = 1 - token.choices[0]!.cpu;
    token.choices.splice(
      1,
      0,
      { cpu: 1, action: 0, steps: 0 },
      { cpu: 1, action: 0, steps: 900 },
      { cpu: 1, action: 0, steps: 0 },
    );
    const outcome = await again(encode_token(token), fixture('preempted')).then(
      (r) => r.hash,
      (error: Error) => error.message,
    );
    if (!/does not fit this machine: decision \d+ lets CPU \d run, which cannot go on there/.test(outcome))
      expect(outcome).not.toBe((await again(failure.token, fixture('preempted'))).hash);
  });
});

describe('the interleaving', () => {
  test('says in columns who does what, who waits and for whom', async () => {
    const { interleaving } = await failure_of('abba-mutex', { cpus: 2 });
    const lines = interleaving.split('\n');
    expect(lines[0]).toBe('test/fixtures/stepped/abba-mutex.ts, line: step');
    expect(lines[1]).toMatch(/^CPU 0 +CPU 1$/);
    expect(interleaving).toMatch(/^ *-- insmod\/1$/m);
    expect(interleaving).toMatch(/^ *-- other_way\/3$/m);
    expect(interleaving).toMatch(/^ *\d+: mutex_lock\(\)$/m);
    expect(interleaving).toMatch(/^ *\(ends\)$/m);
    expect(interleaving).toMatch(/\(waits for the mutex (first|second)\+0x0/);
    // What happens on a CPU stands in its column.
    const column = lines[1]!.indexOf('CPU 1');
    for (const line of lines.slice(2)) expect([0, 2, column, column + 2]).toContain(line.search(/\S/));
  });
  test('names interrupts with what they interrupt, and interrupts that are off', async () => {
    const { interleaving } = await failure_of('ipi-deadlock', { cpus: 4 });
    expect(interleaving).toMatch(/-- interrupt \(call function\) on top of \w+\/\d/);
    expect(interleaving).toMatch(/\d+: spin_lock\(\) \[irqs off\]/);
    expect((await failure_of('own-timer', { cpus: 1 })).interleaving).toMatch(
      /-- softirq on top of (insmod|swapper\/0)\/\d/,
    );
  });
});
