// noinstr: never transformed, never interrupted.
// The race detector's time: contexts, their vector clocks, and what these meet at. Part of the stepped kernel; everything
// is this thread's own and is forgotten at each restore.
//
// A context is a task, a work item on its kworker, or one of the two interrupt levels of a CPU (softirq, hardirq). Each
// has a row in `clock`: row[u] is the time of context u up to which everything of u comes before what this one does
// next. Its own entry counts up after each release, so an access is an epoch: (own time, context).
//
//   clock     what is ordered before
//   pending   what marked reads without order have seen: ordered after the next barrier, and before what is released
//   depends   what marked reads of addresses have seen: ordered for what is reached by the address
//   fence     what the last write barrier covers: what a marked write without order publishes
//   syncs     a row for each key (see cpu/order.ts): what an acquire of it takes over
import { I32, memory_size, own_words } from '../stepped/raw.js';
import { my, cpu } from '../cpu/context.js';
import { HARDIRQ_MASK, SOFTIRQ_MASK, SOFTIRQ_OFFSET } from '../cpu/preempt.js';
import { Mach, Pcpu, STATIC, STATIC_END } from '../machine/memory-map.js';
import { MAX_CPUS, RACE_CONTEXTS, RACE_REUSE_CONTEXTS, RACE_SYNCS } from '../machine/params.js';
import { Task } from '../sched/task-layout.js';

/** Length of a row. An epoch is time * WIDTH + context. */
export const WIDTH = RACE_CONTEXTS;
export const CONTEXT_BITS = 8;
export const CONTEXT_MASK = WIDTH - 1;
if (1 << CONTEXT_BITS !== WIDTH) throw new Error('RACE_CONTEXTS is 1 << CONTEXT_BITS');
const MOST_TIME = (1 << (31 - CONTEXT_BITS)) - 1;

export const at = own_words(32);
export const enum At {
  /** 1 while races are looked for. */
  ON,
  /** 1 if they are to be looked for in the next schedule. */
  WANTED,
  /** The site of the step that runs. */
  SITE,
  /** Contexts so far, the first of which is 1. */
  CONTEXTS,
  SYNCS,
  /** Wake-ups order nothing while this is not 0. */
  QUIET,
  /** `Order` + 1 that the next atomic has instead of its own, 0 for none. */
  FORCED,
  /** A race was found. */
  FOUND,
  /** The host is told of accesses. */
  WATCHED,
  /** The schedule became too large to be looked at as a whole. */
  LOST,
  ENDED_FIRST,
  ENDED,
}

const clock = new Int32Array(WIDTH * WIDTH);
const pending = new Int32Array(WIDTH * WIDTH);
const depends = new Int32Array(WIDTH * WIDTH);
const fence = new Int32Array(WIDTH * WIDTH);
/** By context: bits of `Has`. */
const has = own_words(WIDTH);
const enum Has {
  PENDING = 1,
  FENCE = 2,
  DEPENDS = 4,
  /** Its rows but that of `clock` are not all 0. */
  ROWS = 8,
}
/** By context: accesses are not looked at while this is above 0. */
export const off = own_words(WIDTH);
/** By context: in a writer's section of a sequence counter; accesses left that count as marked. */
export const sections = own_words(WIDTH);
export const marked_left = own_words(WIDTH);
/** By context: it left its CPU by itself, and has not come back. */
const asleep = own_words(WIDTH);
/** Contexts that have ended, to be used again. */
const ended = own_words(WIDTH);

const syncs = new Int32Array(RACE_SYNCS * WIDTH);
/** By word of the memory: the row of the key, 0 if it has none. */
const sync_of = new Int32Array(memory_size >> 2);
const sync_keys = own_words(RACE_SYNCS);

/** By CPU and level: the contexts of its softirqs and hardirqs, 0 while there were none. */
const interrupts = own_words(2 * MAX_CPUS);

// ---- rows -----------------------------------------------------------------------------------------------------------
function join(to: Int32Array, t: number, from: Int32Array, f: number): void {
  for (let n = at[At.CONTEXTS]!; n > 0; n--) {
    const time = from[f + n]!;
    if (time > to[t + n]!) to[t + n] = time;
  }
}
function copy(to: Int32Array, t: number, from: Int32Array, f: number): void {
  for (let n = at[At.CONTEXTS]!; n > 0; n--) to[t + n] = from[f + n]!;
}
function clear(row: Int32Array, r: number): void {
  for (let n = at[At.CONTEXTS]!; n > 0; n--) row[r + n] = 0;
}

