// Searching and replaying: the lost update is found from any seed, and replayed exactly as it was found.
import { describe, expect, test } from 'vitest';
import { replay } from '../dist/explore/index.js';
import { example, failure_of, fixture, search } from './stepped-helpers.js';

const again = (token: string, file: string, times = 1) => replay(token, file, { check: false, times, hash: true });

describe('the lost update', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i * 7919 + 1);

  test.each(seeds)('is found within 1,000 schedules from seed %i, and replayed', async (seed) => {
    const { failure } = await search(example('lost-update'), { seed, schedules: 1000 });
    expect(failure?.verdict).toBe('WARN');
    expect(failure?.message).toMatch(/^WARNING: at module_exit \(examples\/lost-update\.ts:32:3\)$/);
    const replayed = await again(failure!.token, example('lost-update'));
    expect(replayed.failure).toEqual({ ...failure, schedule: 0, minimised: null });
  });

  test('is replayed identically 1,000 times: the same hash over the memory at each switch', async () => {
    const { failure } = await search(example('lost-update'), { seed: 1, schedules: 1000, minimise: false });
    const { times, switches, hash } = await again(failure!.token, example('lost-update'), 1000);
    expect(times).toBe(1000);
    expect(switches).toBeGreaterThan(20);
    // Control: the hash is over what happened, so another interleaving has another one.
    const other = await search(example('lost-update'), { seed: 2, schedules: 1000, minimise: false });
    expect((await again(other.failure!.token, example('lost-update'))).hash).not.toBe(hash);
  });

  test('is found on one CPU too, by preemption', async () => {
    const { failure } = await search(example('lost-update'), { cpus: 1, schedules: 1000 });
    expect(failure?.verdict).toBe('WARN');
  });

  test('the interleaving shows the other write between a read and its write', async () => {
    const { failure } = await search(example('lost-update'), { schedules: 1000 });
    const steps = failure!.report.steps.filter((s) => s.place?.name === 'shared.packets' && s.task !== 'rmmod');
    let lost = false;
    for (let i = 0; i + 1 < steps.length; i++)
      if (steps[i]!.access === 'read' && steps[i + 1]!.pid !== steps[i]!.pid) lost = true;
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
    [
      'strategy',
      { strategy: 'luck' as 'random' },
      /there is no strategy 'luck'; there are: portfolio, random, pct, pos, surw, bounded/,
    ],
    ['parameters', { parameters: { speed: 1 } }, /hello has no parameter 'speed': it has none/],
  ])('refuses a wrong %s', async (_name, options, message) => {
    await expect(search(example('hello'), options)).rejects.toThrow(message);
  });
});
