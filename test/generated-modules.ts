// Generated modules for the property tests: kernel threads that lock, sleep, wait for each other, interrupt each other,
// allocate and count. A program is a tree of operations, drawn at random without regard to the rules; `render` leaves out
// what the rules forbid at its place, so every module is correct and free of deadlocks by construction:
//
//   locks are taken in ascending rank: mutex 0, mutex 1, spin lock 0, then the list's lock or spin locks 1 and 2
//   spin lock 1 is also taken by a timer: softirqs are off wherever a task holds it; 2 by an IPI: interrupts are off
//   nothing sleeps, calls other CPUs or waits for threads with a spin lock held, nothing waits for threads with a mutex
//   a thread waits only for threads with lower numbers
//
// Control flow does not depend on data, so what each counter must be at the end is known when the module is written.
import fc from 'fast-check';

export type Operation =
  | { k: 'spin'; lock: 0 | 1 | 2; how: number; body: Operation[] }
  | { k: 'mutex'; lock: 0 | 1; body: Operation[] }
  | { k: 'loop'; times: number; body: Operation[] }
  | { k: 'sleep' | 'resched' | 'atomic' | 'percpu' | 'push' | 'pop' | 'ipi' | 'timer' | 'trylock' | 'log' | 'alloc' }
  | { k: 'wait'; thread: number; how: number };
export interface Program {
  threads: Operation[][];
  /** Threads that run until module_exit stops them. */
  daemons: number;
}

const leaf = fc.oneof(
  fc
    .constantFrom('sleep', 'resched', 'atomic', 'percpu', 'push', 'pop', 'ipi', 'timer', 'trylock', 'log', 'alloc')
    .map((k): Operation => ({ k })),
  fc.record({ k: fc.constant('wait' as const), thread: fc.nat(3), how: fc.nat(2) }),
);
const { body } = fc.letrec<{ body: Operation[]; operation: Operation }>((tie) => ({
  operation: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({
      k: fc.constant('spin' as const),
      lock: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
      how: fc.nat(3),
      body: tie('body'),
    }),
    fc.record({ k: fc.constant('mutex' as const), lock: fc.constantFrom<0 | 1>(0, 1), body: tie('body') }),
    fc.record({ k: fc.constant('loop' as const), times: fc.integer({ min: 2, max: 3 }), body: tie('body') }),
  ),
  body: fc.array(tie('operation'), { maxLength: 4 }),
}));
export const program: fc.Arbitrary<Program> = fc.record({
  threads: fc.array(body, { minLength: 2, maxLength: 4 }),
  daemons: fc.nat(2),
});

interface Context {
  thread: number;
  /** Rank of the innermost lock held, -1 for none: mutexes 0 and 1, spin locks 2, 3 and 4. */
  rank: number;
  irqs_off: boolean;
  bh_off: boolean;
  indent: string;
  /** How often this place runs. */
  times: number;
}
type Counter = 's0' | 's1' | 's2' | 'm0' | 'm1' | 'tried' | 'calls' | 'cpus' | 'atomic' | 'pushed' | 'logged';

class Writer {
  readonly lines: string[] = [];
  readonly expected: Record<Counter, number> = {
    s0: 0,
    s1: 0,
    s2: 0,
    m0: 0,
    m1: 0,
    tried: 0,
    calls: 0,
    cpus: 0,
    atomic: 0,
    pushed: 0,
    logged: 0,
  };

  body(list: readonly Operation[], c: Context): void {
    for (const o of list) this.operation(o, c);
  }
  private put(c: Context, ...lines: string[]): void {
    for (const line of lines) this.lines.push(c.indent + line);
  }
  private count(c: Context, counter: Counter, n = 1): void {
    this.expected[counter] += n * c.times;
  }