/** Too much for the tables: nothing more is found in this schedule. */
export function lose(): void {
  at[At.ON] = 0;
  at[At.LOST] = 1;
}

/** What was released is over: what comes now is later. */
function tick(t: number): void {
  if (++clock[t * WIDTH + t]! >= MOST_TIME) lose();
}

// ---- contexts -------------------------------------------------------------------------------------------------------
/** Return: 0 when there are too many. */
function new_context(): number {
  let t: number;
  if (at[At.CONTEXTS]! >= RACE_REUSE_CONTEXTS && at[At.ENDED]! > 0) {
    // Its accesses count as the new one's own: a race between the two is not seen, and no other is made up.
    t = ended[at[At.ENDED_FIRST]!]!;
    at[At.ENDED_FIRST] = (at[At.ENDED_FIRST]! + 1) & CONTEXT_MASK;
    at[At.ENDED]!--;
    const time = clock[t * WIDTH + t]!;
    clear(clock, t * WIDTH);
    clock[t * WIDTH + t] = time;
    tick(t);
  } else {
    t = at[At.CONTEXTS]! + 1;
    if (t >= RACE_CONTEXTS) {
      lose();
      return 0;
    }
    at[At.CONTEXTS] = t;
    clock[t * WIDTH + t] = 1;
  }
  has[t]! &= Has.ROWS;
  off[t] = 0;
  sections[t] = 0;
  marked_left[t] = 0;
  asleep[t] = 0;
  seen[t] = 0;
  held[t] = 0;
  rcu_depth[t] = 0;
  task_of[t] = 0;
  pointers.fill(0, t << POINTERS_SHIFT, (t + 1) << POINTERS_SHIFT);
  return t;
}
/** Nothing more is done in it, and it may be used for another one. 0 is none. */
export function end_context(t: number): void {
  if (t === 0) return;
  ended[(at[At.ENDED_FIRST]! + at[At.ENDED]!) & CONTEXT_MASK] = t;
  at[At.ENDED]!++;
}
/** Not by `st`: what the detector does is no part of the schedule. */
function set_context(task: number, t: number): void {
  I32[(task + Task.RACE) >> 2] = t;
  if (t !== 0) task_of[t] = task;
}
const ld = (a: number): number => I32[a >> 2]!;
/** By context: the task that it was made for, 0 for interrupts. */
const task_of = own_words(WIDTH);
function task_context(task: number): number {
  const t = new_context();
  if (t === 0) return 0;
  set_context(task, t);
  take(t, task);
  return t;
}
const IRQS_OFF = 1 << 30;

function interrupt_context(level: number): number {
  const i = level * MAX_CPUS + cpu;
  const known = interrupts[i]!;
  if (known !== 0) return known;
  const t = new_context();
  interrupts[i] = t;
  if (t !== 0) held[t] = level === Level.HARDIRQ ? Guard.IRQ : Guard.SOFTIRQ;
  return t;
}
const enum Level {
  SOFTIRQ = 0,
  HARDIRQ = 1,
}
/** The context that a preemption count of this CPU says. */
function context_of(count: number): number {
  if ((count & (HARDIRQ_MASK | SOFTIRQ_OFFSET)) !== 0)
    return interrupt_context((count & HARDIRQ_MASK) !== 0 ? Level.HARDIRQ : Level.SOFTIRQ);
  const task = ld(my + Pcpu.CURRENT);
  const t = ld(task + Task.RACE);
  return t !== 0 ? t : task_context(task);
}
/** The context that runs. Return: 0 if the detector has given up. */
export function here(): number {
  const count = ld(my + Pcpu.PREEMPT);
  const t = context_of(count);
  const state = ld(my + Pcpu.IRQ_OFF) !== 0 ? count | IRQS_OFF : count;
  if (seen[t] !== state) guard(t, state);
  return t;
}

