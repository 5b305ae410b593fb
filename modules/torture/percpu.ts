// Per-CPU data: this_cpu operations in a task, its interrupts and its softirqs lose nothing, whatever the order; memory
// from alloc_percpu() is zeroed, nobody else's, and gone after free_percpu(); __this_cpu operations are safe with
// interrupts off. A thread on each CPU, interrupts sent by all, and threads that may be moved in explored runs.
// broken=1: this_cpu read, then write; 2: __this_cpu operations where an interrupt changes the variable too; 3: __this_cpu
// operations with preemption on in a thread of no CPU; 4: per-CPU memory that is used after free_percpu().
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { local_irq_restore, local_irq_save } from 'lockstep/linux/irqflags';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  __this_cpu_add,
  __this_cpu_inc,
  alloc_percpu,
  DEFINE_PER_CPU,
  free_percpu,
  get_cpu_var,
  per_cpu_ptr,
  percpu_at,
  put_cpu_var,
  raw_cpu_read,
  this_cpu_add,
  this_cpu_add_return,
  this_cpu_cmpxchg,
  this_cpu_inc,
  this_cpu_or,
  this_cpu_read,
  this_cpu_try_cmpxchg,
  this_cpu_write,
  this_cpu_xchg,
} from 'lockstep/linux/percpu';
import { preempt_disable, preempt_enable } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import { DEFINE_STATIC, int, Struct, u32, u64 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 2000);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

class counters extends Struct('counters', { hits: u32, bytes: u64, flags: u32, guarded: u32, tasks: u32 }) {}
const mine = DEFINE_PER_CPU(counters);
class dynamic extends Struct('dynamic', { word: u32, owner: u32, big: u64 }) {}
class sums extends Struct('sums', { hits: atomic_t, guarded: atomic_t, allocated: atomic_t, roaming: atomic_t }) {}
const total = DEFINE_STATIC(sums);

/** One hit, in one of the ways there are. */
function hit(kind: number): void {
  atomic_inc(total.hits);
  this_cpu_add(mine, 'bytes', 0x100000001n);
  if (broken.value === 1) {
    const old = this_cpu_read(mine, 'hits');
    this_cpu_write(mine, 'hits', old + 1);
  } else if (kind === 0) this_cpu_inc(mine, 'hits');
  else if (kind === 1) this_cpu_add_return(mine, 'hits', 1);
  else if (kind === 2) {
    for (let old = this_cpu_read(mine, 'hits'); ;) {
      const found = this_cpu_cmpxchg(mine, 'hits', old, old + 1);
      if (found === old) break;
      old = found;
    }
  } else {
    const old = { value: this_cpu_read(mine, 'hits') };
    while (!this_cpu_try_cmpxchg(mine, 'hits', old, old.value + 1));
  }
}
/** The variable that interrupts change: in a task only with interrupts off. */
function guarded(in_task: boolean): void {
  atomic_inc(total.guarded);
  const flags = in_task && broken.value !== 2 ? local_irq_save() : -1;
  if (flags === -1) preempt_disable();
  __this_cpu_inc(mine, 'guarded');
  if (flags === -1) preempt_enable();
  else local_irq_restore(flags);
}
export function interrupt(random: number) {
  hit(random & 3);
  guarded(false);
  this_cpu_or(mine, 'flags', 1 << (random & 31));
}
function use_memory(cpus: number): void {
  const p = alloc_percpu(dynamic);
  if (p === 0) return;
  atomic_inc(total.allocated);
  for (let c = 0; c < cpus; c++) {
    const d = dynamic.at(per_cpu_ptr(p, c));
    check(d.word === 0 && d.owner === 0 && d.big === 0n, 'a word of new per-CPU memory', d.word, 0);
    d.owner = p + c;
    d.big = 1n << 40n;
  }
  const here = percpu_at(dynamic, p);
  this_cpu_inc(here, 'word');
  if (broken.value === 4) free_percpu(p);
  let words = 0;
  for (let c = 0; c < cpus; c++) {
    const d = dynamic.at(per_cpu_ptr(p, c));
    check(d.owner === (p + c) >>> 0 && d.big === 1n << 40n, 'the owner of per-CPU memory', d.owner, p + c);
    words += d.word;
  }
  check(words === 1, 'a count in per-CPU memory', words, 1);
  if (broken.value !== 4) free_percpu(p);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 91;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    hit((random >>> 4) & 3);
    for (let n = broken.value === 2 ? 40 : 1; n > 0; n--) guarded(true);
    if ((i & 3) === 0) use_memory(cpus);
    const v = get_cpu_var(mine);
    check(v['@addr'] === per_cpu_ptr(mine, smp_processor_id())['@addr'], 'the copy of this CPU', 0, 1);
    const was = v.tasks;
    v.tasks = was + 1;
    put_cpu_var(mine);
    if ((i & 7) === 1 || broken.value === 2)
      smp_call_function_single((random >>> 16) % cpus, interrupt, random & 0xffff, (random & 0x700) === 0);
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, interrupt, me, true);
  return 1;
}
/** Of no CPU: what it does must be right wherever it is. */
export function* roams() {
  for (let i = 0; i < rounds.value >> 2; i++) {
    hit(i & 3);
    raw_cpu_read(mine, 'hits');
    if (broken.value === 3) __this_cpu_add(mine, 'flags', 0);
    atomic_inc(total.roaming);
    yield* cond_resched();
  }
  return 0;
}

module_init(() => {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) create_on(user, c, c, 'user/%u');
  start_all();
  kthread_run(roams, 0, 'roams');
  if (broken.value === 3) kthread_run(preemptible, 0, 'preemptible');
  return 0;
});
export function* preemptible() {
  __this_cpu_inc(mine, 'tasks');
  yield* cond_resched();
  return 0;
}
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  let hits = 0;
  let all = 0;
  let bytes = 0;
  for (let c = 0; c < cpus; c++) {
    const of = per_cpu_ptr(mine, c);
    const halves = of.bytes;
    check(halves >> 32n === (halves & 0xffffffffn), 'the halves of a 64-bit variable', Number(halves >> 32n), 0);
    bytes += Number(halves >> 32n);
    hits += of.hits;
    all += of.guarded;
  }
  check(hits === atomic_read(total.hits), 'hits', hits, atomic_read(total.hits));
  check(bytes === hits, 'hits in the 64-bit variable', bytes, hits);
  check(all === atomic_read(total.guarded), 'guarded', all, atomic_read(total.guarded));
  check(this_cpu_xchg(mine, 'flags', 0) >= 0, 'flags', 0, 0);
  pr_info('percpu: %d hits, %d allocations\n', hits, atomic_read(total.allocated));
  WARN(ended !== cpus, 'percpu: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'percpu: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
