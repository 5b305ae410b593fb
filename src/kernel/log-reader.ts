// Host side: takes records out of the log ring. One reader at a time, in any thread; works on plain arrays over the
// machine's memory and trusts nothing in it, because a wild pointer may have written there.
import { LOG_RING, LOG_RING_SIZE, Mach } from '../machine/memory-map.js';
import { LOG_CONT, LOG_MASK, LOG_OPEN, Rec, record_size } from './log.js';

export interface LogRecord {
  /** 0 for the first since boot; lost records have numbers too. */
  readonly sequence: number;
  /** 0 (emergency) to 7 (debug). */
  readonly level: number;
  readonly cpu: number;
  readonly pid: number;
  /** Nanoseconds since boot. */
  readonly ts: number;
  /** Continues the record before of the same CPU and task. */
  readonly cont: boolean;
  /** May be continued. */
  readonly open: boolean;
  /** Records dropped before this one because the ring was full. */
  readonly lost: number;
  readonly text: string;
}

/** Which records that are not complete are left behind: those of a worker that was killed will never be. */
export interface DrainOptions {
  readonly skip_incomplete?: boolean;
}

const HEAD = Mach.LOG_HEAD >> 2;
const TAIL = Mach.LOG_TAIL >> 2;
const LOST = Mach.LOG_LOST >> 2;
const SEQ = Mach.LOG_SEQ >> 2;
const BELL = Mach.LOG_BELL >> 2;

function text_at(U8: Uint8Array, at: number, bytes: number): string {
  const start = at & LOG_MASK;
  const first = Math.min(bytes, LOG_RING_SIZE - start);
  const copy = Buffer.allocUnsafe(bytes);
  copy.set(U8.subarray(LOG_RING + start, LOG_RING + start + first));
  if (first < bytes) copy.set(U8.subarray(LOG_RING, LOG_RING + bytes - first), first);
  return copy.toString('utf8');
}

type WaitAsync = (
  array: Int32Array,
  index: number,
  value: number,
  ms: number,
) => { async: false } | { async: true; value: Promise<string> };
const wait_async = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;

/**
 * What is at ring position `at`: a record and its size; a size alone if it must be passed over, size 0 if something
 * overwrote the ring; null if nothing is ready.
 */
function read_record(
  I32: Int32Array,
  U8: Uint8Array,
  F64: Float64Array,
  at: number,
  sequence: number,
  skip: boolean,
): { size: number; record: LogRecord | null } | null {
  const word = (offset: number): number => (LOG_RING + ((at + offset) & LOG_MASK)) >> 2;
  const used = (Atomics.load(I32, HEAD) - at) | 0;
  const overwritten = { size: 0, record: null };
  if (used === 0) return (at & 7) === 0 ? null : overwritten;
  const state = Atomics.load(I32, word(Rec.STATE));
  if (used < 0 || used > LOG_RING_SIZE || (used & 7) !== 0) return overwritten;
  if (state <= 0) {
    if (!skip) return null;
    return state === 0 || -state > used ? overwritten : { size: -state, record: null };
  }
  const bytes = state - 1;
  const size = record_size(bytes);
  if (size > used) return overwritten;
  const head = I32[word(Rec.HEAD)]!;
  const lost = I32[word(Rec.LOST)]!;
  const record: LogRecord = {
    sequence: sequence + lost,
    level: (head >> 8) & 7,
    cpu: head >>> 16,
    pid: I32[word(Rec.PID)]!,
    ts: F64[(LOG_RING + ((at + Rec.TIME) & LOG_MASK)) >> 3]!,
    cont: (head & LOG_CONT) !== 0,
    open: (head & LOG_OPEN) !== 0,
    lost,
    text: text_at(U8, at + Rec.TEXT, bytes),
  };
  return { size, record };
}

/** Shows every complete record and leaves it in the ring, memory untouched. Return: how many. */
export function peek(I32: Int32Array, U8: Uint8Array, F64: Float64Array, take: (record: LogRecord) => void): number {
  let at = Atomics.load(I32, TAIL);
  let sequence = I32[SEQ]!;
  let n = 0;
  for (let r; (r = read_record(I32, U8, F64, at, sequence, false)) !== null && r.record !== null; n++) {
    at = (at + r.size) | 0;
    sequence = r.record.sequence + 1;
    take(r.record);
  }
  return n;
}

/**
 * Takes every complete record out of the ring, in order. A record whose writer has not finished stops it, since the
 * writer will ring again; with `skip_incomplete`, when no writer can be alive, it is passed over and counted as lost.
 * Return: how many records.
 */
export function drain(
  I32: Int32Array,
  U8: Uint8Array,
  F64: Float64Array,
  take: (record: LogRecord) => void,
  options: DrainOptions = {},
): number {
  const skip = options.skip_incomplete === true;
  let n = 0;
  for (;;) {
    const at = Atomics.load(I32, TAIL);
    const r = read_record(I32, U8, F64, at, I32[SEQ]!, skip);
    if (r === null) return n;
    if (r.record === null) Atomics.add(I32, LOST, 1);
    else I32[SEQ] = r.record.sequence + 1;
    zero(U8, at, r.size === 0 ? LOG_RING_SIZE : r.size);
    // Only now may a writer have the space. Where the records can't be told apart, reading goes on behind all of them.
    Atomics.store(I32, TAIL, r.size === 0 ? Atomics.and(I32, HEAD, ~7) & ~7 : (at + r.size) | 0);
    if (r.record === null) continue;
    n++;
    take(r.record);
  }
}

/** The next lap's writers must find 0 where their record's state will be. */
function zero(U8: Uint8Array, at: number, size: number): void {
  const start = at & LOG_MASK;
  const first = Math.min(size, LOG_RING_SIZE - start);
  U8.fill(0, LOG_RING + start, LOG_RING + start + first);
  if (first < size) U8.fill(0, LOG_RING, LOG_RING + size - first);
}

/** Records dropped since the last that was stored: asked when the ring is empty, at the end of a run. Resets it. */
export const take_lost = (I32: Int32Array): number => Atomics.exchange(I32, LOST, 0);

/** Waits until there may be something to drain, at most `ms`. For a thread that has an event loop. */
export async function log_wait(I32: Int32Array, ms: number): Promise<void> {
  Atomics.store(I32, BELL, 1);
  if (!something(I32)) {
    const wait = wait_async(I32, BELL, 1, ms);
    if (wait.async) await wait.value;
  }
  Atomics.store(I32, BELL, 0);
}

/** The same for a thread that may block. */
export function log_wait_sync(I32: Int32Array, ms: number): void {
  Atomics.store(I32, BELL, 1);
  if (!something(I32)) Atomics.wait(I32, BELL, 1, ms);
  Atomics.store(I32, BELL, 0);
}

/** Is the record at the tail complete? A record that is still being written is not worth waking for. */
function something(I32: Int32Array): boolean {
  const at = Atomics.load(I32, TAIL);
  return at !== Atomics.load(I32, HEAD) && Atomics.load(I32, (LOG_RING + (at & LOG_MASK)) >> 2) > 0;
}
