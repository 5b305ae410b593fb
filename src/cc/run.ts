// noinstr: never transformed, never interrupted.
// Running C on this CPU, and the driver of attempts for C. Who calls: the CPU loop (C tasks), call_sleepable (module_init
// and module_exit of C modules, on top of a TypeScript task), anybody through a text handle (call_c).
//
// A C function runs on a kernel stack of the machine's memory, a block of 16 KiB aligned to its size:
//
//   stack + 0       SP    the stack pointer of a suspended activation, 0 before it has begun
//         + 4 ..    POS, END   what asyncify reads when it rewinds
//         + 16 ..   the suspend buffer, grows up while the activation is suspended
//           ..      free
//   SP      ..      locals of C, grow down
//
// All of a suspended activation lies there and in the task's frames, so a C task goes on at any CPU. These words are
// the task's own: nobody looks at them but the CPU that runs it, and the run queue's lock lies between two CPUs.
//
// Sleeping, in one import of C, see `sleeper`: the attempt says SLEEP; the import asks asyncify to unwind and returns;
// the C frames go to a scratch buffer of the CPU (asyncify checks no limit) and come back to `enter`, which copies them
// to the stack if they fit below SP: else it is a stack overflow. Only then the CPU loop does what a yield means. After
// the wake-up, anywhere: rewind, the same import is called again, it calls the attempt again with the same frame.
import { Break, breaks } from '../cpu/break.js';
import { PageFault } from '../cpu/heap.js';
import { step_slow } from '../cpu/step.js';
import { current_task, my } from '../cpu/context.js';
import { copy_bytes, fill_bytes, ld, st } from '../cpu/raw.js';
import { SCHEDULE } from '../cpu/vectors.js';
import { BUG, panic, task_comm, task_pid } from '../kernel/panic.js';
import { GFP_ATOMIC, GFP_KERNEL } from '../linux/gfp.js';
import { Pcpu } from '../machine/memory-map.js';
import { C_SCRATCH, KERNEL_STACK, NULL_PAGE } from '../machine/params.js';
import { set_alloc_owner } from '../mm/owner.js';
import { __get_free_pages, free_pages } from '../mm/page_alloc.js';
import { get_order } from '../mm/slab.js';
import { pop_frame, push_frame, schedule_debug, SLEEP, type Attempt, type Sleeping } from '../sched/sleep.js';
import { Task } from '../sched/task-layout.js';
import { c_string } from './memory.js';
import { rewind, stack_pointer, stop, unwind } from './registers.js';

/** Words at the bottom of a kernel stack. */
const enum Stack {
  SP = 0,
  POS = 4,
  END = 8,
  BUFFER = 16,
}
type Function_of_C = (a?: number, b?: number, c?: number) => number | undefined;
// What runs on this CPU right now; all of it is at rest whenever the CPU loop is.
/** The stack of the innermost C activation, 0 when none runs. */
let stack_in_use = 0;
/** Whether that activation may be suspended: everything below it is C, up to the CPU loop or a driver's generator. */
let may_suspend = false;
/** The next sleeping import is the one that the activation was suspended in. */
let rewinding = false;
/** A sleeping import has asked for it. */
let unwinding = false;
let result_of_c = 0;
/** The broken control keeps here what belongs into the task's stack. */
const kept_here = new Map<number, number>();

let function_of: (handle: number) => Function_of_C = () => BUG('no C module is loaded');
/** Gives the wasm function of a text handle on this CPU: set by image.ts, which instantiates modules at first use. */
export function set_function_of(f: (handle: number) => Function_of_C): void {
  function_of = f;
}

/** Nothing of C runs here: at power-on, and after an exception has thrown C frames away. */
export function reset_c(): void {
  stack_in_use = 0;
  may_suspend = rewinding = unwinding = false;
  stop();
}