/** Whose context it is. Level -1: a task's, which ran last on some CPU; else that of a CPU's interrupts. */
export function context_origin(t: number): { task: number; level: number; cpu: number } {
  const i = interrupts.indexOf(t);
  if (i >= 0) return { task: 0, level: Math.floor(i / MAX_CPUS), cpu: i % MAX_CPUS };
  const task = task_of[t]!;
  return { task, level: -1, cpu: task === 0 ? 0 : ld(task + Task.CPU) };
}

// ---- interrupts and preemption off ----------------------------------------------------------------------------------
// What cannot be interrupted on a CPU and what would interrupt it there exclude each other, as two holders of a lock do.
// The sections are those that module code can see: what a primitive turns off and on again inside its one step is none.
const enum Guard {
  /** Hardirq handlers, and sections with interrupts off. */
  IRQ = 1,
  /** Softirqs, and sections of tasks with softirqs or interrupts off. */
  SOFTIRQ = 2,
  /** Sections of tasks that are not preempted. */
  PREEMPT = 4,
}
const GUARDS = 3;
/** By context: the preemption count and the flag as they were at its last step, and the guards that it holds by them. */
const seen = own_words(WIDTH);
const held = own_words(WIDTH);
/** Rows by CPU and guard. */
const guards = new Int32Array(MAX_CPUS * GUARDS * WIDTH);

function guards_of(t: number, state: number): number {
  if (t === interrupts[Level.HARDIRQ * MAX_CPUS + cpu]) return Guard.IRQ;
  const irq = (state & IRQS_OFF) !== 0;
  if (t === interrupts[Level.SOFTIRQ * MAX_CPUS + cpu]) return irq ? Guard.SOFTIRQ | Guard.IRQ : Guard.SOFTIRQ;
  if (irq) return Guard.IRQ | Guard.SOFTIRQ | Guard.PREEMPT;
  if ((state & SOFTIRQ_MASK) !== 0) return Guard.SOFTIRQ | Guard.PREEMPT;
  return state !== 0 ? Guard.PREEMPT : 0;
}
/** The context's state has changed since it was looked at last. */
function guard(t: number, state: number): void {
  seen[t] = state;
  hold(t, guards_of(t, state));
}
function hold(t: number, now: number): void {
  const before = held[t]!;
  if (before === now) return;
  held[t] = now;
  const leaves = before & ~now;
  if (leaves !== 0) {
    for (let g = 0; g < GUARDS; g++)
      if ((leaves & (1 << g)) !== 0) join(guards, (cpu * GUARDS + g) * WIDTH, clock, t * WIDTH);
    tick(t);
  }
  const enters = now & ~before;
  for (let g = 0; g < GUARDS; g++)
    if ((enters & (1 << g)) !== 0) join(clock, t * WIDTH, guards, (cpu * GUARDS + g) * WIDTH);
  // All of them are read-side sections of RCU too.
  if (before === 0) rcu_lock(t);
  else if (now === 0) rcu_unlock(t);
}
/** An interrupt begins on top of what the preemption count without it says. */
export function interrupt_begins(level_bits: number): void {
  const count = ld(my + Pcpu.PREEMPT);
  const below = context_of(count - level_bits);
  // It runs with interrupts on, or this could not begin.
  if (seen[below] !== count - level_bits) guard(below, count - level_bits);
  const t = context_of(count);
  held[t] = 0;
  guard(t, count);
}
export function interrupt_ends(): void {
  const t = context_of(ld(my + Pcpu.PREEMPT));
  hold(t, 0);
  seen[t] = -1;
}
/** `task` leaves this CPU, `next` (0 if none) comes. */
export function switched(task: number, preempted: boolean, next: number): void {
  const t = task === 0 ? 0 : ld(task + Task.RACE);
  if (t !== 0) {
    if (seen[t] !== 0) guard(t, 0);
    asleep[t] = preempted ? 0 : 1;
  }
  const n = next === 0 ? 0 : ld(next + Task.RACE);
  if (n !== 0 && asleep[n] !== 0) {
    asleep[n] = 0;
    take(n, next);
  }
}
/** A kworker's next item. */
export function new_item(): void {
  const task = ld(my + Pcpu.CURRENT);
  end_context(ld(task + Task.RACE));
  set_context(task, new_context());
}
/** All that was done before comes before what this task does: module_exit, after all has come to rest. */
export function after_everything(task: number): void {
  const t = task_context(task);
  for (let u = at[At.CONTEXTS]!; u > 0; u--) if (u !== t) clock[t * WIDTH + u] = clock[u * WIDTH + u]!;
}

