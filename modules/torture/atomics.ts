// atomic64_t, atomic_t, atomic_long_t and refcount_t on all CPUs, in tasks and in interrupts. A 64-bit counter is moved
// by the same amount in both halves, so that a torn or lost change shows at once; tokens are taken with dec_if_positive
// and never more than there are; objects are found by inc_not_zero and ended under a lock by whoever drops the last
// reference, and nobody who holds one finds them ended.
// broken=1: the counter is read, then written; 2: a reference is dropped twice; 3: a token is taken after a look.
import {
  atomic64_add,
  atomic64_cmpxchg,
  atomic64_fetch_add,
  atomic64_read,
  atomic64_set,
  atomic64_sub_return,
  atomic64_t,
  atomic64_try_cmpxchg,
  atomic_dec,
  atomic_dec_if_positive,
  atomic_inc,
  atomic_inc_return,
  atomic_long_fetch_add,
  atomic_long_read,
  atomic_long_t,
  atomic_read,
  atomic_set,
  atomic_t,
} from 'lockstep/linux/atomic';
import { smp_rmb, smp_wmb } from 'lockstep/linux/barrier';
import { WARN } from 'lockstep/linux/bug';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import {
  refcount_dec_and_lock_irqsave,
  refcount_dec_and_test,
  refcount_inc_not_zero,
  refcount_read,
  refcount_set,
  refcount_t,
} from 'lockstep/linux/refcount';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 4000);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const TOKENS = 1;
const OBJECTS = 3;
const ALIVE = 0x600d0b1e;
const BOTH = 0x100000001n;
class thing extends Struct('thing', { lock: spinlock_t, refs: refcount_t, magic: u32, listed: u32 }) {}
class shared_data extends Struct('shared_data', {
  halves: atomic64_t,
  moved: atomic_t,
  long: atomic_long_t,
  tokens: atomic_t,
  holders: atomic_t,
  ended: atomic_t,
  objects: array(thing, OBJECTS),
}) {}
const shared = DEFINE_STATIC(shared_data);

function check_halves(v: bigint): void {
  const low = Number(v & 0xffffffffn);
  const high = Number((v >> 32n) & 0xffffffffn);
  check(low === high, 'the halves of an atomic64_t', high, low);
}
/** Moves the counter up by both halves, in one of the ways there are. */
function move(kind: number): void {
  const v = shared.halves;
  if (broken.value === 1) atomic64_set(v, atomic64_read(v) + BOTH);
  else if (kind === 0) atomic64_add(BOTH, v);
  else if (kind === 1) check_halves(atomic64_fetch_add(BOTH, v));
  else if (kind === 2) check_halves(atomic64_sub_return(-BOTH, v));
  else if (kind === 3) {
    const old = { value: atomic64_read(v) };
    while (!atomic64_try_cmpxchg(v, old, old.value + BOTH)) check_halves(old.value);
  } else {
    for (let old = atomic64_read(v); ;) {
      const found = atomic64_cmpxchg(v, old, old + BOTH);
      check_halves(found);
      if (found === old) break;
      old = found;
    }
  }
  atomic_inc(shared.moved);
  atomic_long_fetch_add(-1, shared.long);
}
function token(): void {
  if (broken.value === 3) {
    if (atomic_read(shared.tokens) <= 0) return;
    for (let n = 0; n < 20; n++) atomic_read(shared.holders);
    atomic_dec(shared.tokens);
  } else if (atomic_dec_if_positive(shared.tokens) < 0) return;
  const holders = atomic_inc_return(shared.holders);
  check(holders <= TOKENS, 'holders of tokens', holders, TOKENS);
  atomic_dec(shared.holders);
  atomic_inc(shared.tokens);
}
function put(o: thing, twice: boolean): void {
  const flags = refcount_dec_and_lock_irqsave(o.refs, o.lock);
  if (flags >= 0) {
    check(o.magic === ALIVE, 'an object that ends', o.magic, ALIVE);
    o.magic = 0;
    atomic_inc(shared.ended);
    spin_unlock_irqrestore(o.lock, flags);
  }
  if (twice) refcount_dec_and_test(o.refs);
}
/** An object that has ended is begun anew, listed, which is a reference. */
function begin(o: thing): void {
  const flags = spin_lock_irqsave(o.lock);
  if (o.magic === 0 && refcount_read(o.refs) === 0) {
    o.magic = ALIVE;
    o.listed = 1;
    smp_wmb(); // refcount_set() and refcount_inc_not_zero() order nothing
    refcount_set(o.refs, 1);
  }
  spin_unlock_irqrestore(o.lock, flags);
}
function use(o: thing, twice: boolean): void {
  if (!refcount_inc_not_zero(o.refs)) {
    begin(o);
    if (!refcount_inc_not_zero(o.refs)) return;
  }
  smp_rmb();
  check(o.magic === ALIVE, 'an object with a reference', o.magic, ALIVE);
  put(o, twice);
}
function unlist(o: thing): void {
  const flags = spin_lock_irqsave(o.lock);
  const listed = o.listed;
  o.listed = 0;
  spin_unlock_irqrestore(o.lock, flags);
  if (listed !== 0) put(o, false);
}
export function in_interrupt(random: number) {
  move(random & 3);
  token();
  use(shared.objects.at((random >>> 4) % OBJECTS), false);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 31;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    move((random & 0xff) % 5);
    token();
    const o = shared.objects.at((random >>> 10) % OBJECTS);
    use(o, broken.value === 2 && (i & 3) === 0);
    if ((random & 0xf000) === 0) unlist(o);
    if ((random & 0x70000) === 0)
      smp_call_function_single((random >>> 20) % cpus, in_interrupt, random & 0xffff, (random & 0x80000) !== 0);
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, in_interrupt, me, true);
  return 1;
}

module_init(() => {
  const cpus = num_online_cpus();
  atomic_set(shared.tokens, TOKENS);
  for (let c = 0; c < cpus; c++) create_on(user, c, c, 'user/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  const moved = atomic_read(shared.moved);
  pr_info('atomics: %d moves, %d objects ended\n', moved, atomic_read(shared.ended));
  check(
    atomic64_read(shared.halves) === BigInt(moved) * BOTH,
    'moves of the counter',
    Number(atomic64_read(shared.halves) >> 32n),
    moved,
  );
  check(atomic_long_read(shared.long) === -moved, 'the long counter', atomic_long_read(shared.long), -moved);
  check(atomic_read(shared.tokens) === TOKENS, 'tokens at the end', atomic_read(shared.tokens), TOKENS);
  for (let i = 0; i < OBJECTS; i++) {
    const o = shared.objects.at(i);
    const refs = refcount_read(o.refs);
    check(refs === o.listed, 'references at the end', refs, o.listed);
  }
  WARN(ended !== cpus, 'atomics: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'atomics: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
