// Replaying: stopping at a step and looking at the machine there, static data, token files, and what is refused.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { replay, type Failure } from '../dist/explore/index.js';
import { history_folder } from '../dist/explore/history.js';
import { state_lines } from '../dist/explore/machine-state.js';
import { report_trace } from '../dist/explore/report/trace.js';
import { read_token_file, save_token } from '../dist/explore/token-file.js';
import { EnvironmentFailure, UsageError } from '../dist/machine/errors.js';
import { example, failure_of, fixture, search } from './stepped-helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const race = (name: string): string => example(`races/${name}`);
async function failure(file: string): Promise<Failure> {
  const found = await search(file, { schedules: 10_000 });
  if (found.failure === null) throw new Error(`${file}: nothing was found`);
  return found.failure;
}

describe('replay until a step', () => {
  let found: Failure;
  const at = async (until: number, show: string[] = []) => {
    const { state } = await replay(found.token, race('irq-lock-order'), { check: false, until, show });
    return state!;
  };
  beforeAll(async () => {
    found = await failure(race('irq-lock-order'));
  });

  test('tells at every step what each CPU does, and makes exactly so many', async () => {
    const { steps, failure: again } = await replay(found.token, race('irq-lock-order'), { check: false });
    expect(again?.message).toBe(found.message);
    const held: string[] = [];
    for (let step = 0; step < steps; step++) {
      const state = await at(step);
      expect(state.step).toBe(step);
      expect(state.cpus).toHaveLength(4);
      expect(state.cpus.filter((c) => c.next !== '').length).toBeGreaterThan(0);
      held.push(state.cpus.map((c) => `${c.locks.length}`).join(''));
    }
    // The two locks are held by two CPUs in the end, and by none at the beginning.
    expect(held[0]).toBe('0000');
    expect(held.at(-1)!.split('').sort().join('')).toBe('0011');
  });

  test('tells of interrupts, locks, waits and tasks', async () => {
    const { steps } = await replay(found.token, race('irq-lock-order'), { check: false });
    const state = await at(steps - 1);
    const holder = state.cpus.find((c) => c.irqs_off && c.context === '')!;
    expect(holder.task).toMatch(/^flush\/\d+$/);
    expect(holder.locks).toEqual([expect.stringMatching(/^dev\+0x0\//)]);
    const text = state_lines(state).join('\n');
    expect(text).toMatch(/^After step \d+, [\d.]+ µs:$/m);
    expect(text).toMatch(/^ {2}CPU \d: flush\/\d+.*interrupts off/m);
    expect(text).toMatch(/^ {4}next: {2}examples\/races\/irq-lock-order\.ts:\d+: \w+/m);
    expect(text).toMatch(/^ {4}holds: dev\+0x8/m);
    expect(text).toMatch(/^ {2}clear_stats\/\d+: running, CPU \d$/m);
    expect(text).toMatch(/^ {4}last: {2}examples\/races\/irq-lock-order\.ts:\d+: spin_lock\(\)$/m);
  });

  test('tells what sleeping tasks wait for, and who holds a mutex', async () => {
    const abba = await failure(race('abba-deadlock'));
    const { state } = await replay(abba.token, race('abba-deadlock'), {
      check: false,
      show: [],
      until: abba.minimised!.after.steps - 1,
    });
    const text = state_lines(state!).join('\n');
    expect(text).toMatch(/holds: /);
    expect(text).toMatch(/waits for the mutex .* held by \w+\/\d/);
  });

  test('shows static data with its fields, and locks in words', async () => {
    const { steps } = await replay(found.token, race('irq-lock-order'), { check: false });
    const { shown } = await at(steps - 1, ['dev']);
    expect(shown).toHaveLength(1);
    expect(shown[0]!.name).toBe('dev');
    expect(shown[0]!.lines[0]).toMatch(/^dev at 0x[0-9a-f]+: struct \w+$/);
    expect(shown[0]!.lines.join('\n')).toMatch(/: locked by CPU \d/);
    const end = await replay(found.token, race('irq-lock-order'), { check: false, show: ['dev'] });
    expect(end.state!.step).toBe(end.steps);
    expect(end.failure?.message).toBe(found.message);
  });

  test.each([
    [1e6, /until: 1000000 is beyond the end: the schedule has \d+ steps/],
    [-1, /until: -1 is not a whole number from 0 on/],
    [1.5, /until: 1.5 is not a whole number/],
  ])('%d is refused', async (until, message) => {
    await expect(at(until)).rejects.toThrow(message);
    await expect(at(until)).rejects.toThrow(UsageError);
  });

  test('of static data that the module has not says which it has', async () => {
    await expect(at(1, ['nothing'])).rejects.toThrow(
      /--show nothing: irq_lock_order has no static data of that name; it has: .*dev/,
    );
  });
});

describe('the trace of a replay', () => {
  test('has a track for each CPU and every step in it, in the order of virtual time', async () => {
    const { report } = await failure(race('irq-lock-order'));
    const { traceEvents, otherData } = report_trace(report);
    expect(traceEvents.filter((e) => e.name === 'thread_name').map((e) => e.args!['name'])).toEqual(
      Array.from({ length: report.cpus }, (_, cpu) => `CPU ${cpu}`),
    );
    const made = traceEvents.filter((e) => e.cat !== undefined);
    expect(made.map((e) => [e.name, e.tid, e.ts])).toEqual(report.steps.map((s) => [s.text, s.cpu, s.time_ns / 1000]));
    expect(made.every((e, i) => i === 0 || e.ts >= made[i - 1]!.ts)).toBe(true);
    expect(made.some((e) => /irq-lock-order\.ts:\d+:\d+$/.test(String(e.args!['at'])))).toBe(true);
    const slices = traceEvents.filter((e) => e.ph === 'X' && e.cat === undefined);
    expect(slices.some((e) => e.name.startsWith('interrupt ('))).toBe(true);
    for (const step of made)
      expect(
        slices.some((s) => s.tid === step.tid && s.ts <= step.ts && step.ts + (step.dur ?? 0) <= s.ts + s.dur! + 1e-9),
      ).toBe(true);
    expect(otherData['token']).toBe(report.token);
  });
});

describe('a token file', () => {
  let found: Failure;
  beforeAll(async () => {
    found = await failure_of('preempted', { cpus: 2 });
  });

  test('has the token, the place of the module and what a person wants to know; and is replayed', async () => {
    const path = join(folder, 'found.lockstep');
    await save_token(path, found, fixture('preempted'));
    const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    expect(content).toMatchObject({
      format: 'lockstep-token-1',
      token: found.token,
      verdict: 'WARN',
      cpus: 2,
      parameters: { broken: '1' },
    });
    const { token, module } = await read_token_file(path);
    expect(module).toBe(fixture('preempted'));
    expect((await replay(token, module, { check: false })).failure?.message).toBe(found.message);
    expect(readdirSync(folder)).toEqual(['found.lockstep']);
  });

  test('replaces an older one whole', async () => {
    const path = join(folder, 'found.lockstep');
    writeFileSync(path, 'x'.repeat(1e6));
    await save_token(path, found, fixture('preempted'));
    expect((await read_token_file(path)).token).toBe(found.token);
  });

  test('that cannot be written says why, and leaves nothing behind', async () => {
    mkdirSync(join(folder, 'taken.lockstep'));
    for (const path of [join(folder, 'nowhere', 'x.lockstep'), join(folder, 'taken.lockstep')]) {
      await expect(save_token(path, found, fixture('preempted'))).rejects.toThrow(
        `cannot write the token to ${path}: `,
      );
      await expect(save_token(path, found, fixture('preempted'))).rejects.toThrow(EnvironmentFailure);
    }
    expect(readdirSync(folder).filter((f) => f.endsWith('.tmp'))).toEqual([]);
  });

  test.each([
    ['empty', '', /is no token file: /],
    ['no JSON', 'LS2.AAAA', /is no token file: /],
    ['another thing', '{"a":1}', /is no token file that this version reads: its format is not said/],
    ['null', 'null', /is no token file that this version reads/],
    ['a later format', '{"format":"lockstep-token-9"}', /its format is "lockstep-token-9", not "lockstep-token-1"/],
    ['without a token', '{"format":"lockstep-token-1","module":"a.ts"}', /is damaged: it has no token/],
    [
      'with a damaged token',
      '{"format":"lockstep-token-1","module":"a.ts","token":"LS2.AAAA"}',
      /the token is damaged/,
    ],
  ])('%s is refused', async (_name, text, message) => {
    const path = join(folder, 'bad.lockstep');
    writeFileSync(path, text);
    await expect(read_token_file(path)).rejects.toThrow(message);
    await expect(read_token_file(path)).rejects.toThrow(UsageError);
  });

  test('whose token is of another module than it says is refused; one that is missing is named', async () => {
    const path = join(folder, 'bad.lockstep');
    await save_token(path, found, fixture('preempted'));
    const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...content, hash: '01234567' }));
    await expect(read_token_file(path)).rejects.toThrow(/its token is of the module [0-9a-f]{8}, not 01234567/);
    await expect(read_token_file(join(folder, 'none.lockstep'))).rejects.toThrow(
      /cannot read the token file .*none\.lockstep: ENOENT/,
    );
  });
});

