// noinstr: never transformed, never interrupted.
// The stepped machine: all CPUs of a machine in this thread. Stands in for cpu/loop.ts in the stepped build, so it is
// part of the kernel's own module graph; explore/ drives it.
//
// A CPU is a stack of activations: the task that runs there at the bottom (its generator twin belongs to the task and
// may go on at any CPU), interrupts on top of it. One decision lets one CPU run until its next pause: the end of the
// length it was given, a wait, a sleep, an end, or attention (something happened that lets another CPU run).
import { MAX_CPUS, QUIET_EXPIRIES, QUIET_JUMPS, TIMER_AHEAD } from '../machine/params.js';
import { Mach, Pcpu, percpu_base, State } from '../machine/memory-map.js';
import { cpu, current_task, my, switch_cpu } from '../cpu/context.js';
import { run_interrupt } from '../cpu/interrupt.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import {
  in_hardirq,
  in_interrupt,
  in_serving_softirq,
  PREEMPT_MASK,
  preempt_count,
  SOFTIRQ_MASK,
  SOFTIRQ_OFFSET,
} from '../cpu/preempt.js';
import { rwlock_wait_text } from '../cpu/rwlock.js';
import { seqcount_text } from '../cpu/seqcount.js';
import { do_softirq, softirqs_left } from '../cpu/softirq.js';
import { arch_spin_lock, HOLDER, lock_text } from '../cpu/spinlock.js';
import { spin_lock_slow } from '../cpu/spin-slow.js';
import { MachineStopped } from '../cpu/step.js';
import { NMI_VECTORS, PAUSE, SCHEDULE, Vector, VECTOR_NAMES, Wait, WAIT_NAMES } from '../cpu/vectors.js';
import { call_sleepable } from '../kernel/call.js';
import { held_locks } from '../kernel/held.js';
import { set_alloc_owner } from '../mm/owner.js';
import { kfree, kmalloc } from '../mm/slab.js';
import { GFP_ATOMIC } from '../linux/gfp_types.js';
import { print_oops, report, task_comm, task_pid } from '../kernel/panic.js';
import { call_text, owner_of_text, text_at } from '../kernel/text.js';
import { fatal_in_interrupt } from '../kernel/traps.js';
import { can_balance, idle_balance, switch_tasks } from '../sched/core.js';
import { __might_sleep, blocked_text, for_each_task, held_mutexes } from '../sched/debug.js';
import { pq_first } from '../sched/pqueue.js';
import { rcu_poll } from '../sched/rcu.js';
import { exit_task, parked_before_start, release_task, stopped_before_start } from '../sched/kthread.js';
import { cond_resched, drive, give_way, preempt_schedule, resched, schedule } from '../sched/sleep.js';
import {
  Block,
  PF_DAEMON,
  PF_WQ_WORKER,
  Rwsem,
  Task,
  TASK_DEAD,
  TASK_IDLE,
  TASK_NEW,
  TASK_NOLOAD,
  TASK_SIZE,
  TASK_UNINTERRUPTIBLE,
} from '../sched/task-layout.js';
import { NR_HRTIMERS } from '../sched/work-layout.js';
import { a_ld, hash_memory, ld, ld8, ldf64, own_bytes, own_words, restore_snapshot, st, take_snapshot } from './raw.js';
import {
  clock_ns,
  count_step,
  JIFFY_NS,
  jump_to_jiffy,
  jump_to_ns,
  pass_ns,
  publish_jiffies,
  reset_clock,
  steps,
} from './clock.js';
import { Action, Context, CONTEXT_BITS, type Decision, type Strategy, type View } from './strategy.js';
import { after_everything, at, At, reset_clocks, end_context, switched } from '../detect/clocks.js';
import { order_schedule, order_signature, step_order } from '../detect/behaviour.js';
import { reset_shadow } from '../detect/shadow.js';

type Activation = Generator<number, unknown, void>;
type Twin = ((...args: never[]) => unknown) & {
  $g?: (...args: unknown[]) => Activation;
  $y?: (...args: unknown[]) => Activation;
};

const EFAULT = 14;

/** What else than steps a tracer is told of. */
export const enum Note {
  /** The CPU, or the task on it, waits in the middle of a primitive. */
  WAITS,
  /** The task leaves the CPU, and comes back. */
  LEAVES,
  /** The task has ended. */
  ENDS,
  /** An interrupt begins on top of what the CPU does, and ends. */
  ENTERS,
  EXITS,
}
/** Watches schedules, for reports. All are about the CPU that runs now (`running_now`). */
export interface Tracer {
  /**
   * The CPU stands before the access or the call of a site, with what the transform knows of it (`Runtime.s`). It is
   * made after `step`, which is called at once or when the CPU goes on.
   */
  stands(site: number, a: unknown, b: unknown): void;
  step(site: number): void;
  note(what: Note, text: string): void;
}

// ---- what this thread keeps of the machine beside its memory -------------------------------------------------------
/** Interrupts in progress, innermost last, by CPU. */
const stacks: Activation[][] = [];
/** What a CPU waits for in wait_on, for `Waits.CONDITION`. */
const conditions: ((() => boolean) | null)[] = [];
/** By CPU: the length of its stack. */
const depth = own_words(MAX_CPUS);
/** By CPU: the address of the spin lock that it waits for, or one of `Waits`. */
const waits = own_words(MAX_CPUS);
const enum Waits {
  NOTHING = 0,
  CONDITION = -1,
  /** In cpu_relax: for anybody else's step. */
  STEP = -2,
}
/** By CPU: steps of the whole machine when it began to relax. */
const relaxed_at = own_words(MAX_CPUS);
/** By CPU: the site of a step whose access has not been made yet, -1 if none. For traces. */
const pending_site = own_words(MAX_CPUS);
/** By CPU: what that access touches, as `place_of` in transform/context.ts makes it. */
const pending_place = own_words(MAX_CPUS);
const running: (Activation | null)[] = [null];
/** Entries of `running` that were given back. */
const freed: number[] = [];

