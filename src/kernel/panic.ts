// noinstr: never transformed, never interrupted.
// BUG, WARN, panic, oops reports and stacks. Context: any.
import { CALLS, Mach, MAX_CPUS_SHIFT, Pcpu, State, percpu_base } from '../machine/memory-map.js';
import { cpu, current_task, my } from '../cpu/context.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { in_interrupt, preempt_count } from '../cpu/preempt.js';
import { a_add, a_cas, a_ld, a_or, a_st, ld, ld8 } from '../cpu/raw.js';
import { rwlock_wait_text } from '../cpu/rwlock.js';
import { seqcount_text } from '../cpu/seqcount.js';
import { lock_text, spin_holder } from '../cpu/spinlock.js';
import { MachineStopped, raise_vector } from '../cpu/step.js';
import { Vector, Wait } from '../cpu/vectors.js';
import { held_mutexes_text } from '../sched/debug.js';
import { Task } from '../sched/task-layout.js';
import { held_locks } from './held.js';
import { format } from './vsprintf.js';
import { printk_emit } from './printk.js';
import { stack_lines } from './stack.js';
import { Finding, trace_finding } from './trace.js';

/** What BUG throws: the task that is running dies of it, an interrupt takes the machine along. */
export class KernelBug extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BUG';
  }
}

const EMERG = 0;
const WARNING = 4;
/** Taint flags of Linux that this kernel sets. */
export const TAINT_PROPRIETARY_MODULE = 1 << 0;
export const TAINT_BAD_PAGE = 1 << 5;
export const TAINT_DIE = 1 << 7;
export const TAINT_WARN = 1 << 9;
export const TAINT_OOT_MODULE = 1 << 12;
export const TAINT_SOFTLOCKUP = 1 << 14;

export function add_taint(flag: number): void {
  a_or(Mach.TAINTED, flag);
}
export function print_tainted(): string {
  const taint = a_ld(Mach.TAINTED);
  if (taint === 0) return 'Not tainted';
  const letter = (flag: number, set: string): string => ((taint & flag) !== 0 ? set : '');
  return (
    'Tainted: ' +
    ((taint & TAINT_PROPRIETARY_MODULE) !== 0 ? 'P' : 'G') +
    letter(TAINT_BAD_PAGE, ' B') +
    letter(TAINT_DIE, ' D') +
    letter(TAINT_WARN, ' W') +
    letter(TAINT_OOT_MODULE, ' O') +
    letter(TAINT_SOFTLOCKUP, ' L')
  );
}

/** Stops the running task: an oops. Never returns. */
export function BUG(message = 'BUG'): never {
  throw new KernelBug(message);
}
/** Linux's macro evaluates to nothing; so does this. */
export function BUG_ON(condition: unknown, message = 'BUG_ON condition is true'): void {
  if (condition) throw new KernelBug(message);
}

export function task_comm(task: number): string {
  if (task === 0) return '?';
  let name = '';
  for (let i = 0; i < 16; i++) {
    const c = ld8(task + Task.COMM + i);
    if (c === 0) break;
    name += String.fromCharCode(c);
  }
  return name;
}
export const task_pid = (task: number): number => (task === 0 ? 0 : ld(task + Task.PID));

function print_context(): void {
  const task = current_task();
  printk_emit(EMERG, `CPU: ${cpu} PID: ${task_pid(task)} Comm: ${task_comm(task)} ${print_tainted()}`);
}

export function held_locks_text(of_cpu = cpu): string {
  return held_locks(of_cpu).map(lock_text).join(', ');
}