  private operation(o: Operation, c: Context): void {
    const may_sleep = c.rank < 2;
    const nothing_held = c.rank < 0;
    const inner = { ...c, indent: `${c.indent}  ` };
    switch (o.k) {
      case 'loop':
        this.put(c, `for (let i = 0; i < ${o.times}; i++) {`);
        this.body(o.body, { ...inner, times: c.times * o.times });
        return this.put(c, '}');
      case 'mutex':
        if (c.rank >= o.lock) return;
        this.put(c, '{', `  yield* mutex_lock(shared.mutex${o.lock});`, `  shared.m${o.lock}++;`);
        this.count(c, `m${o.lock}`);
        this.body(o.body, { ...inner, rank: o.lock });
        return this.put(c, `  mutex_unlock(shared.mutex${o.lock});`, '}');
      case 'spin': {
        if (c.rank >= 2 + o.lock) return;
        const how = this.variant(o.lock, o.how, c);
        const lock = `shared.lock${o.lock}`;
        this.put(
          c,
          '{',
          how === '_irqsave' ? `  const flags = spin_lock_irqsave(${lock});` : `  spin_lock${how}(${lock});`,
          `  shared.s${o.lock}++;`,
        );
        this.count(c, `s${o.lock}`);
        this.body(o.body, {
          ...inner,
          rank: 2 + o.lock,
          irqs_off: c.irqs_off || how.startsWith('_irq'),
          bh_off: c.bh_off || how === '_bh',
        });
        return this.put(
          c,
          how === '_irqsave' ? `  spin_unlock_irqrestore(${lock}, flags);` : `  spin_unlock${how}(${lock});`,
          '}',
        );
      }
      case 'sleep':
        return may_sleep ? this.put(c, 'yield* msleep(1);') : undefined;
      case 'resched':
        return may_sleep ? this.put(c, 'yield* cond_resched();') : undefined;
      case 'atomic':
        this.count(c, 'atomic');
        return this.put(c, 'atomic_inc(shared.atomic);');
      case 'percpu':
        this.count(c, 'cpus');
        return this.put(c, "this_cpu_inc(counts, 'n');");
      case 'alloc':
        return this.put(
          c,
          '{',
          `  const node = item.at(kzalloc(item.size, ${may_sleep ? 'GFP_KERNEL' : 'GFP_ATOMIC'}));`,
          `  node.value = ${c.thread + 1};`,
          `  WARN_ON(node.value !== ${c.thread + 1});`,
          "  kfree(node['@addr']);",
          '}',
        );
      case 'push':
      case 'pop':
        // Not inside spin locks 1 and 2: this lock is held with interrupts on.
        if (c.rank > 2) return;
        if (o.k === 'push') this.count(c, 'pushed');
        return this.put(c, `${o.k}();`);
      case 'ipi':
        if (!may_sleep) return;
        this.count(c, 'calls');
        return this.put(c, `smp_call_function_single(${c.thread} % num_online_cpus(), called, 0, true);`);
      case 'timer':
        return this.put(c, 'if (!mod_timer(timer, jiffies() + 1)) atomic_inc(shared.armed);');
      case 'trylock':
        // Spin lock 0, with a loop of its own.
        if (c.rank >= 2) return;
        this.count(c, 'tried');
        this.count(c, 's0');
        return this.put(
          c,
          'while (!spin_trylock(shared.lock0)) cpu_relax();',
          'shared.s0++;',
          'shared.tried++;',
          'spin_unlock(shared.lock0);',
        );
      case 'log':
        this.count(c, 'logged');
        return this.put(c, `pr_info('thread ${c.thread} line ${this.lines.length}\\n');`);
      case 'wait':
        if (!nothing_held || o.thread >= c.thread) return;
        if (o.how === 0) return this.put(c, `yield* wait_for_completion(shared.done${o.thread});`);
        if (o.how === 1)
          return this.put(c, `yield* wait_event(shared.wq, () => READ_ONCE(shared, 'flag${o.thread}'));`);
        return this.put(
          c,
          `WARN_ON((yield* wait_event_timeout(shared.wq, () => shared.flag${o.thread}, 1000 * HZ)) === 0);`,
        );
    }
  }
  /** A legal way to take the lock here. */
  private variant(lock: 0 | 1 | 2, how: number, c: Context): string {
    if (c.irqs_off) return how < 2 ? '' : '_irqsave';
    const legal =
      lock === 2 ? ['_irqsave', '_irq'] : lock === 1 ? ['_bh', '_irqsave', '_irq'] : ['', '_bh', '_irqsave', '_irq'];
    return legal[how % legal.length]!;
  }
}