// ---- keys -----------------------------------------------------------------------------------------------------------
/** Index of the key's row in `syncs`, 0 when there are too many. */
function row_of(key: number): number {
  const known = sync_of[key >> 2]!;
  if (known !== 0) return known * WIDTH;
  const row = at[At.SYNCS]! + 1;
  if (row >= RACE_SYNCS) {
    lose();
    return 0;
  }
  at[At.SYNCS] = row;
  sync_keys[row] = key;
  sync_of[key >> 2] = row;
  return row * WIDTH;
}
/** What a marked read has seen and not ordered yet goes along: who acquires this comes after that too. */
function give(t: number, key: number): void {
  const row = row_of(key);
  join(syncs, row, clock, t * WIDTH);
  if ((has[t]! & Has.PENDING) !== 0) join(syncs, row, pending, t * WIDTH);
  tick(t);
}
function take(t: number, key: number): void {
  const row = sync_of[key >> 2]!;
  if (row !== 0) join(clock, t * WIDTH, syncs, row * WIDTH);
}
export const release = (key: number): void => give(here(), key);
export const acquire = (key: number): void => take(here(), key);
/** The memory of these keys is another's from now on. */
export function forget_keys(a: number, size: number): void {
  for (let w = a >> 2; w < (a + size) >> 2; w++) if (sync_of[w] !== 0) sync_of[w] = 0;
}

// ---- marked accesses ------------------------------------------------------------------------------------------------
/** A marked read of the place sees what was published there; `orders`: what comes after it is ordered. */
export function load(t: number, a: number, orders: boolean): void {
  const row = sync_of[a >> 2]!;
  if (row === 0) return;
  if (orders) return join(clock, t * WIDTH, syncs, row * WIDTH);
  gather(pending, Has.PENDING, t, row);
  const value = ld(a & ~3);
  if (value < STATIC || value >= memory_size) return;
  // It is an address as far as anybody can tell.
  gather(depends, Has.DEPENDS, t, row);
  pointers[(t << POINTERS_SHIFT) | (next_pointer[t]!++ & ((1 << POINTERS_SHIFT) - 1))] = value;
}
function gather(to: Int32Array, flag: Has, t: number, row: number): void {
  if ((has[t]! & flag) === 0) {
    has[t]! |= flag | Has.ROWS;
    clear(to, t * WIDTH);
  }
  join(to, t * WIDTH, syncs, row * WIDTH);
}
/** A marked write: what was published at the place before is not what is read there from now on. */
export function store(t: number, a: number, orders: boolean): void {
  const fenced = (has[t]! & Has.FENCE) !== 0;
  if (orders) {
    const row = row_of(a);
    clear(syncs, row);
    return give(t, a);
  }
  if (fenced) copy(syncs, row_of(a), fence, t * WIDTH);
  else if (sync_of[a >> 2] !== 0) clear(syncs, sync_of[a >> 2]! * WIDTH);
}
/** A read-modify-write keeps what others have published there, and adds to it. */
export function update(t: number, a: number, acquires: boolean, releases: boolean): void {
  load(t, a, acquires);
  if (releases) give(t, a);
  else if ((has[t]! & Has.FENCE) !== 0) join(syncs, row_of(a), fence, t * WIDTH);
}
/** smp_rmb: what marked reads have seen is ordered before what comes now. */
export function after_reads(t: number): void {
  if ((has[t]! & Has.PENDING) === 0) return;
  join(clock, t * WIDTH, pending, t * WIDTH);
  has[t]! &= ~Has.PENDING;
}
/** smp_wmb: marked writes from now on publish what was done before. */
export function before_writes(t: number): void {
  has[t]! |= Has.FENCE | Has.ROWS;
  copy(fence, t * WIDTH, clock, t * WIDTH);
  tick(t);
}
/** The context's own time. */
export const clock_of = (t: number): number => clock[t * WIDTH + t]!;
/** Whether `epoch` is ordered before what the context does now. */
export const is_before = (epoch: number, t: number): boolean =>
  epoch >>> CONTEXT_BITS <= clock[t * WIDTH + (epoch & CONTEXT_MASK)]!;
