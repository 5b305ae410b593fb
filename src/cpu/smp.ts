// Calling functions on other CPUs. One slot for each pair of CPUs: [target][source] = handle, argument, state.
// The source fills a free slot, publishes it (state 1) and raises the vector; the target takes it (state 2: a nested
// interrupt must not run it again), runs it with interrupts off, frees it and rings the source.
// Context of the calls that may wait: interrupts on and not in an interrupt, or two CPUs could wait for each other.
import { CALL_SLOT, CALLS, Mach, MAX_CPUS_SHIFT, Pcpu, percpu_base } from '../machine/memory-map.js';
import { Break, breaks, linger } from './break.js';
import { cpu, my } from './context.js';
import { irqs_disabled, local_irq_restore, local_irq_save } from './irqflags.js';
import { in_task, preempt_count, preempt_disable, preempt_enable } from './preempt.js';
import { order_acquire, order_release } from './order.js';
import { a_cas, a_ld, a_st, a_xchg, ld, st } from './raw.js';
import { ring, wait_on } from './park.js';
import { raise_vector } from './step.js';
import { Vector, Wait } from './vectors.js';
import { atomic_text_handle, text_handle, call_text, symbol_text } from '../kernel/text.js';
import { BUG, WARN } from '../kernel/panic.js';
import { Event, trace_event } from '../kernel/trace.js';

export type smp_call_func_t = (info: number) => void;

const slot = (target: number, source: number): number => CALLS + ((target << MAX_CPUS_SHIFT) + source) * CALL_SLOT;
const HANDLE = 0;
const INFO = 4;
const STATE = 8;
const ENXIO = 6;
const EBUSY = 16;

export const num_online_cpus = (): number => ld(Mach.CPUS);
export const num_possible_cpus = num_online_cpus;
export const nr_cpu_ids = num_online_cpus;
export const cpu_online = (n: number): boolean => n >= 0 && n < ld(Mach.CPUS);
/** Pins the caller to its CPU until `put_cpu`. Context: any. */
export const get_cpu = (): number => {
  preempt_disable();
  return cpu;
};
export const put_cpu = (): void => preempt_enable();

/** Asks another CPU to look at its run queue. Context: any. */
export function smp_send_reschedule(target: number): void {
  trace_event(Event.IPI, target, Vector.RESCHEDULE);
  raise_vector(percpu_base(target), Vector.RESCHEDULE);
}

/** The broken control: the call is published, then written. */
function send_broken(target: number, s: number, handle: number, info: number): void {
  a_st(s + STATE, 1);
  raise_vector(percpu_base(target), Vector.CALL_FUNCTION);
  linger(3000);
  st(s + HANDLE, handle);
  st(s + INFO, info);
}

/** Calls the function with interrupts off, and checks that it leaves the CPU as it was. */
function run_called(handle: number, info: number): void {
  const count = preempt_count();
  trace_event(Event.CALL, handle, info);
  call_text(handle, info);
  if (preempt_count() !== count)
    BUG(
      `the called function ${symbol_text(handle)} left the preemption count as 0x${preempt_count().toString(16)}, which was 0x${count.toString(16)}`,
    );
  if (!irqs_disabled()) BUG(`the called function ${symbol_text(handle)} returned with interrupts on, which were off`);
}

/** call_single_data_t: the next in a CPU's queue, CSD_FLAG_LOCK while it is in one, then what is to be called. */
const enum Csd {
  NEXT = 0,
  FLAGS = 4,
  FUNC = 8,
  INFO = 12,
}
const CSD_FLAG_LOCK = 1;

/** Runs what is queued here, in the order in which it was. An item may be queued again from its function on. */
function run_queued(): void {
  let newest = a_xchg(my + Pcpu.CSD_QUEUE, 0);
  let first = 0;
  while (newest !== 0) {
    const next = ld(newest + Csd.NEXT);
    st(newest + Csd.NEXT, first);
    first = newest;
    newest = next;
  }
  while (first !== 0) {
    const csd = first;
    first = ld(csd + Csd.NEXT);
    const func = ld(csd + Csd.FUNC);
    const info = ld(csd + Csd.INFO);
    order_acquire(csd);
    a_st(csd + Csd.FLAGS, 0);
    run_called(func, info);
  }
}

/**
 * Runs csd.func(csd.info) on `target` in interrupt context, and does not wait; on this CPU at once, with interrupts off.
 * The csd must stay until its function is called. Context: any, also with interrupts off.
 * Return: 0; -EBUSY if the csd is queued still; -ENXIO if there is no such CPU.
 */
export function smp_call_function_single_async_raw(target: number, csd: number): number {
  if (ld(csd + Csd.FUNC) === 0) BUG(`smp_call_function_single_async: ${symbol_text(csd)} has no function: INIT_CSD`);
  if (a_cas(csd + Csd.FLAGS, 0, CSD_FLAG_LOCK) !== 0) return -EBUSY;
  if (target === cpu || !cpu_online(target)) {
    a_st(csd + Csd.FLAGS, 0);
    if (target !== cpu) return -ENXIO;
    call_here(ld(csd + Csd.FUNC), ld(csd + Csd.INFO));
    return 0;
  }
  const queue = percpu_base(target) + Pcpu.CSD_QUEUE;
  order_release(csd);
  trace_event(Event.IPI, target, Vector.CALL_FUNCTION, ld(csd + Csd.FUNC));
  let head: number;
  do {
    head = a_ld(queue);
    st(csd + Csd.NEXT, head);
  } while (a_cas(queue, head, csd) !== head);
  // Who finds the queue empty sends the interrupt; who does not is sure that it is still to come.
  if (head === 0) raise_vector(percpu_base(target), Vector.CALL_FUNCTION);
  return 0;
}