const now = own_words(16);
const enum Now {
  /** Steps until the next decision. */
  COUNTDOWN,
  /** Steps of the CPU that runs now, since its decision. */
  OWN_STEPS,
  /** The CPU that ran last, -1 if none. */
  LAST,
  /** All CPUs have to be looked at again, not only the one that ran and those for which something happened. */
  STALE,
  /** How many of `rung` are valid. */
  RUNG,
  /** Some CPU was in cpu_relax at the last look: a step of another one lets it go on. */
  RELAXING,
  /** Steps of the machine at the last back-edge of a loop. */
  LOOPED,
  /** How many CPUs have queued tasks that may move, and how many of these have a bound one first. */
  SOURCES,
  BOUND,
  /** CPUs of the machine. */
  CPUS,
  /** First entry of `running` that no schedule has used yet, and how many of `freed` are valid. */
  SLOTS,
  FREED,
  /** Jumps since a task ran, and of this phase. */
  QUIET,
  JUMPS,
}
let max_steps = 0;
let tracer: Tracer | null = null;

/** CPUs for which something happened. */
const RUNG_MAX = 7;
const rung = own_words(RUNG_MAX);

/** The next step is a decision point. */
export function stop_here(): void {
  now[Now.COUNTDOWN] = 0;
}
/** Something happened that may let CPU `c` run, any if that is no CPU: the next step is a decision point. */
export function attention(c: number): void {
  if (!decision.firm) now[Now.COUNTDOWN] = 0;
  if (c === cpu && c === now[Now.LAST]!) return; // is looked at anyway
  const n = now[Now.RUNG]!;
  if (n > 0 && rung[n - 1] === c) return;
  if (c >= 0 && n < RUNG_MAX) {
    rung[n] = c;
    now[Now.RUNG] = n + 1;
  } else now[Now.STALE] = 1;
}
/** A lock is free that others wait for. */
export function lock_freed(a: number): void {
  for (let c = 0; c < now[Now.CPUS]!; c++) if (waits[c] === a) attention(c);
}
export function set_condition(condition: (() => boolean) | null): void {
  conditions[cpu] = condition;
  waits[cpu] = condition === null ? Waits.STEP : Waits.CONDITION;
  relaxed_at[cpu] = steps();
  if (tracer !== null && condition !== null) tracer.note(Note.WAITS, wait_text(cpu));
}
/** As set_condition: until nobody holds the lock. */
export function wait_for_lock(a: number): void {
  waits[cpu] = a;
  if (tracer !== null) tracer.note(Note.WAITS, wait_text(cpu));
}

/** A step of the module: true if the CPU pauses here, before the access. */
export function step_here(site: number, place: number, a?: unknown, b?: unknown): boolean {
  if (tracer !== null) tracer.stands(site, a, b);
  if (now[Now.COUNTDOWN]!-- > 0) {
    count_step();
    now[Now.OWN_STEPS]!++;
    step_order(cpu, site, place);
    at[At.SITE] = site;
    if (tracer !== null) tracer.step(site);
    return false;
  }
  pending_site[cpu] = site;
  pending_place[cpu] = place;
  return true;
}

/**
 * A loop's back-edge is a step only when there was none since the last one: a loop without steps of its own has to take
 * interrupts and to end somewhere; one more place between two steps of others is no other interleaving.
 */
export function loop_here(site: number): boolean {
  const before = now[Now.LOOPED]!;
  const n = steps();
  now[Now.LOOPED] = n;
  if (n !== before) return false;
  now[Now.LOOPED] = n + 1;
  return step_here(site, 0);
}

// ---- twins written by hand: the functions of noinstr files that suspend or call back ---------------------------------
const twin = (f: unknown): Twin => f as Twin;
twin(arch_spin_lock).$g = function* (a: unknown): Activation {
  // As the plain one: a compare-exchange, and the slow path if it fails.
  if (ld(a as number) !== 0) yield* twin(spin_lock_slow).$g!(a);
  else st(a as number, cpu + 1);
  return undefined;
};
twin(call_text).$g = function* (handle: unknown, a: unknown, b: unknown, c: unknown): Activation {
  const f = twin(text_at(handle as number));
  if (f.$g !== undefined) {
    const before = set_alloc_owner(owner_of_text(handle as number));
    const result = yield* f.$g(a, b, c);
    set_alloc_owner(before);
    return result;
  }
  if (f.$y !== undefined)
    throw new Error(`${f.name} is a generator function: it may sleep, and is called where nothing may sleep`);
  return (f as (...args: unknown[]) => unknown)(a, b, c);
};
// No generator of its own: the caller delegates to the function's.
twin(call_sleepable).$y = (handle: unknown, argument: unknown): Activation =>
  start_function(handle as number, argument);
for (const f of [drive, schedule, resched, give_way]) twin(f).$y = f as unknown as (...args: unknown[]) => Activation;
twin(cond_resched).$y = function* (): Activation {
  if (ld(current_task() + Task.RCU_NESTING) !== 0) __might_sleep('cond_resched');
  if (ld(my + Pcpu.NEED_RESCHED) === 0 || preempt_count() !== 0) return 0;
  return yield* resched();
};
twin(preempt_schedule).$y = function* (): Activation {
  return preempt_count() !== 0 || irqs_disabled() ? 0 : yield* resched();
};

function* start_plain(f: Twin, argument: unknown): Activation {
  return (f as (argument: unknown) => unknown)(argument);
}
/** By text handle: what makes the activation. Asked of the function once: no two functions look alike to the compiler. */
const starters: (((argument: unknown) => Activation) | undefined)[] = [];
function start_function(handle: number, argument: unknown): Activation {
  return (starters[handle] ?? starter(handle))(argument);
}
function starter(handle: number): (argument: unknown) => Activation {
  const f = twin(text_at(handle));
  const made = f.$y ?? f.$g ?? ((argument: unknown) => start_plain(f, argument));
  starters[handle] = made;
  return made;
}

