// llist and kfifo, where their users need no lock, and do: nodes that all CPUs push, in tasks and interrupts, and one
// CPU takes (all, or one at a time); a kfifo from each CPU to the next with one who puts and one who gets; and one that
// all put into under a lock. Every node and element carries who sent it and its number: nothing is lost, doubled, torn
// or out of order.
// broken=1: llist_add without cmpxchg; 2: two put into a kfifo of one; 3: the index of a kfifo moves before its element
// is there; 4: llist_del_first by two at once.
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { cmpxchg } from 'lockstep/linux/cmpxchg';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { GFP_ATOMIC } from 'lockstep/linux/gfp';
import {
  DECLARE_KFIFO,
  kfifo_get,
  kfifo_in,
  kfifo_in_spinlocked,
  kfifo_is_full,
  kfifo_out,
  kfifo_put,
} from 'lockstep/linux/kfifo';
import {
  __llist_add,
  llist_add,
  llist_del_all,
  llist_del_first,
  llist_entry,
  llist_for_each_entry_safe,
  llist_head,
  llist_node,
  llist_reverse_order,
} from 'lockstep/linux/llist';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { kfree, kmalloc } from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1200);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const CPUS = 64;
const ALIVE = 0xa11fe;
class node extends Struct('node', { link: llist_node, from: u32, nr: u32, magic: u32 }) {}
class record extends Struct('record', { from: u32, nr: u32, twice: u32 }) {}
class ring extends Struct('ring', { fifo: DECLARE_KFIFO(record, 8), sent: u32, got: u32 }) {}
class cpu_data extends Struct('cpu_data', { list: llist_head, pushed: u32, pushed_irq: u32, seen: u32, ring: ring }) {}
class shared_data extends Struct('shared_data', {
  cpus: array(cpu_data, CPUS),
  list: llist_head,
  lock: spinlock_t,
  all: DECLARE_KFIFO(u32, 16),
  put: atomic_t,
  pushed: atomic_t,
  taken: atomic_t,
  missing: atomic_t,
  lingered: u32,
}) {}
const shared = DEFINE_STATIC(shared_data);
class buffer extends Struct('buffer', { words: array(u32, 4) }) {}

function push(from: number, nr: number, head: llist_head): void {
  const p = kmalloc(node.size, GFP_ATOMIC);
  if (p === 0) return;
  const n = node.at(p);
  n.from = from;
  n.nr = nr;
  n.magic = ALIVE;
  atomic_inc(shared.pushed);
  if (broken.value === 1) __llist_add(n.link, head);
  else llist_add(n.link, head);
}
/** Sent to another CPU: nodes without an order of their own. */
export function push_there(from: number) {
  push(CPUS + from, 0, shared.list);
}
function end(n: node): void {
  check(n.magic === ALIVE, 'a node taken', n.magic, ALIVE);
  n.magic = 0;
  atomic_inc(shared.taken);
  kfree(n['@addr']);
}
/** Each CPU's own list, of which it is the consumer, is filled by its neighbour in order. */
function take_own(mine: cpu_data, from: number): void {
  const first = llist_reverse_order(llist_del_all(mine.list));
  for (const n of llist_for_each_entry_safe(first, node, 'link')) {
    check(n.from === from && n.nr === mine.seen, 'the number of a node', n.nr, mine.seen);
    mine.seen++;
    end(n);
  }
}
function take_shared(me: number): void {
  if (broken.value === 4) return take_together();
  if (me !== 0) return;
  for (let i = 0; i < 4; i++) {
    const at = llist_del_first(shared.list);
    if (at === 0) return;
    end(llist_entry(at, node, 'link'));
  }
}
/** Several consumers: the first node may come back with another one behind it, between the look and the change. */
function take_together(): void {
  const at = slow_del_first(shared.list);
  if (at === 0) return;
  const behind = llist_del_first(shared.list);
  if (behind !== 0) end(llist_entry(behind, node, 'link'));
  llist_add(llist_node.at(at), shared.list);
}
function slow_del_first(head: llist_head): number {
  const at = READ_ONCE(head, 'first');
  if (at === 0) return 0;
  const next = READ_ONCE(llist_node.at(at), 'next');
  for (let n = 0; n < 30; n++) READ_ONCE(shared, 'lingered');
  return cmpxchg(head, 'first', at, next) === at ? at : 0;
}