/** What this CPU waits for, with who has it in his hands; '' when it does not wait. */
function wait_text(): string {
  const address = ld(my + Pcpu.WAIT_ADDR);
  const rwlock = rwlock_wait_text(ld(my + Pcpu.WAIT_REASON), address);
  if (rwlock !== '') return rwlock;
  switch (ld(my + Pcpu.WAIT_REASON)) {
    case Wait.SPIN_LOCK: {
      const holder = spin_holder(address);
      const running = holder < 0 ? 0 : ld(percpu_base(holder) + Pcpu.CURRENT);
      return `the spin lock ${lock_text(address)}, ${holder < 0 ? 'which is free' : `held by CPU ${holder}, which runs ${task_comm(running)}/${task_pid(running)}`}`;
    }
    case Wait.CALL_FUNCTION:
      return `a function that it called on CPU ${(address - CALLS) >> (MAX_CPUS_SHIFT + 4)}`;
    case Wait.TIMER_CALLBACK:
      return `the function of the timer ${lock_text(address)}`;
    case Wait.SEQCOUNT:
      return seqcount_text(address);
    case Wait.TASKLET:
      return `the tasklet ${lock_text(address)}`;
    case Wait.IRQ_WORK:
      return `the function of the irq_work ${lock_text(address)}`;
    case Wait.HRTIMER:
      return `the function of the hrtimer ${lock_text(address)}`;
    default:
      return '';
  }
}

function print_locks(level: number): void {
  const waits = wait_text();
  if (waits !== '') printk_emit(level, `CPU ${cpu} waits for ${waits}`);
  const spin = held_locks_text();
  const task = current_task();
  const sleeping = task === 0 ? '' : held_mutexes_text(task);
  if (spin !== '') printk_emit(level, `spin locks held by CPU ${cpu}: ${spin}`);
  if (sleeping !== '') printk_emit(level, `mutexes held by ${task_comm(task)}/${task_pid(task)}: ${sleeping}`);
}

function print_stack(level: number, stack: string | undefined): void {
  printk_emit(level, 'Call trace:');
  for (const line of stack_lines(stack)) printk_emit(level, ` ${line}`);
}

/** A finding about the kernel's rules that is no oops: printed with context, counted, and the run has failed. '' for no stack. */
export function report(message: string, stack: string | undefined = new Error().stack): void {
  trace_finding(Finding.REPORT);
  a_add(Mach.REPORTS, 1);
  printk_emit(EMERG, `BUG: ${message}`);
  print_context();
  print_locks(EMERG);
  if (stack !== '') print_stack(EMERG, stack);
}

/** What the engine says of a trap in C, in the kernel's words. */
const TRAPS: [RegExp, string][] = [
  [/^memory access out of bounds|^operation accesses an unaligned/, 'BUG: unable to handle page fault'],
  [
    /^null function or function signature mismatch|^table index is out of bounds/,
    'BUG: call of a bad function pointer',
  ],
  [/^divide by zero|^remainder by zero|^divide result unrepresentable/, 'Oops: divide error'],
];
function trap_text({ message }: Error): string {
  const found = TRAPS.find(([said]) => said.test(message));
  return found === undefined ? `Oops: RuntimeError: ${message}` : `${found[1]}: ${message}`;
}

/** Prints what an exception in kernel code means; the caller decides who dies. */
export function print_oops(error: unknown): void {
  trace_finding(Finding.OOPS);
  a_add(Mach.OOPSES, 1);
  add_taint(TAINT_DIE);
  const e =
    error instanceof Error
      ? error
      : new Error(`${String(error)} was thrown, which is no Error: throw nothing in kernel code, return -errno`);
  const text =
    e.message.startsWith('BUG:') || e.message.startsWith('Unable')
      ? e.message
      : e instanceof KernelBug
        ? `BUG: ${e.message}`
        : e.name === 'RuntimeError'
          ? trap_text(e)
          : `Oops: ${e.name}: ${e.message}`;
  printk_emit(EMERG, text);
  print_context();
  if (preempt_count() !== 0 || irqs_disabled())
    printk_emit(
      EMERG,
      `preempt_count: 0x${preempt_count().toString(16)}, interrupts ${irqs_disabled() ? 'off' : 'on'}${in_interrupt() ? ', in interrupt' : ''}`,
    );
  print_locks(EMERG);
  print_stack(EMERG, e.stack);
  printk_emit(EMERG, '---[ end trace ]---');
}