// ---- restore --------------------------------------------------------------------------------------------------------
/** The machine as it is now, with no task but the idle ones started, is what `restore` comes back to. */
export function set_restore_point(): void {
  if (stacks.some((s) => s.length > 0)) throw new Error('set_restore_point: an interrupt is in progress');
  // Each CPU has memory for a few tasks at hand, as one has that has run for a while: fetching it is half of what a
  // task costs.
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    switch_cpu(c);
    kfree(kmalloc(TASK_SIZE, GFP_ATOMIC));
  }
  switch_cpu(0);
  take_snapshot();
}
/** Two loads if the last schedule was not looked at. */
function forget_races(): void {
  if ((at[At.CONTEXTS]! | at[At.WANTED]! | at[At.ON]!) === 0) return;
  reset_clocks();
  reset_shadow();
}
export function restore(): void {
  restore_snapshot();
  reset_clock();
  forget_races();
  for (let i = 1; i < now[Now.SLOTS]!; i++) running[i] = null;
  now[Now.SLOTS] = 1;
  now[Now.FREED] = 0;
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    if (depth[c] !== 0) stacks[c]!.length = 0;
    depth[c] = 0;
    waits[c] = Waits.NOTHING;
    pending_site[c] = -1;
  }
  now[Now.LAST] = -1;
  now[Now.STALE] = 1;
  now[Now.LOOPED] = -1;
  now[Now.QUIET] = 0;
  now[Now.COUNTDOWN] = 0;
  now[Now.OWN_STEPS] = 0;
  switch_cpu(0);
  order_schedule();
}

/** Makes this thread's machine one of `n` CPUs. */
export function init_cpus(n: number): void {
  stacks.length = 0;
  conditions.length = 0;
  for (const words of [depth, waits, relaxed_at]) words.fill(0);
  pending_site.fill(-1);
  seen.fill(0);
  now[Now.SOURCES] = 0;
  now[Now.BOUND] = 0;
  now[Now.CPUS] = n;
  for (let c = 0; c < n; c++) {
    stacks.push([]);
    conditions.push(null);
  }
}
export function set_tracer(f: Tracer | null): void {
  tracer = f;
}
export const total_steps = (): number => steps();
export const now_ns = (): number => clock_ns();
export const schedule_signature = (): number => order_signature();

// ---- who can go on --------------------------------------------------------------------------------------------------
const view: View = {
  cpus: own_words(MAX_CPUS),
  count: 0,
  last: -1,
  used_up: false,
  pending: own_bytes(MAX_CPUS),
  contended: own_bytes(MAX_CPUS),
  timers: false,
  steps,
  context,
  place: (c) => (pending_site[c]! < 0 ? 0 : pending_place[c]!),
};
function context(c: number): number {
  if (depth[c] !== 0) return (c << CONTEXT_BITS) | Context.INTERRUPT;
  const task = ld(percpu_base(c) + Pcpu.RQ_CURR);
  return task === 0 ? (c << CONTEXT_BITS) | Context.IDLE : (task_pid(task) << CONTEXT_BITS) | Context.TASK;
}

function can_interrupt(area: number): boolean {
  return (ld(area + Pcpu.PENDING) & ~NMI_VECTORS) !== 0 && ld(area + Pcpu.IRQ_OFF) === 0;
}
/** A running task may be preempted: nothing forbids it, and somebody asked for it. */
function can_preempt(area: number): boolean {
  return ld(area + Pcpu.NEED_RESCHED) !== 0 && ld(area + Pcpu.PREEMPT) === 0 && ld(area + Pcpu.IRQ_OFF) === 0;
}
/** CPU `c` waits, and what it waits for is not there. */
function holds(c: number): boolean {
  const what = waits[c]!;
  if (what > 0) return (ld(what) & HOLDER) !== 0;
  if (what === Waits.CONDITION) return !conditions[c]!();
  return what === Waits.STEP && relaxed_at[c] === steps();
}

/** By CPU: what the last look at it found, bits of `Seen`. */
const seen = own_words(MAX_CPUS);
const enum Seen {
  /** It can go on. */
  CAN_GO = 1,
  /** It idles, and could take a task that is queued elsewhere. */
  IDLE = 2,
  /** It has queued tasks that may move; the first of them may not go everywhere. */
  MOVABLE = 4,
  BOUND = 8,
  /** As in View. */
  PENDING = 16,
  CONTENDED = 32,
  /** What the choice of CPUs depends on. */
  OFFER = 15,
}