describe('the history', () => {
  const copy = join(folder, 'history', 'preempted.ts');
  let found: Failure;
  beforeAll(async () => {
    mkdirSync(join(folder, 'history'));
    copyFileSync(fixture('preempted'), copy);
    found = (await search(copy, { schedules: 3000, parameters: { broken: 1 } })).failure!;
  });
  const entry = (): string =>
    join(
      history_folder(),
      readdirSync(history_folder()).find((f) => readFileSync(join(history_folder(), f), 'utf8').includes(copy))!,
    );

  test('knows which file has changed since the token was made, or is gone', async () => {
    expect((await replay(found.token, undefined, { check: false })).failure?.message).toBe(found.message);
    writeFileSync(copy, readFileSync(fixture('preempted'), 'utf8').replace('n !== 4', 'n !== 5'));
    const changed =
      /the token was made from other sources than .*preempted\.ts is now: .*history\/preempted\.ts has changed; it replays only exactly those/;
    await expect(replay(found.token, undefined, { check: false })).rejects.toThrow(changed);
    copyFileSync(fixture('preempted'), copy);
    expect((await replay(found.token, undefined, { check: false })).failure?.message).toBe(found.message);
    rmSync(copy);
    await expect(replay(found.token, fixture('abba-spin'), { check: false })).rejects.toThrow(/preempted\.ts is gone/);
    copyFileSync(fixture('preempted'), copy);
  });

  test('with a damaged entry asks for the file', async () => {
    for (const text of ['', '{"file":7}', '\0\0']) {
      writeFileSync(entry(), `${text}/*${copy}*/`);
      await expect(replay(found.token, undefined, { check: false })).rejects.toThrow(
        /the entry of this token in the local history is damaged \(.*\.json\): name the module's file/,
      );
    }
    // Control: with the file the entry does not matter.
    expect((await replay(found.token, copy, { check: false })).failure?.message).toBe(found.message);
  });

  test('that cannot be written is a warning, not a failure', async () => {
    const cache = process.env['LOCKSTEP_CACHE'];
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    process.env['LOCKSTEP_CACHE'] = file;
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      const again = await search(copy, { schedules: 3000, parameters: { broken: 1 } });
      expect(again.failure?.token).toBe(found.token);
      expect(String(warned.mock.calls.flat())).toMatch(/the history in .*a-file.* cannot be written/);
    } finally {
      process.env['LOCKSTEP_CACHE'] = cache;
      warned.mockRestore();
    }
  });
});
