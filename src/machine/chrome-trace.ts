// The flight recorder in the Chrome trace event format, for ui.perfetto.dev and chrome://tracing.
//
//   CPUs              a track for each CPU: the running task, on top of it interrupts, softirqs, timers, work; instants for
//                     wake-ups (with an arrow to where the task runs next), allocations and trace_printk
//   spin lock waits   a track for each CPU
//   locks             a track for each lock: who held it from when to when; further ones where several hold it at once
//   sleeping tasks    a track for each task: on what it waited
//
// Slices are complete events ("X"), so that nothing is left open; what had begun before the ring begins, begins there.
import type { ChromeEvent, ChromeTrace } from './chrome-types.js';
import { Event } from '../kernel/trace-layout.js';
import type { SymbolTable } from './blocked.js';
import { holder_text, kind_of, softirq_name, TraceNames, vector_name } from './trace-events.js';
import { merged_events, task_names, type TraceEvent } from './trace-ring.js';

/** One event of the format; `ts` and `dur` are microseconds. */
/** Processes of the trace, in the order of their tracks. */
const enum Process {
  CPUS = 1,
  SPIN_WAITS = 2,
  LOCKS = 3,
  TASKS = 4,
}
const PROCESS_NAMES = ['', 'CPUs', 'spin lock waits', 'locks', 'sleeping tasks'];
/** Numbers of tracks are different in all processes: some viewers mix them up otherwise. */
const TRACKS = [0, 1, 1000, 10_000, 1_000_000];

const us = (ns: number): number => Math.round(ns) / 1000;

/** A slice that has begun. */
interface Open {
  name: string;
  /** What ends it. */
  end: Event;
  from: number;
  args?: Record<string, unknown>;
}
interface Hold {
  from: number;
  by: string;
  tid: number;
  how: string;
}

class Builder {
  readonly events: ChromeEvent[] = [];
  readonly #tracks = new Set<string>();

  track(pid: Process, tid: number, name: string): number {
    const key = `${pid}/${tid}`;
    if (this.#tracks.has(key)) return tid;
    if (!this.#tracks.has(`${pid}`)) {
      this.#tracks.add(`${pid}`);
      this.#meta('process_name', pid, tid, { name: PROCESS_NAMES[pid] });
      this.#meta('process_sort_index', pid, tid, { sort_index: pid });
    }
    this.#tracks.add(key);
    this.#meta('thread_name', pid, tid, { name });
    this.#meta('thread_sort_index', pid, tid, { sort_index: tid });
    return tid;
  }
  #meta(name: string, pid: number, tid: number, args: Record<string, unknown>): void {
    this.events.push({ name, ph: 'M', pid, tid, ts: 0, args });
  }
  slice(pid: Process, tid: number, cat: string, name: string, from: number, to: number, args = {}): void {
    const ts = us(from);
    const dur = Math.max(0, us(to - from));
    this.events.push({ name, ph: 'X', cat, pid, tid, ts, dur, args });
  }
}

/** What is happening on one CPU while the events go by. */
interface CpuState {
  tid: number;
  first: number;
  task: { pid: number; from: number };
  /** Slices on top of the task, the innermost last. */
  stack: Open[];
  waits: Open[];
}