/** Brings the view up to date. Return: how many CPUs can go on. */
function look(): number {
  const last = now[Now.LAST]!;
  view.last = last;
  view.used_up = decision.firm && now[Now.COUNTDOWN]! < 0;
  view.timers = ld(Mach.NR_TIMERS) !== 0 && is_near(next_deadline(false));
  if (now[Now.STALE] !== 0 || now[Now.RELAXING] !== 0) {
    now[Now.STALE] = 0;
    now[Now.RELAXING] = 0;
    now[Now.RUNG] = 0;
    for (let c = 0; c < now[Now.CPUS]!; c++) look_at(c);
    return fill_view();
  }
  let changed = look_at(last);
  while (now[Now.RUNG] !== 0) if (look_at(rung[--now[Now.RUNG]!]!)) changed = true;
  return changed ? fill_view() : view.count;
}
function fill_view(): number {
  const n = now[Now.CPUS]!;
  const offered = now[Now.SOURCES] !== 0 && now[Now.BOUND] === 0 ? Seen.CAN_GO | Seen.IDLE : Seen.CAN_GO;
  const ask = now[Now.BOUND] !== 0;
  let count = 0;
  for (let c = 0; c < n; c++) {
    const what = seen[c]!;
    if ((what & offered) === 0 && !(ask && (what & Seen.IDLE) !== 0 && can_balance(c))) continue;
    view.cpus[count++] = c;
  }
  view.count = count;
  return count;
}
/** Return: true if something has changed that the choice of CPUs depends on. */
function look_at(c: number): boolean {
  const area = percpu_base(c);
  const busy = is_busy(c, area);
  let found: number;
  if ((ld(area + Pcpu.PENDING) | ld(area + Pcpu.RQ_NR)) === 0) {
    // As mostly: nothing comes from elsewhere.
    found = !busy ? Seen.IDLE : waits[c] !== Waits.NOTHING && holds(c) ? 0 : Seen.CAN_GO;
  } else {
    const pending = can_interrupt(area);
    const queued = ld(area + Pcpu.RQ_NR) !== 0;
    found = pending || (busy ? !holds(c) : queued) ? Seen.CAN_GO : busy ? 0 : Seen.IDLE;
    if (busy && pending) found |= Seen.PENDING;
    if (busy && queued) found |= Seen.CONTENDED;
    if (ld(area + Pcpu.RQ_MOVABLE) !== 0) found |= first_is_bound(area) ? Seen.MOVABLE | Seen.BOUND : Seen.MOVABLE;
  }
  if (waits[c] === Waits.STEP) now[Now.RELAXING] = 1;
  const before = seen[c]!;
  if (found === before) return false;
  seen[c] = found;
  view.pending[c] = found & Seen.PENDING;
  view.contended[c] = found & Seen.CONTENDED;
  now[Now.SOURCES]! += ((found & Seen.MOVABLE) - (before & Seen.MOVABLE)) >> 2;
  now[Now.BOUND]! += ((found & Seen.BOUND) - (before & Seen.BOUND)) >> 3;
  return ((found ^ before) & Seen.OFFER) !== 0;
}
function first_is_bound(area: number): boolean {
  const task = pq_first(area + Pcpu.RQ_HEAP) - Task.NODE;
  return (ld(task + Task.ALLOWED) & ld(task + Task.ALLOWED + 4)) !== -1 || ld8(task + Task.MIGRATION_DISABLED) !== 0;
}
/** For tests: how the view that a strategy is given differs from what a look at every CPU says, '' if it does not. */
export function view_error(): string {
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    const area = percpu_base(c);
    const pending = can_interrupt(area);
    const busy = is_busy(c, area);
    const queued = ld(area + Pcpu.RQ_NR) !== 0;
    const can = pending || (busy ? !holds(c) : queued || can_balance(c));
    const offered = view.cpus.subarray(0, view.count).includes(c);
    if (can && !offered) return `CPU ${c} can go on and is not offered`;
    // Who waits for a lock may be offered when it has been taken again meanwhile: it waits again.
    if (!can && offered && waits[c]! <= 0) return `CPU ${c} is offered and cannot go on`;
    if (can && (view.pending[c] !== 0) !== (busy && pending)) return `CPU ${c}: an interrupt is pending, or not`;
    if (can && (view.contended[c] !== 0) !== (busy && queued)) return `CPU ${c}: another task waits, or not`;
  }
  const timers = ld(Mach.NR_TIMERS) !== 0 && is_near(next_deadline(false));
  return view.timers === timers ? '' : `timers: ${view.timers}`;
}
/** Something runs there, or a softirq is left over for an idle CPU. */
const is_busy = (c: number, area: number): boolean =>
  depth[c] !== 0 || ld(area + Pcpu.RQ_CURR) !== 0 || ld(area + Pcpu.SOFTIRQ_PENDING) !== 0;

// ---- time -----------------------------------------------------------------------------------------------------------
/**
 * When the next timer is due, in ns, Infinity if there is none; with `enabled`, of those on CPUs that could take the interrupt
 * now.
 */
function next_deadline(enabled: boolean): number {
  let next = Infinity;
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    const area = percpu_base(c);
    const deadline = Math.min(ldf64(area + Pcpu.DEADLINE) * JIFFY_NS, ldf64(area + Pcpu.HR_DEADLINE));
    if (deadline < next && !(enabled && ld(area + Pcpu.IRQ_OFF) !== 0)) next = deadline;
  }
  return next;
}
/** Not due yet, and not so far that a CPU which makes a few steps meanwhile would be absurdly slow. */
function is_near(ns: number): boolean {
  const ahead = ns - clock_ns();
  return ahead > 0 && ahead <= TIMER_AHEAD * JIFFY_NS;
}
/** The timer interrupt becomes pending wherever a timer is due. */
function raise_due(): void {
  const jiffies = ld(Mach.JIFFIES);
  for (let c = 0; c < now[Now.CPUS]!; c++) if (ldf64(percpu_base(c) + Pcpu.DEADLINE) <= jiffies) raise_timer(c);
  if (ld(NR_HRTIMERS) !== 0) raise_due_hr();
  now[Now.STALE] = 1;
}
/** The same for hrtimers, whose time comes in the middle of a jiffy too. */
function raise_due_hr(): void {
  const ns = clock_ns();
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    const area = percpu_base(c);
    if (ldf64(area + Pcpu.HR_DEADLINE) > ns || (ld(area + Pcpu.PENDING) & (1 << Vector.HRTIMER)) !== 0) continue;
    st(area + Pcpu.PENDING, ld(area + Pcpu.PENDING) | (1 << Vector.HRTIMER));
    now[Now.STALE] = 1;
  }
}
function raise_timer(c: number): void {
  const area = percpu_base(c);
  st(area + Pcpu.PENDING, ld(area + Pcpu.PENDING) | (1 << Vector.TIMER));
  now[Now.STALE] = 1;
}
/** Nothing can go on by itself: time jumps to the next timer. Return: false if there is none, or they change nothing. */
function jump(): boolean {
  const next = ld(Mach.NR_TIMERS) === 0 ? Infinity : next_deadline(true);
  // A thread that polls with msleep, or a timer that re-arms itself, goes on for ever: also that is waiting for good.
  // While init or exit has not returned, it may be asleep for longer than others poll.
  const patience = watched_task === 0 ? 1 : 16;
  if (
    next === Infinity ||
    now[Now.QUIET]!++ >= patience * QUIET_EXPIRIES ||
    now[Now.JUMPS]!++ >= patience * QUIET_JUMPS
  )
    return false;
  jump_to(next);
  raise_due();
  return true;
}
function jump_to(ns: number): void {
  if (ns > clock_ns()) jump_to_ns(ns);
  else jump_to_jiffy(0);
}
/** The strategy lets time pass. A timer that is due and not yet run holds it: deadlines keep their order. */
function pass_time(action: Action, c: number): void {
  const next = next_deadline(false);
  if (next > clock_ns()) {
    // A tick is at the next jiffy, unless a timer comes before it.
    const jiffy = (Math.floor(clock_ns() / JIFFY_NS) + 1) * JIFFY_NS;
    jump_to(action === Action.TIMER && is_near(next) ? next : Math.min(jiffy, next));
    raise_due();
  }
  if (action === Action.TICK) raise_timer(c);
}
/**
 * All CPUs wait, and there is no timer: a jiffy passes. Loops that relax look at the time again, and the tick lets
 * another task have the CPU. Return: false if neither can help.
 */