/** Pages of the kernel's own, kept by this CPU in its word `at`. */
function own_pages(at: number, size: number): number {
  if (ld(my + at) !== 0) return ld(my + at);
  const owner = set_alloc_owner(0);
  const pages = __get_free_pages(GFP_ATOMIC, get_order(size));
  set_alloc_owner(owner);
  if (pages === 0) BUG(`no memory (${size} bytes) to run C on this CPU`);
  st(my + at, pages);
  return pages;
}

const who = (): string => `${task_comm(current_task())}/${task_pid(current_task())}`;

/** Starts or continues the activation on `stack`. Return: true if it has ended (the result is `c_result`). */
function enter(stack: number, handle: number, argument: number): boolean {
  const fn = function_of(handle);
  const saved = breaks(Break.C_STATE_IN_JS) ? (kept_here.get(stack) ?? 0) : ld(stack + Stack.SP);
  if (saved === 0) stack_pointer.value = stack + KERNEL_STACK;
  else {
    rewind(saved, stack + Stack.POS);
    rewinding = true;
  }
  stack_in_use = stack;
  may_suspend = true;
  const result = fn(argument);
  stack_in_use = 0;
  may_suspend = false;
  if (unwinding) {
    unwinding = false;
    save(stack, stop());
    return false;
  }
  result_of_c = result ?? 0;
  return true;
}

/** The C frames have been unwound to the scratch buffer: into the task's stack, below its locals. */
function save(stack: number, sp: number): void {
  const scratch = ld(my + Pcpu.C_SCRATCH);
  const from = scratch + 8;
  const size = ld(scratch) - from;
  if (size > C_SCRATCH - 8)
    panic(
      '%s: %d bytes of suspended C frames are more than the %d of the CPU: memory behind it is overwritten',
      who(),
      size,
      C_SCRATCH,
    );
  const top = stack + Stack.BUFFER + size;
  if (top > sp)
    BUG(
      `kernel stack overflow: ${who()} sleeps with ${stack + KERNEL_STACK - sp} bytes of C locals and ${size} of suspended frames on a stack of ${KERNEL_STACK}`,
    );
  copy_bytes(stack + Stack.BUFFER, from, size);
  st(stack + Stack.POS, top);
  st(stack + Stack.END, top);
  st(stack + Stack.SP, sp);
  if (breaks(Break.C_STATE_IN_JS)) kept_here.set(stack, sp);
}

/** Whether the C task has run already. */
export const c_started = (task: number): boolean => ld(ld(task + Task.STACK) + Stack.SP) !== 0;
/** The CPU loop runs a C task until it sleeps, yields or ends. Return: true if it has ended, with `c_result`. */
export const run_c_task = (task: number): boolean =>
  enter(ld(task + Task.STACK), ld(task + Task.THREADFN), ld(task + Task.DATA));
export const c_result = (): number => result_of_c;

/**
 * A C function on top of a TypeScript task, which stays at its CPU: its generator is live. It may sleep.
 * Context: task, for call_sleepable.
 */
export function* c_activation(handle: number, argument: number): Sleeping<number> {
  const owner = set_alloc_owner(0);
  const stack = __get_free_pages(GFP_KERNEL, get_order(KERNEL_STACK));
  set_alloc_owner(owner);
  if (stack === 0) return -12;
  st(stack + Stack.SP, 0);
  while (!enter(stack, handle, argument)) yield SCHEDULE;
  const result = result_of_c;
  free_pages(stack, get_order(KERNEL_STACK));
  return result;
}

/** Calls a C function that must not sleep: on the stack of the C that runs, else on one of this CPU. Context: any. */
export function call_c(handle: number, a: number, b: number, c: number): number {
  const fn = function_of(handle);
  const outer = stack_in_use;
  const outer_may = may_suspend;
  const sp = stack_pointer.value as number;
  if (outer === 0) {
    stack_in_use = own_pages(Pcpu.C_STACK, KERNEL_STACK);
    stack_pointer.value = stack_in_use + KERNEL_STACK;
  }
  may_suspend = false;
  const result = fn(a, b, c) ?? 0;
  stack_pointer.value = sp;
  stack_in_use = outer;
  may_suspend = outer_may;
  return result;
}