/** Prints the stack of the caller. Context: any. */
export function dump_stack(): void {
  print_context();
  print_stack(EMERG, new Error().stack);
}

function warn(message: string): void {
  trace_finding(Finding.WARNING);
  a_add(Mach.WARNINGS, 1);
  add_taint(TAINT_WARN);
  const { stack } = new Error();
  const lines = stack_lines(stack);
  printk_emit(WARNING, `WARNING: ${message === '' ? '' : message.trimEnd() + ' '}at ${lines[0] ?? '?'}`);
  print_context();
  print_locks(WARNING);
  print_stack(WARNING, stack);
}

/** Prints a warning with a stack if the condition holds. Return: the condition. */
export function WARN(condition: unknown, fmt: string, ...args: unknown[]): boolean {
  if (condition) warn(format(fmt, args));
  return !!condition;
}
export function WARN_ON(condition: unknown): boolean {
  if (condition) warn('');
  return !!condition;
}
/** True the first time that this call site is seen since boot. Sites are told apart by a hash of the stack's top. */
export function first_time(frames = 1): boolean {
  return first_seen(stack_lines(new Error().stack).slice(0, frames).join());
}
const PRINTING = /\/(linux\/(printk|sprintf|kernel)|kernel\/(printk|ratelimit|vsprintf|vsprintf-pointer|trace))\./;
/** As first_time, of the place that called printk or one of its kin. */
export const first_caller = (): boolean => first_seen(printing_site());
/** The place that called printk or one of its kin, as a line of a call trace. */
export const printing_site = (): string =>
  stack_lines(new Error().stack).find((line) => !PRINTING.test(line)) ?? '(no kernel frames)';
function first_seen(site: string): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < site.length; i++) hash = Math.imul(hash ^ site.charCodeAt(i), 0x01000193);
  hash |= 1;
  for (let i = 0; i < 64; i++) {
    const at = Mach.WARNED + ((((hash >>> 8) + i) & 63) << 2);
    const old = a_cas(at, 0, hash);
    if (old === hash) return false;
    if (old === 0) return true;
  }
  return true;
}
export function WARN_ON_ONCE(condition: unknown): boolean {
  if (condition && first_time()) warn('');
  return !!condition;
}
export function WARN_ONCE(condition: unknown, fmt: string, ...args: unknown[]): boolean {
  if (condition && first_time()) warn(format(fmt, args));
  return !!condition;
}

/** Ends the machine: all CPUs stop at their next step, the host reports. Never returns. Context: any. */
export function panic(fmt: string, ...args: unknown[]): never {
  if (a_cas(Mach.STATE, State.RUNNING, State.PANIC) === State.RUNNING) {
    a_st(Mach.PANIC_CPU, cpu + 1);
    trace_finding(Finding.PANIC);
    printk_emit(EMERG, `Kernel panic - not syncing: ${format(fmt, args)}`);
    print_context();
    print_stack(EMERG, new Error().stack);
    printk_emit(EMERG, `---[ end Kernel panic - not syncing: ${format(fmt, args)} ]---`);
    for (let c = 0; c < ld(Mach.CPUS); c++) raise_vector(percpu_base(c), Vector.STOP);
  }
  throw new MachineStopped();
}

/** The answer to a backtrace request: where this CPU is, even with interrupts off. */
export function backtrace_nmi(): void {
  printk_emit(
    EMERG,
    `NMI backtrace for cpu ${cpu}${irqs_disabled() ? ', interrupts off' : ''}, vector ${ld(my + Pcpu.IN_VECTOR) - 1}`,
  );
  print_context();
  print_locks(EMERG);
  print_stack(EMERG, new Error().stack);
}