function pass_jiffy(): boolean {
  let helps = false;
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    if (waits[c] === Waits.NOTHING) continue;
    const area = percpu_base(c);
    const contended = ld(area + Pcpu.RQ_NR) !== 0 && ld(area + Pcpu.IRQ_OFF) === 0 && ld(area + Pcpu.PREEMPT) === 0;
    if (contended) raise_timer(c);
    if (contended || waits[c] === Waits.STEP) helps = true;
    relaxed_at[c] = -1;
  }
  if (!helps) return false;
  jump_to_jiffy(0);
  raise_due();
  return true;
}

// ---- running one CPU ------------------------------------------------------------------------------------------------
/** Lets CPU `c` go on until its next pause. */
function resume(c: number, interrupt: boolean): void {
  if (cpu !== c) switch_cpu(c);
  now[Now.LAST] = c;
  now[Now.OWN_STEPS] = 0;
  if (interrupt && can_interrupt(my)) push_interrupt(c);
  preempt(c);
  if (depth[c] !== 0) return resume_interrupt(c);
  if (ld(my + Pcpu.RQ_CURR) === 0) {
    if (ld(my + Pcpu.RQ_NR) === 0 && ld(my + Pcpu.SOFTIRQ_PENDING) === 0 && idle_balance()) now[Now.STALE] = 1;
    leave_task(0, false);
    if (depth[c] !== 0) return resume_interrupt(c);
  }
  const task = ld(my + Pcpu.RQ_CURR);
  if (task !== 0) resume_task(c, task);
}
/** The running task gives way, if it was asked to and may. */
function preempt(c: number): void {
  if (depth[c] === 0 && can_preempt(my) && ld(my + Pcpu.RQ_CURR) !== 0) leave_task(ld(my + Pcpu.RQ_CURR), true);
}

/** The access that a pause stood before is made now. */
function passed(c: number): void {
  waits[c] = Waits.NOTHING;
  const site = pending_site[c]!;
  if (site < 0) return; // it waited, or begins
  pending_site[c] = -1;
  step_order(c, site, pending_place[c]!);
  at[At.SITE] = site;
  count_step(); // not of the length that the decision gave: that counts the steps on which it did not pause
  if (tracer !== null) tracer.step(site);
}

function push_interrupt(c: number): void {
  const pending = ld(my + Pcpu.PENDING) & ~NMI_VECTORS;
  const vector = 31 - Math.clz32(pending & -pending);
  st(my + Pcpu.PENDING, ld(my + Pcpu.PENDING) & ~(1 << vector));
  if (vector === Vector.RESCHEDULE) return; // its handler does nothing: the queue is looked at anyway
  st(my + Pcpu.IRQ_OFF, 1);
  if (tracer !== null) tracer.note(Note.ENTERS, `interrupt (${vector_text(vector)})`);
  push(c, twin(run_interrupt).$g!(vector));
}
/** What a CPU or a task waits for, and the step that it stands before, while it does something else. */
interface Interrupted {
  waits: number;
  condition: (() => boolean) | null;
  site: number;
  place: number;
}
/** Puts an activation on top of what the CPU does. */
function push(c: number, activation: Activation): void {
  const interrupted = {
    waits: waits[c]!,
    condition: conditions[c]!,
    site: pending_site[c]!,
    place: pending_place[c]!,
  };
  pending_site[c] = -1;
  waits[c] = Waits.NOTHING;
  stacks[c]!.push(with_state(c, interrupted, activation));
  depth[c]!++;
}
/** What it interrupted waits again, or still has its access before it, when the interrupt has ended. */
function* with_state(c: number, interrupted: Interrupted, activation: Activation): Activation {
  yield* activation;
  relaxed_at[c] = -1;
  waits[c] = interrupted.waits;
  conditions[c] = interrupted.condition;
  pending_site[c] = interrupted.site;
  pending_place[c] = interrupted.place;
  return undefined;
}

function resume_interrupt(c: number): void {
  passed(c);
  try {
    const r = stacks[c]![depth[c]! - 1]!.next();
    if (r.done === true) {
      stacks[c]!.pop();
      depth[c]!--;
      if (tracer !== null) tracer.note(Note.EXITS, '');
      preempt(c);
    } else if (r.value === SCHEDULE) throw new Error('an interrupt handler called schedule()');
  } catch (error) {
    fatal_in_interrupt(error, ld(my + Pcpu.IN_VECTOR) - 1);
  }
}