/**
 * Whether it would be for an access whose address came from a marked read: `a` is in memory that was handed out, which is
 * reached by pointers only, or in the variable that the context has read a pointer to.
 */
export function is_before_dependent(epoch: number, t: number, a: number): boolean {
  if ((has[t]! & Has.DEPENDS) === 0) return false;
  if (epoch >>> CONTEXT_BITS > depends[t * WIDTH + (epoch & CONTEXT_MASK)]!) return false;
  if (a >= STATIC_END) return true;
  const variable = symbols.at(a);
  for (let i = 0; i < 1 << POINTERS_SHIFT; i++) {
    const p = pointers[(t << POINTERS_SHIFT) | i]!;
    if (p !== 0 && variable !== null && symbols.at(p) === variable) return true;
  }
  return false;
}
/** Set by the host: the variable at an address. */
export const symbols = { at: (_a: number): unknown => null };
/** By context: the addresses that its last marked reads gave. */
const POINTERS_SHIFT = 3;
const pointers = own_words(WIDTH << POINTERS_SHIFT);
const next_pointer = own_words(WIDTH);

// ---- RCU ------------------------------------------------------------------------------------------------------------
// A grace period is ordered after the sections that had begun before it. Sections are gathered by the number of the first
// grace period that begins after they did; a section spans no more than two.
const PERIODS = 4;
const periods = new Int32Array((PERIODS + 1) * WIDTH);
const period_of = own_words(PERIODS);
const rcu_depth = own_words(WIDTH);
const rcu_begun = own_words(WIDTH);
/** Grace periods begun and ended so far; see sched/rcu.ts for the number. */
const begun = (): number => (ld(Mach.RCU_GP_SEQ) + 3) >>> 2;
const completed = (): number => ld(Mach.RCU_GP_SEQ) >>> 2;

export function rcu_lock(t: number): void {
  if (rcu_depth[t]!++ === 0) rcu_begun[t] = begun();
}
export function rcu_unlock(t: number): void {
  if (rcu_depth[t]! === 0 || --rcu_depth[t]! !== 0) return;
  const first = rcu_begun[t]! + 1;
  const i = first & (PERIODS - 1);
  if (period_of[i] !== first) {
    // The one that had this row has ended long since.
    join(periods, PERIODS * WIDTH, periods, i * WIDTH);
    clear(periods, i * WIDTH);
    period_of[i] = first;
  }
  join(periods, i * WIDTH, clock, t * WIDTH);
  tick(t);
}
export function rcu_passed(t: number): void {
  const over = completed();
  join(clock, t * WIDTH, periods, PERIODS * WIDTH);
  for (let i = 0; i < PERIODS; i++) if (period_of[i]! <= over) join(clock, t * WIDTH, periods, i * WIDTH);
}

// ---- restore --------------------------------------------------------------------------------------------------------
/** Forgets the schedule. */
export function reset_clocks(): void {
  const n = at[At.CONTEXTS]!;
  for (let t = 1; t <= n; t++) {
    clear(clock, t * WIDTH);
    if (task_of[t] !== 0) I32[(task_of[t]! + Task.RACE) >> 2] = 0;
    task_of[t] = 0;
    if ((has[t]! & Has.ROWS) === 0) continue;
    has[t] = 0;
    for (const rows of [pending, depends, fence]) clear(rows, t * WIDTH);
  }
  if (n > 0) {
    for (let i = 0; i <= PERIODS; i++) clear(periods, i * WIDTH);
    for (let i = 0; i < cpus() * GUARDS; i++) clear(guards, i * WIDTH);
    period_of.fill(0);
    interrupts.fill(0);
  }
  for (let s = at[At.SYNCS]!; s > 0; s--) {
    clear(syncs, s * WIDTH);
    sync_of[sync_keys[s]! >> 2] = 0;
  }
  const wanted = at[At.WANTED]!;
  const watched = at[At.WATCHED]!;
  at.fill(0);
  at[At.WATCHED] = watched;
  at[At.WANTED] = wanted;
  at[At.ON] = wanted;
}
const cpus = (): number => ld(Mach.CPUS);