/** The target's side. Context: hardirq. */
export function generic_smp_call_function_interrupt(): void {
  run_queued();
  const n = ld(Mach.CPUS);
  for (let source = 0; source < n; source++) {
    const s = slot(cpu, source);
    if (a_ld(s + STATE) !== 1) continue;
    a_st(s + STATE, 2);
    order_acquire(s);
    run_called(ld(s + HANDLE), ld(s + INFO));
    order_release(s + 4);
    a_st(s + STATE, 0);
    ring(percpu_base(source));
  }
}

function check_context(): void {
  if (irqs_disabled()) WARN(true, 'smp_call_function with interrupts off can deadlock');
  else if (!in_task()) WARN(true, 'smp_call_function in an interrupt can deadlock');
}

function wait_for_slot(s: number): void {
  wait_on(Wait.CALL_FUNCTION, s, () => a_ld(s + STATE) === 0);
  order_acquire(s + 4);
}

function send(target: number, handle: number, info: number): void {
  const s = slot(target, cpu);
  wait_for_slot(s);
  if (breaks(Break.CALL_BEFORE_FILL)) return send_broken(target, s, handle, info);
  trace_event(Event.IPI, target, Vector.CALL_FUNCTION, handle);
  order_release(s);
  st(s + HANDLE, handle);
  st(s + INFO, info);
  a_st(s + STATE, 1);
  raise_vector(percpu_base(target), Vector.CALL_FUNCTION);
}

function call_here(handle: number, info: number): void {
  const flags = local_irq_save();
  run_called(handle, info);
  local_irq_restore(flags);
}

/**
 * Runs `func(info)` on `target` in interrupt context, with interrupts off. With `wait`, returns when it has run.
 * Context: task, interrupts on. Return: 0, -ENXIO if there is no such CPU.
 */
export function smp_call_function_single(
  target: number,
  func: smp_call_func_t,
  info: number,
  wait: boolean | number,
): number {
  const handle = atomic_text_handle(func, 'a function called on another CPU');
  preempt_disable();
  check_context();
  if (target === cpu) call_here(handle, info);
  else if (!cpu_online(target)) {
    preempt_enable();
    return -ENXIO;
  } else {
    send(target, handle, info);
    if (wait) wait_for_slot(slot(target, cpu));
  }
  preempt_enable();
  return 0;
}

/** Runs `func(info)` on every CPU of the cpumask at `mask` (0: all) but this one. Context: task, interrupts on, preemption off. */
export function smp_call_function_many(
  mask: number,
  func: smp_call_func_t,
  info: number,
  wait: boolean | number,
): void {
  const handle = atomic_text_handle(func, 'a function called on another CPU');
  check_context();
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) if (c !== cpu && in_mask(mask, c)) send(c, handle, info);
  if (wait) for (let c = 0; c < n; c++) if (c !== cpu && in_mask(mask, c)) wait_for_slot(slot(c, cpu));
}
const in_mask = (mask: number, c: number): boolean =>
  mask === 0 || ((ld(mask + ((c >> 5) << 2)) >>> (c & 31)) & 1) !== 0;

/** Runs `func(info)` on every other CPU. Context: task, interrupts on. */
export function smp_call_function(func: smp_call_func_t, info: number, wait: boolean | number): void {
  preempt_disable();
  smp_call_function_many(0, func, info, wait);
  preempt_enable();
}

/** Runs `func(info)` on every CPU of the cpumask at `mask`, this one included if it is in it. Context: task, interrupts on. */
export function on_each_cpu_mask(mask: number, func: smp_call_func_t, info: number, wait: boolean | number): void {
  preempt_disable();
  smp_call_function_many(mask, func, info, false);
  if (in_mask(mask, cpu)) call_here(text_handle(func), info);
  const n = ld(Mach.CPUS);
  if (wait) for (let c = 0; c < n; c++) if (c !== cpu && in_mask(mask, c)) wait_for_slot(slot(c, cpu));
  preempt_enable();
}

/** Runs `func(info)` on every CPU, here with interrupts off as there. Context: task, interrupts on. */
export function on_each_cpu(func: smp_call_func_t, info: number, wait: boolean | number): void {
  const handle = atomic_text_handle(func, 'a function called on another CPU');
  preempt_disable();
  check_context();
  const n = ld(Mach.CPUS);
  for (let c = 0; c < n; c++) if (c !== cpu) send(c, handle, info);
  call_here(handle, info);
  if (wait) for (let c = 0; c < n; c++) if (c !== cpu) wait_for_slot(slot(c, cpu));
  preempt_enable();
}