function resume_task(c: number, task: number): void {
  now[Now.QUIET] = 0;
  passed(c);
  try {
    const slot = ld(task + Task.SLOT);
    let activation = running[slot]!;
    if (slot === 0) {
      if (stopped_before_start(task)) return task_ended(task, ld(task + Task.EXIT_CODE), false);
      if (parked_before_start(task)) return leave_task(task, false);
      activation = start_function(ld(task + Task.THREADFN), ld(task + Task.DATA));
      const taken = now[Now.FREED]! > 0 ? freed[--now[Now.FREED]!]! : now[Now.SLOTS]!++;
      running[taken] = activation;
      st(task + Task.SLOT, taken);
    }
    const r = activation.next();
    if (r.done === true) finish(task, r.value);
    else if (r.value === SCHEDULE) leave_task(task, false);
    else if (r.value !== PAUSE && waits[c] === Waits.NOTHING) throw new Error('a task yielded without a reason');
  } catch (error) {
    if (error instanceof MachineStopped) throw error;
    print_oops(error);
    reset_context();
    task_ended(task, -EFAULT, true);
  }
}

function finish(task: number, value: unknown): void {
  if (preempt_count() !== 0 || irqs_disabled())
    report(
      `thread ${task_comm(task)}/${task_pid(task)} ended with preempt_count 0x${preempt_count().toString(16)}, interrupts ${irqs_disabled() ? 'off' : 'on'}: a lock is still held`,
      '',
    );
  reset_context();
  task_ended(task, typeof value === 'number' ? value | 0 : 0, false);
}
function reset_context(): void {
  st(my + Pcpu.PREEMPT, 0);
  st(my + Pcpu.IRQ_OFF, 0);
}
function task_ended(task: number, code: number, oopsed: boolean): void {
  const slot = ld(task + Task.SLOT);
  if (slot !== 0) {
    running[slot] = null;
    freed[now[Now.FREED]!++] = slot;
  }
  if (task === watched_task) {
    watched_code = code;
    watched_task = 0;
  }
  exit_task(task, code, oopsed);
  if (at[At.ON] !== 0) end_context(ld(task + Task.RACE));
  leave_task(task, false);
}
/** The task leaves the CPU; the next one is put there, and not yet run. */
function leave_task(task: number, preempted: boolean): void {
  const dead = task !== 0 && ld(task + Task.STATE) === TASK_DEAD;
  const c = cpu;
  // A preempted task's step is still before its access, or it still waits: the task takes that along.
  if (task !== 0) {
    if (tracer !== null) tracer.note(dead ? Note.ENDS : Note.LEAVES, left_text(task, preempted));
    const slot = ld(task + Task.SLOT);
    carried[slot] = pending_site[c]!;
    carried_place[slot] = pending_place[c]!;
    carried_wait[slot] = waits[c] === Waits.NOTHING ? null : take_wait(c);
  }
  pending_site[c] = -1;
  const next = switch_tasks(task, preempted);
  if (next !== 0) {
    const slot = ld(next + Task.SLOT);
    if (slot !== 0) {
      pending_site[c] = carried[slot]!;
      pending_place[c] = carried_place[slot]!;
      const wait = carried_wait[slot]!;
      if (wait !== null) give_wait(c, wait);
    }
  }
  if (at[At.ON] !== 0) switched(task, preempted, next);
  if (dead) release_task(task);
  if (softirqs_left()) {
    if (tracer !== null) tracer.note(Note.ENTERS, 'softirq');
    push(c, twin(do_softirq).$g!());
  }
}
/** By slot, of tasks that are not on a CPU. */
const carried: number[] = [];
const carried_place: number[] = [];
interface CarriedWait {
  waits: number;
  condition: (() => boolean) | null;
  reason: number;
  address: number;
}
const carried_wait: (CarriedWait | null)[] = [];
function take_wait(c: number): CarriedWait {
  const wait = {
    waits: waits[c]!,
    condition: conditions[c]!,
    reason: ld(my + Pcpu.WAIT_REASON),
    address: ld(my + Pcpu.WAIT_ADDR),
  };
  waits[c] = Waits.NOTHING;
  st(my + Pcpu.WAIT_REASON, Wait.NOTHING);
  return wait;
}
function give_wait(c: number, wait: CarriedWait): void {
  waits[c] = wait.waits;
  conditions[c] = wait.condition;
  relaxed_at[c] = -1;
  st(my + Pcpu.WAIT_REASON, wait.reason);
  st(my + Pcpu.WAIT_ADDR, wait.address);
}

// ---- a schedule -----------------------------------------------------------------------------------------------------
let watched_task = 0;
let watched_code = 0;

/** What ended a run. */
export type Ended =
  /** Nothing runs or will. */
  | 'quiet'
  /** The counters of oopses, warnings and reports are not 0. */
  | 'finding'
  | 'panic'
  | 'deadlock'
  | 'livelock';

export interface Recorder {
  /**
   * A decision that was a choice: more than one thing was possible. Called when its length is known; `cut` is true if the
   * CPU would have gone on, but has made all its steps.
   */
  decided(cpu: number, action: Action, steps: number, cut: boolean): void;
  /** Called at each switch with a hash over the memory, when asked for. */
  hashed(hash: number): void;
}
const decision: Decision = { cpu: 0, action: Action.RUN, steps: 0, firm: false };
const FOREVER = 0x3fffffff;

export const found = (): boolean => ld(Mach.OOPSES) + ld(Mach.WARNINGS) + ld(Mach.REPORTS) + at[At.FOUND]! !== 0;

