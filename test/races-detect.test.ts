// The race detector: for each primitive that orders accesses a module in which it does, and one in which the order is
// missing or too weak. The first passes a search without a report, in the second the race is found.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { replay } from '../dist/explore/index.js';
import { race_lines } from '../dist/explore/race-text.js';
import { read_suppressions } from '../dist/explore/suppressions.js';
import { UsageError } from '../dist/machine/errors.js';
import { search } from './stepped-helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-races-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEADERS: Record<string, string> = {
  atomic:
    'atomic_t, atomic_inc, atomic_inc_return, atomic_read, atomic_read_acquire, atomic_cmpxchg, atomic_cmpxchg_relaxed, atomic_set, atomic_set_release, atomic_dec_and_test, smp_mb__before_atomic',
  barrier: 'smp_load_acquire, smp_mb, smp_rmb, smp_store_release, smp_wmb',
  bitops: 'clear_bit, clear_bit_unlock, test_and_set_bit_lock',
  compiler: 'READ_ONCE, WRITE_ONCE, data_race',
  completion: 'complete, completion, wait_for_completion',
  hrtimer:
    'CLOCK_MONOTONIC, hrtimer, hrtimer_cancel, hrtimer_init, hrtimer_start, hrtimer_try_to_cancel, HRTIMER_MODE_REL, HRTIMER_NORESTART',
  interrupt: 'tasklet_kill, tasklet_schedule, tasklet_setup, tasklet_struct, local_bh_disable, local_bh_enable',
  irq_work: 'init_irq_work, irq_work, irq_work_queue, irq_work_sync',
  irqflags: 'local_irq_disable, local_irq_enable',
  'kcsan-checks': 'ASSERT_EXCLUSIVE_ACCESS, ASSERT_EXCLUSIVE_WRITER',
  kthread: 'kthread_create, kthread_run, kthread_should_stop, kthread_stop',
  module: 'module_exit, module_init, MODULE_LICENSE',
  mutex: 'mutex, mutex_lock, mutex_trylock, mutex_unlock',
  preempt: 'preempt_disable, preempt_enable',
  processor: 'cpu_relax',
  rcupdate: 'call_rcu, rcu_assign_pointer, rcu_dereference, rcu_head, rcu_read_lock, rcu_read_unlock, synchronize_rcu',
  refcount: 'refcount_dec_and_test, refcount_set, refcount_t',
  rwsem: 'down_read, down_write, rw_semaphore, up_read, up_write',
  sched: 'get_task_struct, put_task_struct, schedule, set_current_state, TASK_INTERRUPTIBLE, wake_up_process',
  semaphore: 'down, sema_init, semaphore, up',
  seqlock: 'read_seqbegin, read_seqretry, seqlock_t, write_seqlock, write_sequnlock',
  slab: 'GFP_KERNEL, kfree, kmalloc, kzalloc',
  smp: 'smp_call_function_single',
  spinlock:
    'read_lock, read_unlock, rwlock_t, spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore, spinlock_t, write_lock, write_unlock',
  string: 'memcpy, memset',
  timer: 'mod_timer, timer_delete, timer_delete_sync, timer_list, timer_setup',
  types: 'DEFINE_STATIC, ptr, Struct, u32, u8',
  workqueue: 'cancel_work_sync, flush_work, INIT_WORK, queue_work, schedule_work, work_struct',
};

interface Parts {
  /** Bodies of two threads. */
  left?: string;
  right?: string;
  init?: string;
  exit?: string;
  /** Functions of the module. */
  more?: string;
  cpus?: number;
  schedules?: number;
}