/** The rings of the machine as one trace. */
export function chrome_trace(memory: WebAssembly.Memory, symbols: SymbolTable): ChromeTrace {
  const events = merged_events(memory);
  const names = new TraceNames(symbols, task_names(memory, events));
  const build = new Builder();
  const cpus = new Map<number, CpuState>();
  const end = events.at(-1)?.time ?? 0;
  const holds = new Map<string, Hold[]>();
  const lanes = new Map<number, number[]>();
  const sleeps = new Map<number, { from: number; text: string; cpu: number }>();
  const woken = new Map<number, { ts: number; tid: number }>();
  let next_lane = TRACKS[Process.LOCKS]!;
  let flows = 0;

  const state_of = (e: TraceEvent): CpuState => {
    let state = cpus.get(e.cpu);
    if (state === undefined) {
      const tid = build.track(Process.CPUS, TRACKS[Process.CPUS]! + e.cpu, `CPU ${e.cpu}`);
      state = { tid, first: e.time, task: { pid: e.pid, from: e.time }, stack: [], waits: [] };
      cpus.set(e.cpu, state);
    }
    return state;
  };
  const close_top = (state: CpuState, to: number): void => {
    const top = state.stack.pop()!;
    build.slice(Process.CPUS, state.tid, 'irq', top.name, top.from, to, top.args);
  };
  /** Ends what `end` ends and all on top of it; if that began before the ring, from its beginning. */
  const close = (state: CpuState, event: Event, to: number, name: string): void => {
    const depth = state.stack.findLastIndex((open) => open.end === event);
    if (depth < 0) build.slice(Process.CPUS, state.tid, 'irq', name, first_of(state), to);
    else while (state.stack.length > depth) close_top(state, to);
  };
  // Not before the task's own slice, or the two would overlap.
  const first_of = (state: CpuState): number => Math.max(state.first, state.task.from);
  const close_task = (state: CpuState, to: number): void => {
    while (state.stack.length > 0) close_top(state, to);
    const { pid, from } = state.task;
    if (pid !== 0) build.slice(Process.CPUS, state.tid, 'task', names.task(pid), from, to, { pid });
  };
  const instant = (state: CpuState, e: TraceEvent, name: string, s: 't' | 'g' = 't'): void => {
    const args = { what: kind_of(e.event).text(e, names), ...(e.exact ? {} : { approximate: true }) };
    build.events.push({ name, ph: 'i', s, cat: 'event', pid: Process.CPUS, tid: state.tid, ts: us(e.time), args });
  };
  /** A track of the lock that nobody uses now. */
  const take_lane = (lock: number): number => {
    const own = lanes.get(lock) ?? [];
    lanes.set(lock, own);
    const used = new Set([...holds.values()].flat().map((hold) => hold.tid));
    const free = own.find((tid) => !used.has(tid));
    if (free !== undefined) return free;
    const tid = next_lane++;
    own.push(tid);
    return build.track(Process.LOCKS, tid, names.at(lock) + (own.length > 1 ? ` (${own.length})` : ''));
  };
  const end_hold = (hold: Hold, to: number, still = false): void =>
    build.slice(Process.LOCKS, hold.tid, 'lock', hold.by, hold.from, to, { how: hold.how, ...(still && { still }) });
  const lock_event = (e: TraceEvent, take: boolean, of_task: boolean, how: string): void => {
    const key = `${e.a}/${of_task ? `t${e.pid}` : e.cpu}`;
    const mine = holds.get(key) ?? [];
    if (take) {
      const by = `${names.task(e.pid)} on CPU ${e.cpu}`;
      holds.set(key, [...mine, { from: e.time, by, tid: take_lane(e.a), how }]);
      return;
    }
    const hold = mine.pop();
    if (hold !== undefined) end_hold(hold, e.time);
    if (mine.length === 0) holds.delete(key);
  };
  const spin_wait = (state: CpuState, e: TraceEvent): void => {
    const tid = (): number => build.track(Process.SPIN_WAITS, TRACKS[Process.SPIN_WAITS]! + e.cpu, `CPU ${e.cpu}`);
    if (e.event === Event.LOCK_WAIT) {
      const args = { holder: holder_text(e.b) };
      state.waits.push({ name: names.at(e.a), end: Event.LOCK_WAITED, from: e.time, args });
      return;
    }
    const wait = state.waits.pop();
    if (wait !== undefined) build.slice(Process.SPIN_WAITS, tid(), 'wait', wait.name, wait.from, e.time, wait.args);
  };
  const end_sleep = (pid: number, to: number, still = false): void => {
    const sleep = sleeps.get(pid);
    if (sleep === undefined) return;
    sleeps.delete(pid);
    const tid = build.track(Process.TASKS, TRACKS[Process.TASKS]! + pid, names.task(pid));
    build.slice(Process.TASKS, tid, 'sleep', sleep.text, sleep.from, to, still ? { still } : {});
  };
  const switch_event = (state: CpuState, e: TraceEvent): void => {
    close_task(state, e.time);
    state.task = { pid: e.a, from: e.time };
    const wake = woken.get(e.a);
    if (wake === undefined || e.a === 0) return;
    woken.delete(e.a);
    const flow = { name: 'wake-up', cat: 'wake', id: ++flows, pid: Process.CPUS };
    build.events.push({ ...flow, ph: 's', tid: wake.tid, ts: wake.ts });
    build.events.push({ ...flow, ph: 'f', bp: 'e', tid: state.tid, ts: us(e.time) });
  };

  for (const e of events) {
    const state = state_of(e);
    const kind = kind_of(e.event);
    const open = (name: string, ends: Event, args?: Record<string, unknown>): void => {
      state.stack.push({ name, end: ends, from: e.time, ...(args && { args }) });
    };
    if (kind.lock !== undefined) {
      lock_event(e, kind.lock === 'take', kind.of_task === true, kind.name);
      continue;
    }
    switch (e.event) {
      case Event.SWITCH:
        switch_event(state, e);
        break;
      case Event.IRQ_ENTER:
        open(`irq ${vector_name(e.a)}`, Event.IRQ_EXIT);
        break;
      case Event.IRQ_EXIT:
        close(state, Event.IRQ_EXIT, e.time, `irq ${vector_name(e.a)}`);
        break;
      case Event.SOFTIRQ_ENTER:
        open(`softirq ${softirq_name(e.a)}`, Event.SOFTIRQ_EXIT);
        break;
      case Event.SOFTIRQ_EXIT:
        close(state, Event.SOFTIRQ_EXIT, e.time, `softirq ${softirq_name(e.a)}`);
        break;
      case Event.TIMER_EXPIRE:
        open(`timer ${names.fn(e.b)}`, Event.TIMER_DONE, { timer: names.at(e.a) });
        break;
      case Event.TIMER_DONE:
        close(state, Event.TIMER_DONE, e.time, `timer ${names.fn(e.b)}`);
        break;
      case Event.WORK_START:
        open(`work ${names.fn(e.b)}`, Event.WORK_END, { work: names.at(e.a) });
        break;
      case Event.WORK_END:
        close(state, Event.WORK_END, e.time, `work ${names.fn(e.b)}`);
        break;
      case Event.LOCK_WAIT:
      case Event.LOCK_WAITED:
        spin_wait(state, e);
        break;
      case Event.BLOCK:
        sleeps.set(e.pid, { from: e.time, text: kind.text(e, names), cpu: e.cpu });
        break;
      case Event.UNBLOCK:
        end_sleep(e.pid, e.time);
        break;
      case Event.WAKEUP:
        woken.set(e.a, { ts: us(e.time), tid: state.tid });
        instant(state, e, `wake ${names.task(e.a)}`);
        break;
      case Event.PRINTK:
        instant(state, e, e.text);
        break;
      case Event.FINDING:
        instant(state, e, kind.text(e, names), 'g');
        break;
      default:
        instant(state, e, kind.name);
    }
  }
  for (const state of cpus.values()) close_task(state, end);
  for (const hold of [...holds.values()].flat()) end_hold(hold, end, true);
  for (const pid of [...sleeps.keys()]) end_sleep(pid, end, true);
  return {
    traceEvents: build.events,
    displayTimeUnit: 'ns',
    otherData: { source: 'lockstep flight recorder', cpus: cpus.size, events: events.length },
  };
}