/** Runs until everything waits for good or, unless `to_the_end`, something was found. */
export function run(
  strategy: Strategy,
  recorder: Recorder,
  limit: number,
  hashing: boolean,
  to_the_end: boolean,
): Ended {
  max_steps = limit;
  now[Now.STALE] = 1;
  now[Now.QUIET] = 0;
  now[Now.JUMPS] = 0;
  let hash = 0x811c9dc5;
  let idle_rounds = 0;
  let choice = false;
  try {
    for (;;) {
      let count = look();
      if (count === 0) {
        if (!jump()) {
          if (!spinning()) return 'quiet';
          if (!pass_jiffy()) return 'deadlock';
        }
        count = look();
        if (count === 0) return spinning() ? 'deadlock' : 'quiet';
      }
      choice = decide(strategy, count);
      const { cpu: c, action } = decision;
      if (action >= Action.TICK) pass_time(action, c);
      now[Now.COUNTDOWN] = Math.min(decision.steps, max_steps - steps());
      const before = steps();
      resume(c, action === Action.INTERRUPT || action === Action.TICK);
      if (choice) recorder.decided(c, action, now[Now.OWN_STEPS]!, decision.firm && now[Now.COUNTDOWN]! < 0);
      choice = false;
      if (ld(Mach.RCU_QS_LEFT) !== 0) rcu_poll();
      if (publish_jiffies()) raise_due();
      else if (ld(NR_HRTIMERS) !== 0) raise_due_hr();
      if (hashing) recorder.hashed((hash = hash_memory(hash)));
      if (found() && !to_the_end) return 'finding';
      if (steps() > max_steps) return 'livelock';
      // CPUs that only relax make no steps: time passes, or nothing ever will.
      idle_rounds = steps() === before ? idle_rounds + 1 : 0;
      if (idle_rounds > 64) {
        pass_ns(1000 * idle_rounds);
        if (idle_rounds > 20_000) return 'livelock';
      }
    }
  } catch (error) {
    if (!(error instanceof MachineStopped)) throw error;
    if (choice) recorder.decided(decision.cpu, decision.action, now[Now.OWN_STEPS]!, false); // the one that it panicked in
    return 'panic';
  }
}

/** Return: true if there was anything to choose: more than one CPU, or what happens on the only one. */
function decide(strategy: Strategy, count: number): boolean {
  const only = view.cpus[0]!;
  if (count === 1 && view.pending[only] === 0 && view.contended[only] === 0 && !view.timers) {
    decision.cpu = only;
    decision.action = can_interrupt(percpu_base(only)) ? Action.INTERRUPT : Action.RUN;
    decision.steps = now[Now.RELAXING] !== 0 || ld(Mach.RCU_QS_LEFT) !== 0 ? 0 : FOREVER;
    decision.firm = false;
    return false;
  }
  strategy.decide(view, decision);
  const { cpu: c } = decision;
  const area = percpu_base(c);
  if (decision.action === Action.RUN && ld(area + Pcpu.PENDING) === 0) return true;
  // A CPU that waits, or has nothing to run, can only take its interrupt.
  const busy = is_busy(c, area);
  if (decision.action === Action.TICK && (ld(area + Pcpu.IRQ_OFF) !== 0 || !busy)) decision.action = Action.RUN;
  if (decision.action === Action.RUN && can_interrupt(area) && (!busy || holds(c))) decision.action = Action.INTERRUPT;
  return true;
}

/** Some CPU waits in wait_on, and nothing will ever end it. */
function spinning(): boolean {
  for (let c = 0; c < now[Now.CPUS]!; c++) if (waits[c] !== Waits.NOTHING) return true;
  return false;
}

/** Remembers how this task ends: module_init's, module_exit's. */
export function watch_task(task: number): void {
  watched_task = task;
  watched_code = 0;
}
/** Also for the race detector: what has come to rest comes before this task. */
export function watch_last_task(task: number): void {
  watch_task(task);
  if (at[At.ON] !== 0) after_everything(task);
}
/** Null while the watched task has not ended. */
export const watched_result = (): number | null => (watched_task === 0 ? watched_code : null);

/** `task/pid` of what runs on a CPU. */
function running_there(c: number): string {
  const task = ld(percpu_base(c) + Pcpu.CURRENT);
  return `${task_comm(task)}/${task_pid(task)}`;
}
/** What CPU `c` waits for, and who has it. */
function wait_text(c: number): string {
  const area = percpu_base(c);
  const reason = ld(area + Pcpu.WAIT_REASON);
  const address = ld(area + Pcpu.WAIT_ADDR);
  const rwlock = rwlock_wait_text(reason, address);
  if (rwlock !== '') return `waits for ${rwlock}`;
  if (reason === Wait.SEQCOUNT) return `waits for ${seqcount_text(address)}`;
  const holder = reason === Wait.SPIN_LOCK ? (a_ld(address) & HOLDER) - 1 : -1;
  return (
    `waits for ${WAIT_NAMES[reason]}` +
    (reason === Wait.SPIN_LOCK ? ` ${lock_text(address)}` : '') +
    (holder >= 0 ? `, held by CPU ${holder} (${running_there(holder)})` : '')
  );
}
/** For those who look at a machine that has stopped: what CPU `c` waits for, '' if for nothing. */
export const waits_for = (c: number): string => (waits[c] === Waits.NOTHING ? '' : wait_text(c));
/** The site of the step that CPU `c` stands before, -1 if none. */
export const stands_before = (c: number): number => pending_site[c]!;