let made = 0;
function module_of({ left = '', right = '', init = '', exit = '', more = '' }: Parts): string {
  const text = `${left}${right}${init}${exit}${more}`;
  const always = new Set([
    'kthread_run',
    'module_init',
    'module_exit',
    'MODULE_LICENSE',
    'DEFINE_STATIC',
    'Struct',
    'u32',
    'u8',
    'ptr',
    'spinlock_t',
    'rwlock_t',
    'mutex',
    'rw_semaphore',
    'semaphore',
    'seqlock_t',
    'atomic_t',
    'completion',
    'refcount_t',
    'timer_list',
    'hrtimer',
    'tasklet_struct',
    'irq_work',
    'work_struct',
    'rcu_head',
  ]);
  const imports = Object.entries(HEADERS).map(([header, names]) => {
    const used = names.split(', ').filter((n) => always.has(n) || new RegExp(`\\b${n}\\b`).test(text));
    return used.length === 0 ? '' : `import { ${used.join(', ')} } from 'lockstep/linux/${header}';`;
  });
  const source = `${imports.filter(Boolean).join('\n')}
class object extends Struct('object', { value: u32, rcu: rcu_head }) {}
class shared extends Struct('shared', { x: u32, flag: u32, low: u8, high: u8, lock: spinlock_t, other: spinlock_t, rw: rwlock_t, m: mutex,
  rwsem: rw_semaphore, sem: semaphore, seq: seqlock_t, n: atomic_t, done: completion, refs: refcount_t, timer: timer_list, hr: hrtimer,
  tasklet: tasklet_struct, irq: irq_work, work: work_struct, p: ptr(), task: u32 }) {}
const s = DEFINE_STATIC(shared);
${more}
export function* left() {
  ${left}
  return 0;
}
export function* right() {
  ${right}
  return 0;
}
module_init(() => {
  ${init}
  ${left === '' ? '' : `kthread_run(left, 0, 'left');`}
  ${right === '' ? '' : `kthread_run(right, 0, 'right');`}
  return 0;
});
module_exit(function* () {
  ${exit}
});
MODULE_LICENSE('GPL');
`;
  const file = join(folder, `race${made++}.ts`);
  writeFileSync(file, source);
  return file;
}
const look = (parts: Parts, options = {}) =>
  search(module_of(parts), {
    races: true,
    cpus: parts.cpus ?? 2,
    schedules: parts.schedules ?? 150,
    minimise: false,
    ...options,
  });

