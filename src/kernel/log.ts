// noinstr: never transformed, never interrupted.
// The log ring: where printk's records wait for the host. Context: any, NMI included; no lock, and no wait.
//
// LOG_HEAD and LOG_TAIL count bytes since boot, modulo 2^32; a byte's place is its count modulo the ring's size.
// LOG_HEAD is moved by writers with a compare-and-swap, which reserves a record; LOG_TAIL by the reader alone, which
// also zeroes what it has taken. A record is a multiple of 8 bytes:
//
//    0   state   0: reserved, its size not yet known   < 0: being written, -size   > 0: complete, bytes of text + 1
//    4   | flags :8 | level :8 | cpu :16 |
//    8   pid
//   12   records lost before this one
//   16   f64, nanoseconds since boot
//   24   text, UTF-8
//
// A full ring drops the newest record and counts it. (Linux's overwrites the oldest: there the ring is the history
// that dmesg reads. Here the reader is the host, which has printed every record that it took and keeps the history; to
// overwrite what it may be reading would cost every writer a protocol with it.)
import { Mach, LOG_RING, LOG_RING_SIZE } from '../machine/memory-map.js';
import { LOG_RECORD_MAX } from '../machine/params.js';
import { a_add, a_cas, a_ld, a_st, a_xchg, futex_wake, st, st8, stf64 } from '../cpu/raw.js';

export const enum Rec {
  STATE = 0,
  HEAD = 4,
  PID = 8,
  LOST = 12,
  TIME = 16,
  TEXT = 24,
}
export const LOG_MASK = LOG_RING_SIZE - 1;
/** Goes on with the record before of the same task and CPU. */
export const LOG_CONT = 1;
/** The text did not end in a newline: what continues it may follow. */
export const LOG_OPEN = 2;

/** Who logs, and when: `ts` in nanoseconds since boot. */
export interface LogMeta {
  readonly cpu: number;
  readonly pid: number;
  readonly ts: number;
  readonly cont: boolean;
  readonly open?: boolean;
}

export const record_size = (bytes: number): number => (Rec.TEXT + bytes + 7) & ~7;

/** Bytes of the text in UTF-8, at most LOG_RECORD_MAX, whole characters. */
function utf8_length(text: string): number {
  const length = text.length;
  let n = 0;
  while (n < length && text.charCodeAt(n) < 0x80) n++;
  if (n === length || n >= LOG_RECORD_MAX) return Math.min(n, LOG_RECORD_MAX);
  for (let i = n; i < length; i++) {
    const c = text.charCodeAt(i);
    const pair = c >= 0xd800 && c < 0xdc00 && is_low(text.charCodeAt(i + 1));
    const width = c < 0x80 ? 1 : c < 0x800 ? 2 : pair ? 4 : 3;
    if (n + width > LOG_RECORD_MAX) break;
    n += width;
    if (pair) i++;
  }
  return n;
}
const is_low = (c: number): boolean => c >= 0xdc00 && c < 0xe000;

/** Writes `bytes` bytes of UTF-8 at ring position `at`. No encoder: those allocate. */
function put_text(at: number, text: string, bytes: number): void {
  let p = at;
  const end = at + bytes;
  let i = 0;
  // Four characters of ASCII make a word: most lines are nothing else.
  for (; end - p >= 4; i += 4, p += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    if ((a | b | c | d) > 0x7f) break;
    st(LOG_RING + (p & LOG_MASK), a | (b << 8) | (c << 16) | (d << 24));
  }
  for (; p !== end; i++) {
    let c = text.charCodeAt(i);
    if (c < 0x80) {
      st8(LOG_RING + (p++ & LOG_MASK), c);
      continue;
    }
    if (c < 0x800) {
      st8(LOG_RING + (p++ & LOG_MASK), 0xc0 | (c >> 6));
    } else {
      if (c >= 0xd800 && c < 0xdc00 && is_low(text.charCodeAt(i + 1))) {
        c = 0x10000 + ((c - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00);
        st8(LOG_RING + (p++ & LOG_MASK), 0xf0 | (c >> 18));
        st8(LOG_RING + (p++ & LOG_MASK), 0x80 | ((c >> 12) & 0x3f));
      } else {
        if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
        st8(LOG_RING + (p++ & LOG_MASK), 0xe0 | (c >> 12));
      }
      st8(LOG_RING + (p++ & LOG_MASK), 0x80 | ((c >> 6) & 0x3f));
    }
    st8(LOG_RING + (p++ & LOG_MASK), 0x80 | (c & 0x3f));
  }
}

/**
 * Stores a record and rings for the reader. Context: any. Return: false if the ring was full; the record is counted
 * as lost, and the next that is stored says so.
 */
export function log_store(level: number, text: string, meta: LogMeta): boolean {
  const bytes = utf8_length(text);
  const size = record_size(bytes);
  let head = a_ld(Mach.LOG_HEAD);
  for (;;) {
    if (((head + size - a_ld(Mach.LOG_TAIL)) | 0) > LOG_RING_SIZE) {
      a_add(Mach.LOG_LOST, 1);
      ring_reader();
      return false;
    }
    const seen = a_cas(Mach.LOG_HEAD, head, (head + size) | 0);
    if (seen === head) break;
    head = seen;
  }
  const state = LOG_RING + (head & LOG_MASK);
  // A worker that is killed in here leaves a record whose size the reader knows, so that it can go on behind it.
  a_st(state, -size);
  const flags = (meta.cont ? LOG_CONT : 0) | (meta.open === true ? LOG_OPEN : 0);
  st(LOG_RING + ((head + Rec.HEAD) & LOG_MASK), flags | (level << 8) | (meta.cpu << 16));
  st(LOG_RING + ((head + Rec.PID) & LOG_MASK), meta.pid);
  st(LOG_RING + ((head + Rec.LOST) & LOG_MASK), a_ld(Mach.LOG_LOST) === 0 ? 0 : a_xchg(Mach.LOG_LOST, 0));
  stf64(LOG_RING + ((head + Rec.TIME) & LOG_MASK), meta.ts);
  put_text((head + Rec.TEXT) | 0, text, bytes);
  a_st(state, bytes + 1);
  ring_reader();
  return true;
}

/** The reader announces that it sleeps, then looks again; so it sees this record, or this sees the announcement. */
function ring_reader(): void {
  if (a_ld(Mach.LOG_BELL) === 1 && a_xchg(Mach.LOG_BELL, 0) === 1) futex_wake(Mach.LOG_BELL, 1);
}
