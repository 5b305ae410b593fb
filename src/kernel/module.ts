// Modules: loading, unloading, references. The host's requests come through the mailbox and run in a task of their own,
// one at a time.
//
// struct module is kmalloc'ed and in the list Mach.MODULES under LOCK_MODULES; STATE is changed by the serving task
// only, REFCNT is atomic.
import { MAILBOX_TEXT, MAILBOX_TEXT_SIZE, Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { current_task } from '../cpu/context.js';
import { a_add, a_cas, a_ld, ld, st, st8, STEPPED, U8 } from '../cpu/raw.js';
import { on_each_cpu, smp_call_function } from '../cpu/smp.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { begin_static, end_static } from '../linux/types.js';
import { GFP_KERNEL } from '../linux/gfp.js';
import { for_each_object_of } from '../mm/leaks.js';
import { owned_objects, set_alloc_owner } from '../mm/owner.js';
import { kfree, kzalloc } from '../mm/slab.js';
import { blocked_text, for_each_task } from '../sched/debug.js';
import { pq_find } from '../sched/pqueue.js';
import { list_push_back, list_remove } from '../sched/rawlist.js';
import { callbacks_of_module, rcu_barrier_raw } from '../sched/rcu-callbacks.js';
import type { Sleeping } from '../sched/sleep.js';
import { Task, Timer } from '../sched/task-layout.js';
import { deferred_leftovers, no_deferred_work } from '../sched/workqueue-report.js';
import { call_sleepable } from './call.js';
import { evaluate, forget } from './loader.js';
import { begin_evaluation, end_evaluation, type Evaluation } from './loading.js';
import { Box } from './mailbox.js';
import { add_taint, BUG, report, TAINT_OOT_MODULE, TAINT_PROPRIETARY_MODULE, task_comm, task_pid } from './panic.js';
import { set_parameter } from './parameters.js';
import { printk_emit } from './printk.js';
import { stack_lines } from './stack.js';
import {
  all_symbols,
  module_of_text,
  register_text,
  set_text_owner,
  rollback_text,
  symbol_text,
  text_handle_or_zero,
  text_mark,
  unregister_module_text,
} from './text.js';
import { errname } from '../linux/errno.js';
import { PROC_NAMES, proc_text } from './proc.js';

export const enum ModuleState {
  LIVE = 0,
  COMING = 1,
  GOING = 2,
}
export const enum Mod {
  LIST = 0,
  STATE = 8,
  ID = 12,
  REFCNT = 16,
  INIT = 20,
  EXIT = 24,
  NAME = 28,
  /** STATIC_NEXT and PERCPU_NEXT before the load, and STATIC_NEXT after it. */
  STATIC_BASE = 88,
  PERCPU_BASE = 92,
  STATIC_END = 96,
  SIZE = 100,
}
const NAME_SIZE = 60;
const ENOENT = 2;
const ENOEXEC = 8;
const EWOULDBLOCK = 11;
const ENOMEM = 12;
const EBUSY = 16;
const EEXIST = 17;
const KERN_ERR = 3;
const KERN_WARNING = 4;
const FREE_LICENSES = /^(GPL( v2)?|GPL and additional rights|Dual (BSD|MIT|MPL)\/GPL)$/;

/** What the host asks to load, as JSON in the mailbox. */
export interface LoadSpec {
  name: string;
  /** The source, for messages. */
  source: string;
  /** File with the compiled code, and the path that its positions are relative to. */
  code: string;
  path: string;
  parameters: [string, string][];
}

const request_text = (n: number): string => Buffer.from(U8.slice(MAILBOX_TEXT, MAILBOX_TEXT + n)).toString();
function answer(text: string): void {
  const bytes = Buffer.from(text).subarray(0, MAILBOX_TEXT_SIZE);
  for (let i = 0; i < bytes.length; i++) st8(MAILBOX_TEXT + i, bytes[i]!);
  st(Box.LENGTH, bytes.length);
}

/** The text of the last answer, for a host in the same thread. */
export const request_answer = (): string => request_text(ld(Box.LENGTH));
export const has_exit = (mod: number): boolean => ld(mod + Mod.EXIT) !== 0;

export function module_name(mod: number): string {
  let name = '';
  for (let i = 0; i < NAME_SIZE && U8[mod + Mod.NAME + i] !== 0; i++)
    name += String.fromCharCode(U8[mod + Mod.NAME + i]!);
  return name;
}
/** Address of the loaded module's struct, 0 if there is none. Context: any. */
export function find_module(name: string): number {
  const flags = lock_irqsave(Mach.LOCK_MODULES);
  let at = ld(Mach.MODULES);
  while (at !== Mach.MODULES && module_name(at) !== name) at = ld(at);
  unlock_irqrestore(Mach.LOCK_MODULES, flags);
  return at === Mach.MODULES ? 0 : at;
}
function find_by_id(id: number): number {
  let at = ld(Mach.MODULES);
  while (at !== Mach.MODULES && ld(at + Mod.ID) !== id) at = ld(at);
  return at === Mach.MODULES ? 0 : at;
}
export function module_name_of_owner(id: number): string {
  const mod = find_by_id(id);
  return mod === 0 ? `module ${id}` : `module ${module_name(mod)}`;
}

/** Takes a reference unless the module is going. Context: any. */
export function try_module_get(mod: number): boolean {
  if (mod === 0) return true;
  for (;;) {
    const refs = a_ld(mod + Mod.REFCNT);
    if (refs < 0 || a_ld(mod + Mod.STATE) === ModuleState.GOING) return false;
    if (a_cas(mod + Mod.REFCNT, refs, refs + 1) === refs) return true;
  }
}
/** Takes a reference of a module that has one already. Context: any. */
export function __module_get(mod: number): void {
  if (mod !== 0) a_add(mod + Mod.REFCNT, 1);
}
/** Drops a reference. Context: any. */
export function module_put(mod: number): void {
  if (mod !== 0 && a_add(mod + Mod.REFCNT, -1) <= 0) BUG(`module_put of ${module_name(mod)}: no reference is left`);
}
/** For /proc/modules. Context: any; a look without the lock. */
export function loaded_modules(): { name: string; references: number; state: string }[] {
  const found: { name: string; references: number; state: string }[] = [];
  for (let at = ld(Mach.MODULES); at !== Mach.MODULES && at !== 0 && found.length < 1000; at = ld(at))
    found.push({
      name: module_name(at),
      references: module_refcount(at),
      state: ['Live', 'Loading', 'Unloading'][ld(at + Mod.STATE)] ?? '?',
    });
  return found;
}
export const module_refcount = (mod: number): number => a_ld(mod + Mod.REFCNT);

/** Runs the top level on this CPU; the first one of all initialises the static data. Moves no cursor yet. */
function evaluate_here(spec: LoadSpec, mod: number, initialise: boolean): { evaluation: Evaluation; next: number } {
  const evaluation = begin_evaluation(spec.name, mod);
  let next = 0;
  begin_static(ld(Mach.STATIC_NEXT), initialise);
  set_text_owner(ld(Mach.NEXT_MODULE)); // one load at a time
  try {
    evaluate(spec.code, spec.path);
    register_hook(evaluation.init, 'init_module', spec.name);
    register_hook(evaluation.exit, 'cleanup_module', spec.name);
  } finally {
    set_text_owner(0);
    next = end_static();
    end_evaluation();
  }
  return { evaluation, next };
}
function register_hook(fn: Evaluation['init'], name: string, module: string): void {
  if (fn !== null && text_handle_or_zero(fn) === 0) register_text(fn.name === '' ? name : fn.name, fn, module);
}

/** On the other CPUs of a load. Context: hardirq. */
export function load_here(mod: number): void {
  evaluate_here(JSON.parse(request_text(ld(Box.LENGTH))) as LoadSpec, mod, false);
}
/** On every CPU of an unload. Context: hardirq. */
export function unload_here(id: number): void {
  const mod = find_by_id(id);
  if (mod === 0) return;
  unregister_module_text(module_name(mod));
  forget(module_name(mod));
}

/** Loads without running init. Context: task. Return: the module's address, or -errno with the reason in the mailbox. */
export function load_module(spec: LoadSpec): number {
  if (find_module(spec.name) !== 0) {
    answer(`module ${spec.name} is loaded already`);
    return -EEXIST;
  }
  const mod = kzalloc(Mod.SIZE, GFP_KERNEL);
  if (mod === 0) return -ENOMEM;
  const mark = text_mark();
  const percpu_next = ld(Mach.PERCPU_NEXT);
  const id = a_add(Mach.NEXT_MODULE, 1) + 1;
  let made: { evaluation: Evaluation; next: number };
  try {
    made = evaluate_here(spec, mod, true);
  } catch (error) {
    rollback_text(mark);
    kfree(mod);
    const e = error instanceof Error ? error : new Error(String(error));
    answer(`the top level of ${spec.source} failed: ${e.message}\n  at ${stack_lines(e.stack)[0]}`);
    return (e as { errno?: number }).errno ?? -ENOEXEC;
  }
  const { evaluation, next } = made;
  st(mod + Mod.ID, id);
  st(mod + Mod.STATE, ModuleState.COMING);
  for (let i = 0; i < Math.min(NAME_SIZE - 1, spec.name.length); i++) st8(mod + Mod.NAME + i, spec.name.charCodeAt(i));
  st(mod + Mod.INIT, evaluation.init === null ? 0 : text_handle_or_zero(evaluation.init));
  st(mod + Mod.EXIT, evaluation.exit === null ? 0 : text_handle_or_zero(evaluation.exit));
  if (!STEPPED) smp_call_function(load_here, mod, true);
  st(mod + Mod.STATIC_BASE, ld(Mach.STATIC_NEXT));
  st(mod + Mod.PERCPU_BASE, percpu_next);
  st(mod + Mod.STATIC_END, next);
  st(Mach.STATIC_NEXT, next);
  const flags = lock_irqsave(Mach.LOCK_MODULES);
  list_push_back(mod + Mod.LIST, Mach.MODULES);
  unlock_irqrestore(Mach.LOCK_MODULES, flags);
  note_license(spec.name, evaluation.info.get('license'));
  for (const [name, value] of spec.parameters) {
    const refused = set_parameter(evaluation, name, value);
    if (refused === '') continue;
    if (!evaluation.parameters.some((p) => p.name === name)) {
      printk_emit(KERN_WARNING, `${spec.name}: unknown parameter '${name}' ignored`);
      continue;
    }
    answer(`${spec.name}: parameter ${name}: ${refused}`);
    unlink_module(mod);
    return -22;
  }
  return mod;
}

function note_license(name: string, license: string | undefined): void {
  add_taint(TAINT_OOT_MODULE);
  if (license !== undefined && FREE_LICENSES.test(license)) return;
  printk_emit(
    KERN_WARNING,
    license === undefined
      ? `${name}: module license 'unspecified' taints kernel.`
      : `${name}: module license '${license}' taints kernel.`,
  );
  add_taint(TAINT_PROPRIETARY_MODULE);
}

/** Takes the module out of the list and its functions out of the text of every CPU. Context: task. */
export function unlink_module(mod: number): void {
  if (STEPPED) unload_here(ld(mod + Mod.ID));
  else on_each_cpu(unload_here, ld(mod + Mod.ID), true);
  const flags = lock_irqsave(Mach.LOCK_MODULES);
  list_remove(mod + Mod.LIST);
  unlock_irqrestore(Mach.LOCK_MODULES, flags);
  // The module loaded last gives its static data back; under a later one it stays taken until that boot ends.
  if (ld(Mach.STATIC_NEXT) === ld(mod + Mod.STATIC_END)) {
    st(Mach.STATIC_NEXT, ld(mod + Mod.STATIC_BASE));
    st(Mach.PERCPU_NEXT, ld(mod + Mod.PERCPU_BASE));
  }
  kfree(mod);
}

/** What is allocated and started from here on is the module's. Return: who it was before. */
function become_owner(id: number): number {
  const task = current_task();
  const before = ld(task + Task.OWNER);
  st(task + Task.OWNER, id);
  set_alloc_owner(id);
  return before;
}

/** Runs module_init. What a failed one leaves behind is reported. Context: task, interrupts on. Return: 0 or -errno. */
export function* init_module(mod: number): Sleeping<number> {
  if (ld(mod + Mod.INIT) !== 0) {
    const before = become_owner(ld(mod + Mod.ID));
    const result = (yield* call_sleepable(ld(mod + Mod.INIT), 0)) as number | undefined;
    become_owner(before);
    if (typeof result !== 'number') {
      printk_emit(
        KERN_WARNING,
        `${module_name(mod)}: module_init returned ${String(result)}, not a number: taken as 0; return 0 or -errno`,
      );
    } else if (result < 0) {
      printk_emit(KERN_ERR, `${module_name(mod)}: init failed with ${result} (${errname(result) ?? 'unknown error'})`);
      yield* settle_rcu(mod);
      report_leftovers(mod);
      return result;
    } else if (result > 0) {
      printk_emit(
        KERN_WARNING,
        `do_init_module: '${module_name(mod)}'->init suspiciously returned ${result}, it should follow 0/-E convention`,
      );
    }
  }
  st(mod + Mod.STATE, ModuleState.LIVE);
  return 0;
}

/** Runs module_exit and reports what it leaves behind. Context: task, interrupts on. */
export function* exit_module(mod: number): Sleeping {
  st(mod + Mod.STATE, ModuleState.GOING);
  if (ld(mod + Mod.EXIT) === 0) return;
  const before = become_owner(ld(mod + Mod.ID));
  yield* call_sleepable(ld(mod + Mod.EXIT), 0);
  become_owner(before);
  yield* settle_rcu(mod);
  report_leftovers(mod);
}

/**
 * Reports RCU callbacks that a module which goes has not waited for, and waits for them in its place, before their code
 * is gone. What kfree_rcu is to free needs no code of the module's and is no leak. Context: task.
 */
function settle_rcu(mod: number): Sleeping<number> {
  const name = module_name(mod);
  const { count, first } = callbacks_of_module(name);
  if (count > 0)
    report(
      `module ${name} is unloaded, but ${count} RCU callback${count === 1 ? '' : 's'} of its (${symbol_text(first)}) still wait${count === 1 ? 's' : ''} for a grace period: call rcu_barrier() in module_exit`,
      '',
    );
  return rcu_barrier_raw();
}

/** Reports what the module left behind: threads, timers, memory. Return: how many things. Context: task. */
function report_leftovers(mod: number): number {
  // Mostly there is nothing but the task that asks. Not where other CPUs may allocate: the count is a sum over all CPUs.
  if (STEPPED && ld(Mach.NR_TASKS) <= 1 && ld(Mach.NR_TIMERS) === 0 && owned_objects() === 0 && no_deferred_work())
    return 0;
  const name = module_name(mod);
  let found = 0;
  for_each_task((task) => {
    if (module_of_text(ld(task + Task.THREADFN)) !== name) return;
    found++;
    report(
      `module ${name} is unloaded, but its thread ${task_comm(task)}/${task_pid(task)} ${ld(task + Task.ON_RQ) === 0 ? blocked_text(task) : 'still runs'}: stop it with kthread_stop in module_exit`,
      '',
    );
  });
  for (let c = 0; c < ld(Mach.CPUS); c++) {
    const area = percpu_base(c);
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const timer = pq_find(area + Pcpu.TIMER_HEAP, (t) => module_of_text(ld(t + Timer.FUNCTION)) === name);
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    if (timer === 0) continue;
    found++;
    report(
      `module ${name} is unloaded, but its timer at ${symbol_text(timer)} is armed on CPU ${c}: del_timer_sync it in module_exit`,
      '',
    );
  }
  deferred_leftovers(
    (handle) => module_of_text(handle) === name,
    ld(mod + Mod.ID),
    (text) => {
      found++;
      report(`module ${name} is unloaded, but ${text}`, '');
    },
  );
  return found + report_leaks(name, ld(mod + Mod.ID));
}
function report_leaks(name: string, id: number): number {
  const lines: string[] = [];
  let bytes = 0;
  const objects = for_each_object_of(id, (address, size, cache) => {
    bytes += size;
    if (lines.length < 8) lines.push(`0x${address.toString(16)} (${size} bytes, ${cache})`);
  });
  if (objects === 0) return 0;
  report(
    `module ${name} leaked ${objects} object${objects === 1 ? '' : 's'}, ${bytes} bytes: ${lines.join(', ')}${objects > lines.length ? ', ...' : ''}`,
    '',
  );
  return objects;
}

function announce_symbols(name: string): void {
  // The kernel's own functions too: the host has no text of its own.
  const list = all_symbols().filter((s) => s.module === name || s.module === '');
  list.sort((a, b) => Number(b.data) - Number(a.data)); // where there is no room for all, data goes first
  let text = '';
  do
    text = JSON.stringify(
      list.map((s) => (s.data ? [s.name, s.value, s.size] : [s.name, s.value, 1, s.module === '' ? 'kernel' : 'text'])),
    );
  while (text.length > MAILBOX_TEXT_SIZE && list.splice(list.length >> 1).length > 0);
  answer(text);
}

/** The mailbox's INSMOD. Context: its own task. Return: 0 or -errno. */
export function* load_request(length: number): Sleeping<number> {
  const mod = load_module(JSON.parse(request_text(length)) as LoadSpec);
  if (mod < 0) return mod;
  // The host names addresses by them, also when init never returns.
  announce_symbols(module_name(mod));
  const result = yield* init_module(mod);
  if (result < 0) unlink_module(mod);
  return result;
}

/** As many lines as the mailbox holds, with a word about the others: ten thousand tasks do not fit. */
function whole_lines(text: string): string {
  const ROOM_FOR_NOTE = 80;
  const bytes = Buffer.from(text);
  if (bytes.length <= MAILBOX_TEXT_SIZE) return text;
  const end = bytes.lastIndexOf(10, MAILBOX_TEXT_SIZE - ROOM_FOR_NOTE) + 1;
  let left = 0;
  for (let at = bytes.indexOf(10, end); at >= 0; at = bytes.indexOf(10, at + 1)) left++;
  return `${bytes.subarray(0, end).toString()}... and ${left} more lines, for which there is no room\n`;
}
/** Answers with the text of /proc/NAME. Return: 0, -ENOENT. */
export function proc_request(length: number): number {
  const text = proc_text(request_text(length));
  answer(text === null ? PROC_NAMES.join(', ') : whole_lines(text));
  return text === null ? -ENOENT : 0;
}

/** The mailbox's RMMOD. Return: 0 or -errno. */
export function* unload_request(length: number): Sleeping<number> {
  const name = request_text(length);
  st(Box.LENGTH, 0);
  const mod = find_module(name);
  const refused = mod === 0 ? -ENOENT : refuse_unload(mod);
  if (refused !== 0) {
    answer(
      refused === -ENOENT
        ? `module ${name} is not loaded`
        : refused === -EWOULDBLOCK
          ? `module ${name} is in use by ${module_refcount(mod)}`
          : `module ${name} cannot be unloaded: ${ld(mod + Mod.STATE) === ModuleState.LIVE ? 'it has no module_exit' : 'its init did not finish'}`,
    );
    return refused;
  }
  yield* exit_module(mod);
  unlink_module(mod);
  return 0;
}
function refuse_unload(mod: number): number {
  if (ld(mod + Mod.STATE) !== ModuleState.LIVE) return -EBUSY;
  if (ld(mod + Mod.INIT) !== 0 && ld(mod + Mod.EXIT) === 0) return -EBUSY;
  return a_ld(mod + Mod.REFCNT) === 0 ? 0 : -EWOULDBLOCK;
}