/** The parts that both modules have, those of the ordered one, those of the racing one. */
const CASES: [name: string, common: Parts, ordered: Parts, racing: Parts][] = [
  [
    'a spin lock, not two different ones',
    { left: 'spin_lock(s.lock); s.x++; spin_unlock(s.lock);' },
    { right: 'spin_lock(s.lock); s.x++; spin_unlock(s.lock);' },
    { right: 'spin_lock(s.other); s.x++; spin_unlock(s.other);' },
  ],
  [
    'an rwlock, but not two writers as readers',
    {},
    { left: 'read_lock(s.rw); s.x; read_unlock(s.rw);', right: 'write_lock(s.rw); s.x++; write_unlock(s.rw);' },
    { left: 'read_lock(s.rw); s.x++; read_unlock(s.rw);', right: 'read_lock(s.rw); s.x++; read_unlock(s.rw);' },
  ],
  [
    'a mutex, but not a mutex_trylock that failed',
    { left: 'yield* mutex_lock(s.m); s.x++; mutex_unlock(s.m);' },
    { right: 'if (mutex_trylock(s.m)) { s.x++; mutex_unlock(s.m); }' },
    { right: 'const got = mutex_trylock(s.m); s.x++; if (got) mutex_unlock(s.m);' },
  ],
  [
    'a semaphore of one, not of two',
    { left: 'yield* down(s.sem); s.x++; up(s.sem);', right: 'yield* down(s.sem); s.x++; up(s.sem);' },
    { init: 'sema_init(s.sem, 1);' },
    { init: 'sema_init(s.sem, 2);' },
  ],
  [
    'an rwsem, but not two writers as readers',
    { left: 'yield* down_read(s.rwsem); s.x; up_read(s.rwsem);' },
    { right: 'yield* down_write(s.rwsem); s.x++; up_write(s.rwsem);' },
    { right: 'yield* down_read(s.rwsem); s.x++; up_read(s.rwsem);' },
  ],
  [
    'a seqlock for readers in its sections only',
    { left: 'write_seqlock(s.seq); s.x++; write_sequnlock(s.seq);' },
    { right: 'let start; do { start = read_seqbegin(s.seq); s.x; } while (read_seqretry(s.seq, start));' },
    { right: 's.x;' },
  ],
  [
    'smp_store_release and smp_load_acquire, not WRITE_ONCE and READ_ONCE',
    {},
    { left: "s.x = 1; smp_store_release(s, 'flag', 1);", right: "if (smp_load_acquire(s, 'flag')) s.x;" },
    { left: "s.x = 1; WRITE_ONCE(s, 'flag', 1);", right: "if (READ_ONCE(s, 'flag')) s.x;" },
  ],
  [
    'smp_wmb with smp_rmb, not smp_wmb alone',
    { left: "s.x = 1; smp_wmb(); WRITE_ONCE(s, 'flag', 1);" },
    { right: "if (READ_ONCE(s, 'flag')) { smp_rmb(); s.x; }" },
    { right: "if (READ_ONCE(s, 'flag')) s.x;" },
  ],
  [
    'atomics that return a value, not those that return none',
    { right: 'if (atomic_read_acquire(s.n)) s.x;' },
    { left: 's.x = 1; atomic_inc_return(s.n);' },
    { left: 's.x = 1; atomic_inc(s.n);' },
  ],
  [
    'an atomic after smp_mb__before_atomic',
    { right: 'if (atomic_read_acquire(s.n)) s.x;' },
    { left: 's.x = 1; smp_mb__before_atomic(); atomic_inc(s.n);' },
    { left: 'smp_mb__before_atomic(); s.x = 1; atomic_inc(s.n);' },
  ],
  [
    'atomic_cmpxchg, not its relaxed form',
    {},
    ...(['', '_relaxed'].map((form) => {
      const body = `while (atomic_cmpxchg${form}(s.n, 0, 1) !== 0) cpu_relax(); s.x++; atomic_set_release(s.n, 0);`;
      return { left: body, right: body };
    }) as [Parts, Parts]),
  ],
  [
    'a bit as a lock, released by clear_bit_unlock, not by clear_bit',
    {},
    ...(['clear_bit_unlock', 'clear_bit'].map((clear) => {
      const body = `while (test_and_set_bit_lock(0, s, 'flag')) cpu_relax(); s.x++; ${clear}(0, s, 'flag');`;
      return { left: body, right: body };
    }) as [Parts, Parts]),
  ],
  [
    'a reference count: the last one is after all others',
    { init: 'refcount_set(s.refs, 2);', left: 's.x; refcount_dec_and_test(s.refs);' },
    { right: 'if (refcount_dec_and_test(s.refs)) s.x = 1;' },
    { right: 'refcount_dec_and_test(s.refs); s.x = 1;' },
  ],
  [
    'a completion, for what comes before complete()',
    { right: 'yield* wait_for_completion(s.done); s.x;' },
    { left: 's.x = 1; complete(s.done);' },
    { left: 'complete(s.done); s.x = 1;' },
  ],
  [
    'wake_up_process, for what comes before it',
    {
      init: "s.task = kthread_create(sleeper, 0, 'sleeper'); get_task_struct(s.task); wake_up_process(s.task);",
      exit: 'yield* kthread_stop(s.task); put_task_struct(s.task);',
      more: 'export function* sleeper() { set_current_state(TASK_INTERRUPTIBLE); yield* schedule(); s.x; return 0; }',
    },
    { left: 's.x = 1; wake_up_process(s.task);' },
    { left: 'wake_up_process(s.task); s.x = 1;' },
  ],
  ['the start of a thread, for what comes before it', { right: 's.x;' }, { init: 's.x = 1;' }, { left: 's.x = 1;' }],
  [
    'kthread_stop, for what comes after it',
    {
      more: 'export function* loops() { while (!kthread_should_stop()) yield* schedule(); s.x = 1; return 0; }',
      init: "s.task = kthread_run(loops, 0, 'loops');",
    },
    { left: 'yield* kthread_stop(s.task); s.x;' },
    { left: 's.x; yield* kthread_stop(s.task);' },
  ],
  [
    'the queueing of work, for what comes before it',
    { init: 'INIT_WORK(s.work, works);', more: 'export function* works() { s.x; }' },
    { left: 's.x = 1; schedule_work(s.work);' },
    { left: 'schedule_work(s.work); s.x = 1;' },
  ],
  [
    'flush_work, for what comes after it',
    { init: 'INIT_WORK(s.work, works); schedule_work(s.work);', more: 'export function* works() { s.x = 1; }' },
    { left: 'yield* flush_work(s.work); s.x;' },
    { left: 's.x; yield* flush_work(s.work);' },
  ],
  [
    'mod_timer, for what comes before it',
    { init: 'timer_setup(s.timer, ticks, 0);', more: 'export function ticks() { s.x; }' },
    { left: 's.x = 1; mod_timer(s.timer, 1);' },
    { left: 'mod_timer(s.timer, 1); s.x = 1;' },
  ],
  [
    'timer_delete_sync, not timer_delete',
    { init: 'timer_setup(s.timer, ticks, 0); mod_timer(s.timer, 1);', more: 'export function ticks() { s.x = 1; }' },
    { left: 'timer_delete_sync(s.timer); s.x;' },
    { left: 'timer_delete(s.timer); s.x;' },
  ],
  [
    'hrtimer_start, for what comes before it',
    {
      init: 'hrtimer_init(s.hr, CLOCK_MONOTONIC, HRTIMER_MODE_REL); s.hr.function = rings;',
      more: 'export function rings() { s.x; return HRTIMER_NORESTART; }',
    },
    { left: 's.x = 1; hrtimer_start(s.hr, 1000, HRTIMER_MODE_REL);' },
    { left: 'hrtimer_start(s.hr, 1000, HRTIMER_MODE_REL); s.x = 1;' },
  ],
  [
    'tasklet_schedule, for what comes before it',
    { init: 'tasklet_setup(s.tasklet, soft);', more: 'export function soft() { s.x; }' },
    { left: 's.x = 1; tasklet_schedule(s.tasklet);' },
    { left: 'tasklet_schedule(s.tasklet); s.x = 1;' },
  ],
  [
    'irq_work_queue, for what comes before it',
    { init: 'init_irq_work(s.irq, hard);', more: 'export function hard() { s.x; }' },
    { left: 's.x = 1; irq_work_queue(s.irq);' },
    { left: 'irq_work_queue(s.irq); s.x = 1;' },
  ],
  [
    'smp_call_function_single that waits, not one that does not',
    { more: 'export function hard() { s.x = 1; }' },
    { init: 'smp_call_function_single(1, hard, 0, true); s.x;' },
    { init: 'smp_call_function_single(1, hard, 0, false); s.x;' },
  ],
  [
    'interrupts off, not preemption off, against an interrupt of the same CPU',
    { cpus: 1, init: 'init_irq_work(s.irq, hard); irq_work_queue(s.irq);', more: 'export function hard() { s.x++; }' },
    { left: 'local_irq_disable(); s.x++; local_irq_enable();' },
    { left: 'preempt_disable(); s.x++; preempt_enable();' },
  ],
  [
    'softirqs off, not preemption off, against a softirq of the same CPU',
    {
      cpus: 1,
      init: 'tasklet_setup(s.tasklet, soft); tasklet_schedule(s.tasklet);',
      more: 'export function soft() { s.x++; }',
    },
    { left: 'local_bh_disable(); s.x++; local_bh_enable();' },
    { left: 'preempt_disable(); s.x++; preempt_enable();' },
  ],
  [
    'preemption off, for tasks of one CPU',
    { cpus: 1 },
    { left: 'preempt_disable(); s.x++; preempt_enable();', right: 'preempt_disable(); s.x++; preempt_enable();' },
    { left: 's.x++;', right: 'preempt_disable(); s.x++; preempt_enable();' },
  ],
  [
    'a lock with interrupts off on another CPU too',
    {
      init: 'init_irq_work(s.irq, hard); irq_work_queue(s.irq);',
      more: 'export function hard() { spin_lock(s.lock); s.x++; spin_unlock(s.lock); }',
    },
    { left: 'const flags = spin_lock_irqsave(s.lock); s.x++; spin_unlock_irqrestore(s.lock, flags);' },
    { left: 'local_irq_disable(); s.x++; local_irq_enable();' },
  ],
  [
    'rcu_assign_pointer with rcu_dereference, not WRITE_ONCE',
    {
      right: "rcu_read_lock(); const p = rcu_dereference(s, 'p'); if (p) object.at(p).value; rcu_read_unlock();",
      exit: 'kfree(s.p);',
    },
    {
      left: "const o = object.at(kzalloc(object.size, GFP_KERNEL)); o.value = 1; rcu_assign_pointer(s, 'p', o['@addr']);",
    },
    { left: "const o = object.at(kzalloc(object.size, GFP_KERNEL)); o.value = 1; WRITE_ONCE(s, 'p', o['@addr']);" },
  ],
  [
    'a grace period, for what readers did before',
    {
      init: 's.p = kzalloc(object.size, GFP_KERNEL);',
      left: "rcu_read_lock(); const p = rcu_dereference(s, 'p'); if (p) object.at(p).value; rcu_read_unlock();",
    },
    {
      right:
        "const o = object.at(s.p); rcu_assign_pointer(s, 'p', 0); yield* synchronize_rcu(); o.value = 1; kfree(o);",
    },
    {
      right:
        "const o = object.at(s.p); rcu_assign_pointer(s, 'p', 0); o.value = 1; yield* synchronize_rcu(); kfree(o);",
    },
  ],
  [
    'call_rcu, for what readers did before',
    {
      init: 's.p = kzalloc(object.size, GFP_KERNEL);',
      left: "rcu_read_lock(); const p = rcu_dereference(s, 'p'); if (p) object.at(p).value; rcu_read_unlock();",
      more: 'export function frees(head) { kfree(head - object.offset_of("rcu")); }',
    },
    { right: "const o = object.at(s.p); rcu_assign_pointer(s, 'p', 0); call_rcu(o.rcu, frees);" },
    { right: "const o = object.at(s.p); rcu_assign_pointer(s, 'p', 0); kfree(o);" },
  ],
  [
    'memory that is used again',
    {
      left: 'for (let i = 0; i < 2; i++) { const o = object.at(kmalloc(object.size, GFP_KERNEL)); o.value = 1; kfree(o); }',
    },
    { right: 'const o = object.at(kmalloc(object.size, GFP_KERNEL)); o.value = 2; kfree(o);' },
    {
      init: 's.p = kmalloc(object.size, GFP_KERNEL);',
      right: 'object.at(s.p).value = 2;',
      left: 'object.at(s.p).value = 1;',
      exit: 'kfree(s.p);',
    },
  ],
  [
    'bytes beside each other are no conflict',
    { left: 's.low = 1;' },
    { right: 's.high = 1;' },
    { right: 's.low = 2;' },
  ],
  [
    'memcpy and memset access what they are given',
    { left: 'memset(s, 0, 4);' },
    { right: 's.flag;' },
    { right: 's.x;' },
  ],
];