/** Called by C at a loop head when something is pending for this CPU. */
export const irq_poll = step_slow;

/**
 * Called by C before an access whose base address lies in the first 64 KiB; `address` has the offset added. Returns for
 * one that is a constant of the code, which is all offset: the engine checks that it lies in the memory.
 */
export function bad_access(address: number): void {
  if (address >>> 0 >= NULL_PAGE) return;
  const text = (address >>> 0).toString(16).padStart(8, '0');
  const what =
    address >>> 0 < 4096
      ? 'BUG: kernel NULL pointer dereference, address'
      : 'BUG: unable to handle page fault for address';
  throw new PageFault(`${what}: ${text}`, address, false);
}

/** An exception of the processor, by its name in Linux's reports. */
class Trap extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}
/** Called by C where the divisor is 0. */
export function divide_error(): never {
  throw new Trap('divide error', 'division by zero');
}
/** __builtin_trap, and what the compiler knows to be undefined. */
export function trap(): never {
  throw new Trap('invalid opcode', '__builtin_trap, or code that the compiler knows never to be reached');
}
export function bug_at(file: number, line: number): never {
  BUG(`kernel BUG at ${c_string(file)}:${line}!`);
}

/** Called by C before it would leave its stack; nothing has been written there yet. */
export function stack_overflow(): never {
  BUG(`kernel stack overflow: ${who()} has more than ${KERNEL_STACK} bytes of C locals`);
}

// ---- the driver ------------------------------------------------------------------------------------------------
/** Before the attempt's own frame: which call it is, for the check at the rewind, and its arguments. */
const HEADER = 16;

/** A kernel call at which C may be suspended. */
export interface Sleeper {
  attempt: Attempt;
  /** Bytes of the attempt's frame, a multiple of 8. */
  size: number;
  /** What comes before: checks, and the fast path. Its result, or SLEEP to go on with the attempt. */
  begin: (a: number, b: number, c: number) => number;
}

/** The import for C: `number` tells the sleepers apart, from 1. */
export function sleeper(name: string, number: number, { attempt, size, begin }: Sleeper): Function_of_C {
  return (a = 0, b = 0, c = 0) => {
    let frame: number;
    if (rewinding) {
      rewinding = false;
      stop();
      frame = ld(current_task() + Task.FRAME_TOP) - (HEADER + size);
      if (ld(frame) !== number)
        BUG(`${who()} was suspended in another call than ${name}: its frames or its stack were overwritten`);
      // Of the arguments only those in the frame count: asyncify need not restore what is dead after the call.
      a = ld(frame + 4);
      b = ld(frame + 8);
      c = ld(frame + 12);
      if (breaks(Break.C_FRAME_LOST)) fill_bytes(frame + HEADER, 0, size);
    } else {
      const quick = begin(a, b, c);
      if (quick !== SLEEP) return quick;
      if (!may_suspend) BUG(`${name} would sleep in a C function that was called where it must not sleep`);
      frame = push_frame(HEADER + size);
      st(frame, number);
      st(frame + 4, a);
      st(frame + 8, b);
      st(frame + 12, c);
    }
    const result = attempt(frame + HEADER, a, b, c);
    if (result !== SLEEP) {
      pop_frame(frame);
      return result;
    }
    schedule_debug();
    suspend();
    return 0;
  };
}

/** From here on the C frames return one after the other, each leaving its locals in the scratch buffer. */
function suspend(): void {
  const scratch = own_pages(Pcpu.C_SCRATCH, C_SCRATCH);
  st(scratch, scratch + 8);
  st(scratch + 4, scratch + C_SCRATCH);
  unwind(scratch);
  unwinding = true;
}