/** With `planted`, the first two threads also count without a lock: an update may be lost. */
export function render({ threads, daemons }: Program, planted = false): string {
  const w = new Writer();
  threads.forEach((operations, t) => {
    w.lines.push(`export function* thread${t}() {`);
    if (planted && t < 2) w.lines.push('  shared.victim++;');
    w.body(operations, { thread: t, rank: -1, irqs_off: false, bh_off: false, indent: '  ', times: 1 });
    w.lines.push(
      `  WRITE_ONCE(shared, 'flag${t}', 1);`,
      '  wake_up_all(shared.wq);',
      `  complete_all(shared.done${t});`,
      '  return 0;',
      '}',
    );
  });
  const numbers = threads.map((_, t) => t);
  const e = w.expected;
  return `// Generated.
import { atomic_dec, atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN_ON } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { complete_all, completion, wait_for_completion } from 'lockstep/linux/completion';
import { msleep } from 'lockstep/linux/delay';
import { HZ, jiffies } from 'lockstep/linux/jiffies';
import { kthread_run, kthread_should_stop, kthread_stop } from 'lockstep/linux/kthread';
import { list_add_tail, list_del, list_empty, list_first_entry, list_head } from 'lockstep/linux/list';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { DEFINE_PER_CPU, per_cpu_ptr, this_cpu_inc } from 'lockstep/linux/percpu';
import { pr_info } from 'lockstep/linux/printk';
import { cpu_relax } from 'lockstep/linux/processor';
import { cond_resched, schedule, set_current_state, TASK_INTERRUPTIBLE, TASK_RUNNING } from 'lockstep/linux/sched';
import { GFP_ATOMIC, GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock, spin_lock_bh, spin_lock_irq, spin_lock_irqsave, spin_trylock, spin_unlock, spin_unlock_bh, spin_unlock_irq, spin_unlock_irqrestore, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_TIMER, mod_timer, timer_delete_sync } from 'lockstep/linux/timer';
import { array, DEFINE_STATIC, ptr, Struct, u32 } from 'lockstep/linux/types';
import { wait_event, wait_event_timeout, wait_queue_head_t, wake_up_all } from 'lockstep/linux/wait';

class state extends Struct('state', {
  lock0: spinlock_t, lock1: spinlock_t, lock2: spinlock_t, list_lock: spinlock_t, mutex0: mutex, mutex1: mutex,
  s0: u32, s1: u32, s2: u32, m0: u32, m1: u32, tried: u32, victim: u32, calls: u32, fired: u32, pushed: u32, popped: u32,
  atomic: atomic_t, armed: atomic_t, list: list_head, wq: wait_queue_head_t, daemons: array(ptr(), 4),
  ${numbers.map((t) => `done${t}: completion, flag${t}: u32,`).join(' ')}
}) {}
class item extends Struct('item', { value: u32, list: list_head }) {}
class count extends Struct('count', { n: u32 }) {}
const shared = DEFINE_STATIC(state);
const counts = DEFINE_PER_CPU(count);

export function called() {
  spin_lock(shared.lock2);
  shared.calls++;
  spin_unlock(shared.lock2);
}
export function fires() {
  spin_lock(shared.lock1);
  shared.fired++;
  spin_unlock(shared.lock1);
}
const timer = DEFINE_TIMER(fires);
export function push() {
  const node = item.at(kzalloc(item.size, GFP_ATOMIC));
  spin_lock(shared.list_lock);
  list_add_tail(node.list, shared.list);
  shared.pushed++;
  spin_unlock(shared.list_lock);
}
export function pop() {
  let address = 0;
  spin_lock(shared.list_lock);
  if (!list_empty(shared.list)) {
    const node = list_first_entry(shared.list, item, 'list');
    list_del(node.list);
    shared.popped++;
    address = node['@addr'];
  }
  spin_unlock(shared.list_lock);
  kfree(address);
}
export function* daemon(data: number) {
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) break;
    yield* schedule();
  }
  set_current_state(TASK_RUNNING);
  return data;
}
${w.lines.join('\n')}

module_init(() => {
  for (let i = 0; i < ${daemons}; i++) shared.daemons.set(i, kthread_run(daemon, 7 + i, 'daemon/%d', i));
${numbers.map((t) => `  kthread_run(thread${t}, 0, 'thread/${t}');`).join('\n')}
  return 0;
});
module_exit(function* () {
  if (timer_delete_sync(timer)) atomic_dec(shared.armed);
  for (let i = 0; i < ${daemons}; i++) WARN_ON((yield* kthread_stop(shared.daemons.at(i))) !== 7 + i);
  while (!list_empty(shared.list)) pop();
  let on_cpus = 0;
  for (let c = 0; c < num_online_cpus(); c++) on_cpus += per_cpu_ptr(counts, c).n;
  pr_info('locks %u %u %u, mutexes %u %u, calls %u, per CPU %u\\n', shared.s0, shared.s1, shared.s2, shared.m0, shared.m1, shared.calls, on_cpus);
  WARN_ON(shared.s0 !== ${e.s0} || shared.s1 !== ${e.s1} || shared.s2 !== ${e.s2});
  WARN_ON(shared.m0 !== ${e.m0} || shared.m1 !== ${e.m1} || shared.tried !== ${e.tried});
  WARN_ON(shared.calls !== ${e.calls} || on_cpus !== ${e.cpus} || atomic_read(shared.atomic) !== ${e.atomic});
  WARN_ON(shared.fired !== atomic_read(shared.armed));
  WARN_ON(shared.pushed !== ${e.pushed} || shared.popped !== shared.pushed);
  WARN_ON(shared.victim !== ${planted ? 2 : 0});
});
MODULE_LICENSE('GPL');
`;
}