describe('ordered by', () => {
  test.each(CASES)('%s', async (_name, common, ordered, racing) => {
    const fine = await look({ ...common, ...ordered });
    expect(fine.failure?.message ?? 'nothing').toBe('nothing');
    expect(fine.races).toEqual({ suppressed: 0, unused: [], lost: 0 });
    const { failure } = await look({ ...common, ...racing });
    expect(failure?.verdict).toBe('data race');
  });
});

describe('a marked access', () => {
  test('does not race with a marked one, and does with a plain one', async () => {
    expect(
      (await look({ left: "WRITE_ONCE(s, 'x', 1);", right: "READ_ONCE(s, 'x'); WRITE_ONCE(s, 'x', 2);" })).failure,
    ).toBe(null);
    expect((await look({ left: "WRITE_ONCE(s, 'x', 1);", right: 's.x;' })).failure?.verdict).toBe('data race');
    expect((await look({ left: "READ_ONCE(s, 'x');", right: 's.x = 1;' })).failure?.verdict).toBe('data race');
    expect((await look({ left: "READ_ONCE(s, 'x');", right: 's.x;' })).failure).toBe(null);
  });
  test('data_race() says that a race is meant, for its expression only', async () => {
    expect((await look({ left: 'data_race(() => s.x);', right: 's.x = 1;' })).failure).toBe(null);
    expect((await look({ left: 'data_race(() => s.flag); s.x;', right: 's.x = 1;' })).failure?.verdict).toBe(
      'data race',
    );
  });
});

