// What headers say beside their functions' own tests: names that Linux has in them, helpers that are plain arithmetic,
// and that a message that is to come once comes once for each place.
import { afterAll, expect, test } from 'vitest';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { explore } from '../dist/explore/index.js';
import { sign_extend64, fls_long, get_count_order } from '../dist/linux/bits.js';
import { INT_MAX, S64_MIN, U32_MAX } from '../dist/linux/limits.js';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule } from '../dist/module/compile.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-headers-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await release_pools();
});

const source = `
import { get_jiffies_64, jiffies, jiffies_to_nsecs, nsecs_to_jiffies, time_in_range, time_is_after_jiffies, time_is_before_jiffies, HZ } from 'lockstep/linux/jiffies';
import { find_first_bit } from 'lockstep/linux/find';
import { INT_MAX, min, pr_err_once, pr_info, pr_info_once, roundup, snprintf } from 'lockstep/linux/kernel';
import { irqs_disabled_flags, local_irq_restore, local_irq_save } from 'lockstep/linux/irqflags';
import { hardirq_count, preempt_count, preempt_disable, preempt_enable, softirq_count } from 'lockstep/linux/preempt';
import { local_bh_disable, local_bh_enable, NR_SOFTIRQS } from 'lockstep/linux/interrupt';
import { finish_wait, init_wait, prepare_to_wait, prepare_to_wait_exclusive, wait_queue_entry_t, wait_queue_head_t, WQ_FLAG_EXCLUSIVE } from 'lockstep/linux/wait';
import { current, get_current, TASK_UNINTERRUPTIBLE } from 'lockstep/linux/sched';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { addr_of, DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';
import { BUG_ON } from 'lockstep/linux/bug';

class waits extends Struct('waits', { queue: wait_queue_head_t, entry: wait_queue_entry_t, word: u32 }) {}
const shared = DEFINE_STATIC(waits);
module_init(() => {
  for (let i = 0; i < 3; i++) {
    pr_info_once('the same text\\n');
    pr_info_once('the same text\\n');
    pr_err_once('round %d\\n', i);
  }
  BUG_ON(addr_of(current()) !== addr_of(get_current()));
  init_wait(shared.entry);
  prepare_to_wait_exclusive(shared.queue, shared.entry, TASK_UNINTERRUPTIBLE);
  finish_wait(shared.queue, shared.entry);
  BUG_ON((shared.entry.flags & WQ_FLAG_EXCLUSIVE) === 0);
  prepare_to_wait(shared.queue, shared.entry, TASK_UNINTERRUPTIBLE);
  finish_wait(shared.queue, shared.entry);
  BUG_ON((shared.entry.flags & WQ_FLAG_EXCLUSIVE) !== 0);
  const flags = local_irq_save();
  const inner = local_irq_save();
  BUG_ON(irqs_disabled_flags(flags) || !irqs_disabled_flags(inner));
  local_irq_restore(flags);
  preempt_disable();
  local_bh_disable();
  BUG_ON(preempt_count() !== 0x201 || softirq_count() !== 0x200 || hardirq_count() !== 0 || NR_SOFTIRQS !== 10);
  local_bh_enable();
  preempt_enable();
  const now = jiffies();
  BUG_ON(!time_in_range(now, now - 1, now) || time_in_range(now, now + 1, now + 2));
  BUG_ON(!time_is_after_jiffies(now + 10 * HZ) || !time_is_before_jiffies(now - 1));
  BUG_ON(jiffies_to_nsecs(1) !== 4_000_000 || nsecs_to_jiffies(7_999_999) !== 1 || get_jiffies_64() < 0n);
  shared.word = 0x10;
  BUG_ON(find_first_bit(addr_of(shared) + 36, 32) !== 4 || min(INT_MAX, roundup(5, 4)) !== 8);
  pr_info('done %d\\n', snprintf(0, 0, 'abc'));
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
`;
const file = join(folder, 'headers.ts');
writeFileSync(file, source);
const MESSAGES = ['the same text', 'the same text', 'round 0', 'done 3'];

test('a module uses them in parallel', async () => {
  const machine = await Machine.boot({ cpus: 2 });
  await machine.insmod(await compileModule(file, { build: 'free' }));
  await machine.rmmod('headers');
  expect(machine.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
  expect(machine.records.slice(1).map((record) => record.text)).toEqual(MESSAGES);
  await machine.poweroff();
}, 60_000);

test('a module uses them step by step', async () => {
  const logs: string[][] = [];
  const onOutcome = (_: unknown, log: () => { text: string }[]): void => void logs.push(log().map((line) => line.text));
  const { failure } = await explore(file, { cpus: 2, schedules: 20, onOutcome });
  expect(failure).toBeNull();
  expect(logs).toHaveLength(20);
  for (const log of logs) expect(log.filter((text) => MESSAGES.includes(text))).toEqual(MESSAGES);
}, 60_000);

test('arithmetic of bits and limits', () => {
  expect([INT_MAX, U32_MAX, S64_MIN]).toEqual([2147483647, 4294967295, -(2n ** 63n)]);
  expect([sign_extend64(0xffn, 7), sign_extend64(0x7fn, 7), fls_long(0x80)]).toEqual([-1n, 127n, 8]);
  expect([0, 1, 2, 3, 4, 5].map(get_count_order)).toEqual([-1, 0, 1, 2, 2, 3]);
});
