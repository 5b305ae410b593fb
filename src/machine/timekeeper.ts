// The timekeeper: one thread for each pool. A busy worker's own timers never fire, so this one keeps the jiffies, raises
// the tick at CPUs that are busy and the timer interrupt at idle ones whose deadline has come, and watches that ticks
// are taken. For a machine whose only CPU runs in the host's own thread it also drains the log and is the watchdog.
//
// It is told what to do by words of a SharedArrayBuffer of the pool's (`Control`), not by messages: those may arrive
// after the machine that they were meant for.
import { writeSync } from 'node:fs';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { HARD_LOCKUP_MS, HZ } from './params.js';
import { Mach, Pcpu, percpu_base, State } from './memory-map.js';
import { format_record } from './log-format.js';
import { drain, type LogRecord } from '../kernel/log-reader.js';
import { host_ns } from '../cpu/clock.js';
import { attach_memory, a_ld, a_or, a_st, F64, futex_wait, I32, ld, ldf64, stf64, U8 } from '../cpu/raw.js';
import { TK_BELL, TK_UNTIL } from '../sched/work-layout.js';
import { raise_vector } from '../cpu/step.js';
import { Vector, Wait } from '../cpu/vectors.js';

export const enum Control {
  /** Bumped to wake this thread. */
  EPOCH = 0,
  /** `Mode`, written by the host. */
  MODE = 1,
  /** The number of the host's request, until this thread has let go of the machine. */
  BUSY = 2,
  /** 1: the only CPU runs in the host's thread. Send it the log, and kill the process when it hangs: nobody else can. */
  INLINE = 3,
  /** 1 while the CPU is in its loop: only then it is watched. */
  INSIDE = 4,
  /** The host asks for what is in the log by adding 1; answered in DRAINED. */
  DRAIN = 5,
  DRAINED = 6,
}
export const enum Mode {
  NOTHING = 0,
  KEEP_TIME = 1,
  END = 2,
}
export interface TimekeeperData {
  control: Int32Array;
  memory: WebAssembly.Memory;
  /** Where the log goes to in inline mode. */
  port: MessagePort;
}
export type TimekeeperReport = { hard_lockup: number; seconds: number };

const TICK_NS = 1e9 / HZ;

/** What the host may not have seen yet: printed when its thread hangs. */
const latest: LogRecord[] = [];
let sent_during = 0;

function send_log(control: Int32Array): void {
  const asked = Atomics.load(control, Control.DRAIN);
  const { port } = workerData as TimekeeperData;
  if (sent_during !== asked) latest.length = 0;
  sent_during = asked;
  drain(I32, U8, F64, (record) => {
    port.postMessage(record);
    if (latest.length < 1000) latest.push(record);
  });
  Atomics.store(control, Control.DRAINED, asked);
  Atomics.notify(control, Control.DRAINED);
}

/** Interrupts the CPUs whose first hrtimer is due. Return: when the next one is, at most `until`; ns since boot. */
function raise_hrtimers(cpus: number, now: number, until: number, raised: Float64Array): number {
  let next = until;
  for (let c = 0; c < cpus; c++) {
    const area = percpu_base(c);
    const deadline = ldf64(area + Pcpu.HR_DEADLINE);
    if (deadline > until || deadline === raised[c]) continue;
    if (deadline > now) next = Math.min(next, deadline);
    else {
      raised[c] = deadline;
      if (a_ld(Mach.STATE) === State.RUNNING) raise_vector(area, Vector.HRTIMER);
    }
  }
  return next;
}

/** One CPU as the watchdog sees it. */
interface Watched {
  taken: number;
  since: number;
  asked: boolean;
}