/** How a task leaves its CPU. */
function left_text(task: number, preempted: boolean): string {
  const state = ld(task + Task.STATE);
  return state === TASK_DEAD ? 'ends' : preempted ? 'is preempted' : state === 0 ? 'gives way' : blocked_text(task);
}
/** What each CPU and task waits for, for deadlock reports. */
export function waiting_text(): string[] {
  const lines: string[] = [];
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    if (waits[c] === Waits.NOTHING) continue;
    lines.push(`CPU ${c} (${running_there(c)}${depth[c] !== 0 ? ', in an interrupt' : ''}) ${wait_text(c)}`);
  }
  for_each_task((task) => {
    const state = ld(task + Task.STATE);
    // A worker without work, and its kin, wait for nothing that is missing.
    const idles = state === TASK_IDLE && (ld(task + Task.FLAGS) & (PF_WQ_WORKER | PF_DAEMON)) !== 0;
    if (ld(task + Task.ON_RQ) === 0 && state !== TASK_DEAD && !idles)
      lines.push(`${task_comm(task)}/${task_pid(task)} ${blocked_text(task)}`);
  });
  return lines;
}
/** Tasks asleep on a mutex that nobody will unlock, when nothing can run. */
export function mutex_waiters(): number {
  let n = 0;
  for_each_task((task) => {
    if (is_stuck(task)) n++;
  });
  return n;
}
/** Who holds the mutex or rwsem that the task waits for, 0 if nobody; -1 if it waits for something else, or nobody knows. */
function holder_of_wait(task: number): number {
  const address = ld(task + Task.BLOCK_ADDR);
  switch (ld(task + Task.BLOCK_KIND)) {
    case Block.MUTEX:
      return ld(address) & ~7;
    case Block.RWSEM_READ:
    case Block.RWSEM_WRITE: {
      const owner = ld(address + Rwsem.OWNER);
      return owner === 1 ? -1 : owner & ~1;
    }
    default:
      return -1;
  }
}
/** Follows the mutexes from waiter to owner. */
function is_stuck(task: number): boolean {
  const waits = (t: number): boolean => ld(t + Task.ON_RQ) === 0 && holder_of_wait(t) >= 0;
  if (!waits(task)) return false;
  let at = task;
  for (let hops = 0; waits(at); hops++) {
    if (hops > ld(Mach.NR_TASKS)) return true; // round in a circle
    const owner = holder_of_wait(at);
    if (owner === 0) return true;
    at = owner;
  }
  // The owner sleeps otherwise, or is dead. A timer may wake it, if there is one.
  return ld(at + Task.STATE) === TASK_DEAD || ld(Mach.NR_TIMERS) === 0;
}
/** Tasks that sleep where no signal and no stop would wake them. When nothing can run they are asleep for good. */
export function hung_tasks(): number {
  let n = 0;
  for_each_task((task) => {
    const state = ld(task + Task.STATE);
    if (ld(task + Task.ON_RQ) === 0 && (state & TASK_UNINTERRUPTIBLE) !== 0 && (state & (TASK_NEW | TASK_NOLOAD)) === 0)
      n++;
  });
  return n;
}
/** What each CPU does, for livelock reports. */
export function running_text(): string[] {
  const lines: string[] = [];
  for (let c = 0; c < now[Now.CPUS]!; c++) {
    const area = percpu_base(c);
    if (is_busy(c, area) && waits[c] === Waits.NOTHING) lines.push(`CPU ${c} runs ${running_there(c)}`);
    if (ld(area + Pcpu.RQ_NR) !== 0) lines.push(`${ld(area + Pcpu.RQ_NR)} more wait for CPU ${c}`);
  }
  return [...lines, ...waiting_text()];
}
/** What the CPU that runs now is doing, for traces. */
export function running_now(): Running {
  const task = ld(my + Pcpu.CURRENT);
  const interrupt = in_interrupt() && (depth[cpu] !== 0 || in_serving_softirq());
  return {
    task: task_comm(task),
    pid: task_pid(task),
    depth: depth[cpu]!,
    interrupt,
    context: interrupt ? context_text() : '',
    irqs_off: irqs_disabled(),
    preempt_count: preempt_count(),
    rcu_nesting: ld(task + Task.RCU_NESTING),
    ns: clock_ns(),
  };
}
/** What keeps others off this CPU, for reports of races; '' if nothing does. */
export function disabled_text(): string {
  if (irqs_disabled()) return 'interrupts off';
  const count = preempt_count();
  return (count & SOFTIRQ_MASK & ~SOFTIRQ_OFFSET) !== 0
    ? 'softirqs off'
    : (count & PREEMPT_MASK) !== 0
      ? 'preemption off'
      : '';
}
/** 0: nobody. */
export const name_of = (task: number): { task: string; pid: number } =>
  task === 0 ? { task: '', pid: 0 } : { task: task_comm(task), pid: task_pid(task) };
export interface Running {
  task: string;
  pid: number;
  /** Interrupts in progress on the CPU. */
  depth: number;
  /** In an interrupt on top of the task. */
  interrupt: boolean;
  /** What kind of interrupt, '' if none. */
  context: string;
  irqs_off: boolean;
  preempt_count: number;
  rcu_nesting: number;
  /** Virtual time. */
  ns: number;
}
const vector_text = (vector: number): string => VECTOR_NAMES[vector] ?? String(vector);
const context_text = (): string =>
  in_hardirq() ? `interrupt (${vector_text(ld(my + Pcpu.IN_VECTOR) - 1)})` : 'softirq';
/**
 * The locks that a CPU and the task on it hold, of those whose holder is known: spin locks and rwlocks taken for writing
 * (in modules' data and in allocated memory), mutexes and rwsems taken for writing. Addresses.
 */
export function locks_now(): { spin: number[]; sleeping: number[] } {
  return { spin: held_locks(cpu), sleeping: held_mutexes(ld(my + Pcpu.CURRENT)) };
}
/** The host's own calls into the kernel count as CPU 0's. */
export const to_boot_cpu = (): void => switch_cpu(0);
/** Forgets what this thread kept of the last machine. */
export function reset_machine(): void {
  running.length = 1;
  now[Now.SLOTS] = 1;
  now[Now.FREED] = 0;
  starters.length = 0;
  carried.length = 0;
  carried_place.length = 0;
  carried_wait.length = 0;
  now[Now.LAST] = -1;
  now[Now.QUIET] = 0;
  reset_clock();
}
export const machine_state = (): number => a_ld(Mach.STATE);
export const is_running = (): boolean => machine_state() === State.RUNNING;