/** A kfifo_put in which the index goes first. */
function put_early(r: ring, from: number, nr: number): boolean {
  const f = r.fifo.kfifo;
  if (kfifo_is_full(r.fifo)) return false;
  const at = f.in;
  WRITE_ONCE(f, 'in', (at + 1) >>> 0);
  const to = record.at(f.data + (at & f.mask) * record.size);
  to.from = from;
  to.nr = nr;
  to.twice = nr * 2;
  return true;
}
function send(r: ring, from: number): void {
  const p = kmalloc(record.size, GFP_ATOMIC);
  if (p === 0) return;
  const nr = READ_ONCE(r, 'sent');
  const x = record.at(p);
  x.from = from;
  x.nr = nr;
  x.twice = nr * 2;
  // Now and then two elements at once, by the functions for buffers.
  const sent =
    broken.value === 3
      ? put_early(r, from, nr)
      : (nr & 7) === 0
        ? kfifo_in(r.fifo, x, 1) === 1
        : kfifo_put(r.fifo, x) === 1;
  if (sent) r.sent = nr + 1;
  kfree(p);
}
function receive(r: ring, from: number): void {
  const p = kmalloc(record.size, GFP_ATOMIC);
  if (p === 0) return;
  const x = record.at(p);
  // At most what fits: with broken indices there would be no end.
  for (let n = 0; n < 8; n++) {
    if ((r.got & 4 ? kfifo_out(r.fifo, x, 1) : kfifo_get(r.fifo, x)) !== 1) break;
    check(x.nr === r.got, 'the number of an element', x.nr, r.got);
    check(x.from === from && x.twice === x.nr * 2, 'the halves of an element', x.twice, x.nr * 2);
    r.got++;
  }
  kfree(p);
}
function exchange_all(me: number, i: number): void {
  const p = kmalloc(buffer.size, GFP_ATOMIC);
  if (p === 0) return;
  const b = buffer.at(p);
  for (let k = 0; k < 3; k++) b.words.set(k, (me << 24) | (i & 0xffffff));
  const n = kfifo_in_spinlocked(shared.all, b, 3, shared.lock);
  for (let k = 0; k < n; k++) atomic_inc(shared.put);
  if (me === 0) {
    const got = kfifo_out(shared.all, b, 4);
    for (let k = 0; k < got; k++) {
      check(b.words.at(k) >>> 24 < num_online_cpus(), 'who put an element', b.words.at(k) >>> 24, 0);
      atomic_inc(shared.missing);
    }
  }
  kfree(p);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  const right = (me + 1) % cpus;
  const left = (me + cpus - 1) % cpus;
  const mine = shared.cpus.at(me);
  const to = shared.cpus.at(right);
  for (let i = 0; i < rounds.value && going_on(); i++) {
    push(me, to.pushed, to.list);
    to.pushed++;
    push(CPUS + me, 0, shared.list);
    if ((i & 15) === 3) smp_call_function_single(right, push_there, me, false);
    send(to.ring, me);
    if (broken.value === 2) send(mine.ring, left);
    receive(mine.ring, left);
    take_own(mine, left);
    exchange_all(me, i);
    take_shared(me);
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, push_there, me, true);
  return 1;
}

module_init(() => {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) create_on(user, c, c, 'user/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  for (let c = 0; c < cpus; c++) {
    const mine = shared.cpus.at(c);
    const left = (c + cpus - 1) % cpus;
    take_own(mine, left);
    receive(mine.ring, left);
    check(mine.seen === mine.pushed, 'nodes of a list', mine.seen, mine.pushed);
    check(mine.ring.got === mine.ring.sent, 'elements of a kfifo', mine.ring.got, mine.ring.sent);
  }
  for (const n of llist_for_each_entry_safe(llist_del_all(shared.list), node, 'link')) end(n);
  const left = { value: 0 };
  while (kfifo_get(shared.all, left) === 1) atomic_inc(shared.missing);
  check(
    atomic_read(shared.missing) === atomic_read(shared.put),
    'elements of the shared kfifo',
    atomic_read(shared.missing),
    atomic_read(shared.put),
  );
  check(
    atomic_read(shared.taken) === atomic_read(shared.pushed),
    'nodes',
    atomic_read(shared.taken),
    atomic_read(shared.pushed),
  );
  pr_info('lockless: %d nodes, %d elements\n', atomic_read(shared.pushed), atomic_read(shared.put));
  WARN(ended !== cpus, 'lockless: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'lockless: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