describe('ASSERT_EXCLUSIVE', () => {
  test('_WRITER fires for another writer, marked or not, and not for a reader', async () => {
    const left = "WRITE_ONCE(s, 'x', 1); ASSERT_EXCLUSIVE_WRITER(s, 'x');";
    expect((await look({ left, right: "READ_ONCE(s, 'x');" })).failure).toBe(null);
    const { failure } = await look({ left, right: "WRITE_ONCE(s, 'x', 2);" });
    expect(failure?.verdict).toBe('data race');
    expect(failure?.message).toContain('ASSERT_EXCLUSIVE_WRITER()');
  });
  test('_ACCESS fires for a marked reader', async () => {
    const left = "ASSERT_EXCLUSIVE_ACCESS(s, 'x');";
    expect((await look({ left, right: "READ_ONCE(s, 'flag');" })).failure).toBe(null);
    expect((await look({ left, right: "READ_ONCE(s, 'x');" })).failure?.verdict).toBe('data race');
  });
});

describe('the report', () => {
  const RACE: Parts = {
    left: 'spin_lock(s.lock); s.x = 7; spin_unlock(s.lock);',
    right: 'raises();',
    more: 'export function raises() { s.x++; }',
  };
  test('names both places, contexts, locks, stacks and values, and is replayed', async () => {
    const file = module_of(RACE);
    const { failure } = await search(file, { races: true, cpus: 2, schedules: 100 });
    expect(failure?.verdict).toBe('data race');
    expect(failure?.message).toMatch(/^data race on shared\.x of s; /);
    const { accesses, object, size, other_order } = failure!.race!;
    expect(object).toBe('shared.x of s');
    expect(size).toBe(4);
    const of = (task: string) => accesses.find((a) => a.task === task)!;
    expect(of('left')).toMatchObject({ kind: 'write', marked: false, context: 'task', disabled: 'preemption off' });
    expect(of('left').after).toBe('7');
    expect(of('left').locks.join()).toMatch(/^s\+/);
    expect(of('right').locks).toEqual([]);
    expect(of('right').stack[0]).toMatch(/^raises \(.*race\d+\.ts:\d+:\d+\)$/);
    expect(of('right').stack[1]).toMatch(/^right /);
    for (const a of accesses) expect(failure!.message).toContain(`:${a.line}:${a.column} by `);
    expect(other_order.text).toMatch(/^in the other order /);
    const lines = race_lines(failure!.race!).join('\n');
    expect(lines).toContain('locks held: s+');
    const again = await replay(failure!.token, file, { check: false, times: 20 });
    expect(again.failure?.race).toEqual(failure!.race);
  });
  test('says where allocated memory came from', async () => {
    const { failure } = await look({
      init: 's.p = kmalloc(object.size, GFP_KERNEL);',
      left: 'object.at(s.p).value = 1;',
      right: 'object.at(s.p).value = 1;',
      exit: 'kfree(s.p);',
    });
    expect(failure?.race?.object).toBe('object.value');
    expect(failure?.race?.allocated).toMatch(/^allocated by insmod\/\d+: .*race\d+\.ts/);
    expect(failure?.race?.other_order.differs).toBe(false);
  });
});

