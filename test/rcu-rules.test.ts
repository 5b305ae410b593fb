// What RCU promises, in both builds, and the report that each broken rule gives.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { Machine, type MachineOptions } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';
import { search } from './stepped-helpers.js';

afterAll(release_pools);
const file = (name: string): string => fileURLToPath(new URL(`./fixtures/rcu/${name}.ts`, import.meta.url));
const modules = new Map<string, CompiledModule>();
beforeAll(async () => {
  for (const name of ['rules', 'uses'])
    modules.set(name, await compileModule(file(name), { build: 'free', check: false }));
}, 60_000);

async function run(
  name: string,
  parameters: Record<string, number>,
  options: MachineOptions = {},
): Promise<{ found: number; log: string }> {
  const machine = await Machine.boot({ cpus: 2, ...options });
  try {
    await machine.insmod(modules.get(name)!, parameters);
    await machine.idle(20_000);
    await machine.rmmod(name);
    const { oopses, warnings, reports } = machine.verdict;
    return { found: oopses + warnings + reports, log: machine.dmesg().join('\n') };
  } finally {
    await machine.poweroff();
  }
}

describe('promises', () => {
  test.each([1, 2, 4])(
    'order and context of callbacks, barriers, cookies, nested and preempted readers, on %d CPUs',
    async (cpus) => {
      const { found, log } = await run('uses', {}, { cpus });
      expect(found, log).toBe(0);
    },
    30_000,
  );
  test('in every schedule', async () => {
    const { failure } = await search(file('uses'), { cpus: 2, schedules: 300 });
    expect(failure).toBeNull();
  }, 30_000);
  test('control: a reader without rcu_read_lock is overtaken', async () => {
    const { failure } = await search(file('uses'), { cpus: 2, schedules: 1000, parameters: { broken: 1 } });
    expect(failure?.message).toMatch(/a callback was called while its reader reads/);
  }, 30_000);
});

const rules: [number, string, RegExp][] = [
  [1, 'a reader that sleeps', /Voluntary context switch within RCU read-side critical section!/],
  [2, 'a reader that calls schedule', /Voluntary context switch within RCU read-side critical section!/],
  [3, 'an unlock too many', /rcu_read_unlock without rcu_read_lock by reads/],
  [4, 'a thread that ends in a section', /reads\/\d+ ends inside an RCU read-side critical section: .*\(depth 1\)/],
  [5, 'kmalloc(GFP_KERNEL) in a section', /sleeping function called from invalid context: kmalloc .*RCU nest depth: 1/],
  [8, 'a callback that waits at unload', /1 RCU callback of its \(called \[rules\]\) still waits .*rcu_barrier/],
  [9, 'a head that is queued twice', /call_rcu: the rcu_head .* is queued already/],
  [10, 'cond_resched in a section', /sleeping function called from invalid context: cond_resched .*RCU nest depth: 1/],
  [
    11,
    'synchronize_rcu in a section',
    /invalid context: synchronize_rcu[\s\S]*waits for an RCU grace period, held up by/,
  ],
];
describe('a broken rule is reported', () => {
  // The last one waits for itself for ever.
  test.each(rules)(
    '%d: %s',
    async (what, _name, report) => {
      const { log } = await run('rules', { what });
      expect(log).toMatch(report);
    },
    30_000,
  );
  test('control: when none is broken there is no report, and what kfree_rcu is to free is no leak', async () => {
    const { found, log } = await run('rules', { what: 0 });
    expect(found, log).toBe(0);
  });
  test.each(rules.slice(0, 6))('%d: %s, step by step', async (what, _name, report) => {
    const { failure } = await search(file('rules'), { cpus: 2, schedules: 50, parameters: { what } });
    expect(failure?.message).toMatch(report);
  });
});

describe('a grace period that does not end', () => {
  // The limit is for each CPU per core, so it is longer where there are fewer cores.
  test('because of a CPU: it is named, with where it is', { timeout: 30_000 }, async () => {
    const { log } = await run('rules', { what: 6 }, { rcu_stall_ms: 100 });
    expect(log).toMatch(/rcu: INFO: rcu_preempt (self-)?detected stalls? on CPU/);
    expect(log).toMatch(/rcu: \t\d-\.\.\.\.: runs reads\/\d+, rcu_read_lock depth 1/);
    expect(log).toMatch(/NMI backtrace for cpu \d[\s\S]*misuse/);
  });
  test('because of a task that sleeps: it is named, with what it waits for', async () => {
    const { log } = await run('rules', { what: 7 }, { rcu_stall_ms: 100 });
    expect(log).toMatch(/rcu: INFO: rcu_preempt detected stalls on CPUs\/tasks:/);
    expect(log).toMatch(/Tasks blocked on level-0 rcu_node \(CPUs 0-1\): P\d+/);
    expect(log).toMatch(/task:reads\/\d+ on CPU \d, rcu_read_lock depth 1: sleeps for/);
  }, 30_000);
  test('control: with the limit of every machine neither is reported', async () => {
    const { log } = await run('rules', { what: 6 });
    expect(log).not.toMatch(/rcu: INFO/);
  }, 30_000);
});
