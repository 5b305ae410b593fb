// What a machine tells about itself in the manner of /proc, against what is known otherwise.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

let spin: CompiledModule;
let machine: Machine;
const CPUS = 3;

beforeAll(async () => {
  spin = await compileModule(fileURLToPath(new URL('../modules/torture/spin.ts', import.meta.url)), {
    build: 'free',
    check: false,
  });
  machine = await Machine.boot({ cpus: CPUS });
  await machine.insmod(spin, { rounds: 3000 });
  expect(await machine.idle(60_000)).toBe(true);
}, 90_000);
afterAll(async () => {
  await machine.poweroff();
  await release_pools();
});

/** The rows of a table: cells split at two blanks or more. */
const rows = async (name: string): Promise<string[][]> =>
  (await machine.proc(name))
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
const sum = (numbers: readonly (string | number)[]): number => numbers.reduce<number>((all, n) => all + Number(n), 0);

describe('/proc', () => {
  test('interrupts counts each vector on each CPU, all of them together being what the CPUs counted', async () => {
    const before = sum(machine.statistics().map((cpu) => cpu.interrupts));
    const [head, ...vectors] = await rows('interrupts');
    expect(head).toEqual(Array.from({ length: CPUS }, (_, cpu) => `CPU${cpu}`));
    expect(vectors.map((row) => row.at(-1))).toEqual(['reschedule', 'call function', 'timer', 'mailbox']);
    const counted = sum(vectors.flatMap((row) => row.slice(1, -1)));
    const after = sum(machine.statistics().map((cpu) => cpu.interrupts));
    expect(counted).toBeGreaterThanOrEqual(before);
    expect(counted).toBeLessThanOrEqual(after);
  });

  test('softirqs counts the timers that the module armed', async () => {
    const timer = (await rows('softirqs')).find((row) => row.at(-1) === 'TIMER')!;
    expect(sum(timer.slice(1, -1))).toBeGreaterThan(0);
  });

  test('lock_stat names the locks that were waited for, and counts each wait once', async () => {
    const [, ...locks] = await rows('lock_stat');
    const waits = sum(locks.map((row) => row[1]!));
    const contended = sum(machine.statistics().map((cpu) => cpu.contended));
    expect(waits).toBeGreaterThan(0);
    expect(waits).toBe(contended);
    const names = locks.map((row) => row.at(-1)!);
    expect(names.some((name) => /^(outer|inner|soft)\+0x0/.test(name))).toBe(true);
    for (const [, times, waited, , longest] of locks) {
      expect(Number(longest)).toBeLessThanOrEqual(Number(waited));
      expect(Number(times)).toBeGreaterThan(0);
    }
  });

  test('schedstat has a row for each CPU, tasks one for each task', async () => {
    expect((await rows('schedstat')).slice(1).map((row) => row[0])).toEqual(['0', '1', '2']);
    const tasks = (await rows('tasks')).slice(1);
    expect(tasks.map((row) => row[0])).toContain('khostd/1');
    expect(tasks.find((row) => row[0]!.startsWith('cat/'))?.[1]).toBe('R+');
  });

  test('meminfo, buddyinfo, modules and uptime', async () => {
    expect(await machine.proc('meminfo')).toMatch(/^MemTotal: +\d+ kB\nMemFree: +\d+ kB\n/);
    expect(await machine.proc('buddyinfo')).toMatch(/zone +Normal( +\d+){11}/);
    expect(await machine.proc('modules')).toMatch(/\nspin +0 +Live\n/);
    expect(await machine.proc('uptime')).toMatch(/^\d+\.\d\d s, jiffies \d+/);
  });

  test('a name that is none is refused with those that are', async () => {
    await expect(machine.proc('nosuch')).rejects.toThrow(
      /there is no \/proc\/nosuch; there are: buddyinfo, interrupts/,
    );
  });
});