describe('suppressions', () => {
  const RACE: Parts = { left: 'racy();', right: 'racy();', more: 'export function racy() { s.x = 1; }' };
  const reason = 'a test';
  test.each([
    ['a function', '*:racy'],
    ['a field', 'shared.x'],
    ['a variable', 's'],
  ])('by %s: the race is counted and not reported', async (_name, pattern) => {
    const { failure, races } = await look(RACE, { suppressions: [{ pattern, reason }] });
    expect(failure).toBe(null);
    expect(races!.suppressed).toBeGreaterThan(0);
    expect(races!.unused).toEqual([]);
  });
  test('of something else let the race through and are said to be unused', async () => {
    const unused = { pattern: 'shared.flag', reason };
    const { failure, races } = await look(RACE, { suppressions: [unused] });
    expect(failure?.verdict).toBe('data race');
    expect(races).toMatchObject({ suppressed: 0, unused: [unused] });
  });
  test('without a reason are refused', async () => {
    await expect(look(RACE, { suppressions: [{ pattern: 's', reason: ' ' }] })).rejects.toThrow(UsageError);
    const file = join(folder, 'suppressions');
    writeFileSync(file, '# meant\n\nshared.x   counted for statistics only\ndriver.ts:poll\n');
    await expect(read_suppressions(file)).rejects.toThrow(/suppressions:4: 'driver\.ts:poll' has no reason/);
    writeFileSync(file, '# meant\n\nshared.x   counted for statistics only\n');
    expect(await read_suppressions(file)).toEqual([{ pattern: 'shared.x', reason: 'counted for statistics only' }]);
  });
});
