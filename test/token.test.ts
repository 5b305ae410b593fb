// Tokens: what is encoded is decoded, damage is refused, and a token that cannot be replayed says why.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replay, type Failure } from '../dist/explore/index.js';
import { decode_token, encode_token, type Token } from '../dist/explore/token.js';
import { Replay } from '../dist/explore/strategies/replay.js';
import type { View } from '../dist/stepped/strategy.js';
import { UsageError } from '../dist/machine/errors.js';
import { failure_of, fixture } from './stepped-helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-token-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const again = (token: string, file: string, times = 1) => replay(token, file, { check: false, times, hash: true });

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
      expect(replayed.failure).toEqual({ ...found, schedule: 0, minimised: null });
    }
  });

  test('is short, and of characters that a shell takes as they are', () => {
    expect(failure.token).toMatch(/^LS2\.[A-Za-z0-9_-]{20,120}$/);
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
    expect((await again(found.token, fixture('preempted'))).failure).toEqual({
      ...found,
      schedule: 0,
      minimised: null,
    });
    await expect(replay(found.token, fixture('preempted'), { memory: 8 << 20 })).rejects.toThrow(
      /the token is of a machine with 16 MiB/,
    );
  });

  const numbers = (max: number) => fc.oneof(fc.nat(3), fc.nat(300), fc.nat(max));
  const tokens = fc
    .record({
      kernel: fc.stringMatching(/^[0-9a-f]{8}$/),
      module: fc.stringMatching(/^[0-9a-f]{8}$/),
      cpus: fc.integer({ min: 1, max: 64 }),
      max_steps: fc.oneof(fc.constant(20_000), fc.integer({ min: 1, max: 1e9 })),
      memory: fc.oneof(
        fc.constant(8 << 20),
        fc.nat(16383).map((n) => n * 65536),
      ),
      parameters: fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string()), { maxLength: 4 }),
      races: fc.boolean(),
      made: fc.array(fc.record({ after: numbers(1e6), cut: numbers(1e9), cpu: fc.nat(63), action: fc.nat(3) })),
    })
    .map(({ made, ...rest }): Token => ({
      ...rest,
      deviations: made.map((d) => ({ ...d, cut: d.cut - 1, cpu: d.cpu % rest.cpus })),
    }));

  test('round trip: what is encoded is decoded, with or without space around it', () => {
    fc.assert(fc.property(tokens, (token) => void expect(decode_token(encode_token(token))).toEqual(token)));
    fc.assert(fc.property(tokens, (token) => void expect(decode_token(`  ${encode_token(token)}\n`)).toEqual(token)));
  });

  const refusal = (text: string): string => {
    try {
      decode_token(text);
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return (error as Error).message;
    }
    throw new Error(`${text} is taken`);
  };
  test('any character changed, left out or exchanged with its neighbour, and any piece missing, is refused', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= ';
    const places = fc.record({ token: tokens.map(encode_token), at: fc.nat(), c: fc.nat(alphabet.length - 1) });
    fc.assert(
      fc.property(places, ({ token, at, c }) => {
        const i = at % token.length;
        const before = token.slice(0, i);
        const after = token.slice(i + 1);
        const candidates = [
          before + alphabet[c] + after,
          before + after,
          before,
          `${before}${after[0] ?? ''}${token[i]}${after.slice(1)}`,
        ];
        for (const damaged of candidates)
          if (damaged.trim() !== token)
            expect(refusal(damaged)).toMatch(/damaged|no token|token is empty|not known here/);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['hello', /'hello' is no token: tokens begin with LS2\./],
    ['LS9.AAAA', /tokens of the kind 'LS9' are not known here: this version reads LS2\./],
    ['LS2.', /the token is damaged: it ends too early/],
    ['LS2.a+b/', /it has the character '\+', which no token has/],
    ['LS', /the token is damaged: its beginning is wrong/],
    ['', /the token is empty: tokens begin with LS2\./],
    [' \n', /the token is empty/],
  ])('%s is refused', async (token, message) => {
    await expect(replay(token, fixture('preempted'))).rejects.toThrow(message);
  });

  test('that is absurdly long is refused before it is read', () => {
    expect(refusal('LS2.'.padEnd(3e6, 'A'))).toBe('3,000,000 characters are no token: none is that long');
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
    const view = {
      cpus: new Int32Array([0, 2, 1]),
      count: 2,
      last: 0,
      used_up: false,
      pending: new Uint8Array(3),
      contended: new Uint8Array(3),
      timers: false,
    } as View;
    const strategy = new Replay([{ after: 0, cut: -1, cpu: 1, action: 0 }]);
    strategy.begin();
    expect(() => strategy.decide(view, { cpu: 0, action: 0, steps: 0, firm: true })).toThrow(
      /decision 1 lets CPU 1 run, which cannot go on there/,
    );
    const token = decode_token(failure.token);
    token.deviations.push({ after: 900, cut: -1, cpu: 1, action: 0 });
    await expect(again(encode_token(token), fixture('preempted'))).rejects.toThrow(
      /does not fit this machine: the schedule ended before decision \d+ of it/,
    );
  });
});