function keep_time(memory: WebAssembly.Memory, control: Int32Array): void {
  const inline = Atomics.load(control, Control.INLINE) === 1;
  attach_memory(memory);
  const cpus = ld(Mach.CPUS);
  const boot = ldf64(Mach.BOOT_TIME);
  const watched: Watched[] = Array.from({ length: cpus }, () => ({ taken: 0, since: 0, asked: false }));
  const limit = (ld(Mach.HARD_LOCKUP_MS) || HARD_LOCKUP_MS) * Math.max(1, cpus / Math.max(1, ld(Mach.CORES))) * 1e6;
  let next = Math.floor((host_ns() - boot) / TICK_NS) + 1;
  // Of each CPU the deadline for which it has been interrupted.
  const raised = new Float64Array(cpus).fill(-1);
  for (;;) {
    const bell = a_ld(TK_BELL);
    if (Atomics.load(control, Control.MODE) !== Mode.KEEP_TIME) break;
    const until = raise_hrtimers(cpus, host_ns() - boot, next * TICK_NS, raised);
    stf64(TK_UNTIL, until);
    // Armed before it could be seen: who arms writes the deadline, then reads TK_UNTIL.
    a_ld(TK_BELL);
    const again = raise_hrtimers(cpus, host_ns() - boot, until, raised);
    const wait = (boot + again - host_ns()) / 1e6;
    if (wait > 0) futex_wait(TK_BELL, bell, Math.min(wait, 50));
    if (inline) send_log(control);
    const now = host_ns();
    const jiffies = Math.floor((now - boot) / TICK_NS);
    if (jiffies < next) continue;
    next = jiffies + 1;
    a_st(Mach.JIFFIES, jiffies);
    if (a_ld(Mach.STATE) !== State.RUNNING) continue;
    let idle = -1;
    let movable = false;
    for (let c = 0; c < cpus; c++) {
      const area = percpu_base(c);
      // Whatever is not in its idle loop: a handler on top of it is watched too.
      const busy = a_ld(area + Pcpu.RQ_CURR) !== 0 || a_ld(area + Pcpu.WAIT_REASON) !== Wait.IDLE;
      if (busy || ldf64(area + Pcpu.DEADLINE) <= jiffies) {
        a_st(area + Pcpu.WD_SENT, jiffies);
        raise_vector(area, Vector.TIMER);
      }
      if (!busy) idle = c;
      if (ld(area + Pcpu.RQ_NR) > 0 && ld(area + Pcpu.RQ_MOVABLE) > 0) movable = true;
      if (inline && Atomics.load(control, Control.INSIDE) === 0) watched[c]!.since = 0;
      else watch(area, c, watched[c]!, now, limit, inline);
    }
    // An idle CPU does not look around by itself.
    if (movable && idle >= 0) raise_vector(percpu_base(idle), Vector.RESCHEDULE);
  }
  if (inline) send_log(control);
  attach_memory(null);
}

/** A tick that is sent and not taken for `limit` is a hard lock-up: interrupts are off, or the code takes no step. */
function watch(area: number, cpu: number, w: Watched, now: number, limit: number, inline: boolean): void {
  const taken = a_ld(area + Pcpu.WD_TAKEN);
  if (taken === a_ld(area + Pcpu.WD_SENT) || taken !== w.taken || w.since === 0) {
    w.taken = taken;
    w.since = now;
    w.asked = false;
    return;
  }
  const stuck = now - w.since;
  if (stuck > limit && !w.asked) {
    w.asked = true;
    a_or(area + Pcpu.PENDING, 1 << Vector.NMI_BACKTRACE);
    return;
  }
  // It had another 500 ms to print where it is.
  if (stuck > limit + 5e8) {
    const seconds = Math.round(stuck / 1e9);
    if (inline) {
      drain(I32, U8, F64, (record) => latest.push(record));
      for (const record of latest) writeSync(2, `${format_record(record)}\n`);
      writeSync(
        2,
        `lockstep: hard lockup on CPU ${cpu}, which has taken no interrupt for ${seconds} s; it runs in the main thread, so the process ends\n`,
      );
      process.kill(process.pid, 'SIGKILL');
    }
    w.since = now;
    parentPort?.postMessage({ hard_lockup: cpu, seconds } satisfies TimekeeperReport);
  }
}

function main(): void {
  const { control, memory } = workerData as TimekeeperData;
  for (;;) {
    const epoch = Atomics.load(control, Control.EPOCH);
    const request = Atomics.load(control, Control.BUSY);
    const mode = Atomics.load(control, Control.MODE);
    if (mode === Mode.END) return;
    if (mode === Mode.KEEP_TIME) keep_time(memory, control);
    if (Atomics.load(control, Control.MODE) === Mode.NOTHING) {
      // Unless the next request has come already.
      Atomics.compareExchange(control, Control.BUSY, request, 0);
      Atomics.notify(control, Control.BUSY);
    }
    Atomics.wait(control, Control.EPOCH, epoch, 1000);
  }
}
if (!isMainThread && (workerData as Partial<TimekeeperData> | null)?.control !== undefined) main();
