import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { F64, I32, U8, attach_memory } from '../dist/cpu/raw.js';
import { log_store } from '../dist/kernel/log.js';
import { drain, log_wait, type LogRecord, peek, take_lost } from '../dist/kernel/log-reader.js';
import { Continuations, record_lines } from '../dist/kernel/log-lines.js';

const RING = 0x40000;
const LOG_RING = 0x20000;
const HEAD = 0x1200 >> 2;
const TAIL = 0x1280 >> 2;
let memory: WebAssembly.Memory;
beforeEach(() => {
  memory = new WebAssembly.Memory({ shared: true, initial: 16, maximum: 16 });
  attach_memory(memory);
});

const meta = (ts = 0, more: object = {}) => ({ cpu: 2, pid: 33, ts, cont: false, ...more });
function all(options = {}): LogRecord[] {
  const records: LogRecord[] = [];
  drain(I32, U8, F64, (r) => records.push(r), options);
  return records;
}

describe('the log ring', () => {
  test('gives back what was stored, in order, with level, CPU, task, time and sequence', () => {
    expect(log_store(3, 'first', meta(1500))).toBe(true);
    log_store(6, '', meta(2500, { cpu: 63, pid: 70000, cont: true, open: true }));
    expect(all()).toEqual([
      { sequence: 0, level: 3, cpu: 2, pid: 33, ts: 1500, cont: false, open: false, lost: 0, text: 'first' },
      { sequence: 1, level: 6, cpu: 63, pid: 70000, ts: 2500, cont: true, open: true, lost: 0, text: '' },
    ]);
    expect(all()).toEqual([]);
  });

  test('keeps any text whole over many laps', () => {
    const characters = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 900 }));
    let sequence = 0;
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 40 }), (texts) => {
        for (const text of texts) expect(log_store(5, text, meta())).toBe(true);
        const records = all();
        expect(records.map((r) => r.text)).toEqual(texts.map((t) => t.toWellFormed?.() ?? t));
        for (const r of records) expect(r.sequence).toBe(sequence++);
      }),
      { numRuns: 300 },
    );
  });

  test('replaces half of a surrogate pair and cuts what is too long between characters', () => {
    log_store(5, 'a\ud800b\udc00', meta());
    log_store(5, 'x' + 'é'.repeat(5000), meta());
    const [a, b] = all();
    expect(a!.text).toBe('a\ufffdb\ufffd');
    expect(b!.text).toBe('x' + 'é'.repeat(2047));
  });

  test('works on when the byte counts wrap around at 2^32', () => {
    I32[HEAD] = I32[TAIL] = -64;
    for (let i = 0; i < 10; i++) log_store(5, `line ${i}`, meta());
    expect(all().map((r) => r.text)).toEqual(Array.from({ length: 10 }, (_, i) => `line ${i}`));
  });

  test('drops the newest records when it is full, and the next one that is stored says how many', () => {
    let stored = 0;
    while (log_store(5, 'x'.repeat(110), meta())) stored++;
    expect(log_store(5, 'still fits', meta())).toBe(true);
    expect(log_store(5, 'x'.repeat(1000), meta())).toBe(false);
    expect(log_store(5, 'x'.repeat(1000), meta())).toBe(false);
    expect((stored + 1) * 136).toBeGreaterThan(RING - 256);
    const records = all();
    expect(records.length).toBe(stored + 1);
    expect(records.reduce((n, r) => n + r.lost, 0)).toBe(1);
    log_store(5, 'after', meta());
    const [after] = all();
    expect([after!.lost, after!.sequence]).toEqual([2, stored + 4]);
    expect(record_lines(after!)).toEqual(['[    0.000000] ** 2 printk messages dropped **', '[    0.000000] after']);
    expect(take_lost(I32)).toBe(0);
  });

  test('peek shows the same records and changes not a byte', () => {
    log_store(5, 'one', meta());
    log_store(5, 'two', meta());
    const before = Buffer.from(U8.slice());
    const seen: string[] = [];
    expect(peek(I32, U8, F64, (r) => seen.push(`${r.sequence} ${r.text}`))).toBe(2);
    expect(seen).toEqual(['0 one', '1 two']);
    expect(Buffer.from(U8.slice()).equals(before)).toBe(true);
    expect(all().length).toBe(2);
  });

  test('zeroes what was taken', () => {
    for (let i = 0; i < 5000; i++) {
      log_store(5, 'x'.repeat(i % 200), meta(i));
      all();
    }
    expect(U8.subarray(LOG_RING, LOG_RING + RING).every((b) => b === 0)).toBe(true);
  });

  test('a record that is not complete holds up the reader, unless its writer is known to be dead', () => {
    log_store(5, 'first', meta());
    const at = (LOG_RING >> 2) + (I32[HEAD]! >> 2);
    log_store(5, 'second', meta());
    log_store(5, 'third', meta());
    const complete = I32[at]!;
    I32[at] = -32; // reserved: a killed worker leaves it so
    expect(all().map((r) => r.text)).toEqual(['first']);
    expect(all({ skip_incomplete: true }).map((r) => r.text)).toEqual(['third']);
    expect(take_lost(I32)).toBe(1);
    expect(complete).toBe(7);
  });

  test('words that a wild pointer wrote do not hang or crash the reader', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (state, head, tail) => {
        log_store(5, 'first', meta());
        I32[LOG_RING >> 2] = state;
        I32[HEAD] = head;
        I32[TAIL] = tail;
        all({ skip_incomplete: true });
        if (I32[HEAD] !== I32[TAIL]) return; // still in the bounds of a ring that a writer is filling
        log_store(5, 'fine again', meta());
        expect(all().at(-1)!.text).toBe('fine again');
      }),
      { numRuns: 100 },
    );
  });

  test('wakes a reader that waits, and a reader that finds something does not wait', async () => {
    log_store(5, 'there', meta());
    await log_wait(I32, 60_000);
    all();
    const waiting = log_wait(I32, 60_000);
    log_store(5, 'new', meta());
    await waiting;
    expect(all().map((r) => r.text)).toEqual(['new']);
  });

  test('four CPUs that log at the same time lose nothing and keep their own order', async () => {
    const each = 3000;
    const code = `
      const { workerData } = require('node:worker_threads');
      Promise.all([import(workerData.raw), import(workerData.log)]).then(([raw, log]) => {
        raw.attach_memory(workerData.memory);
        for (let i = 0; i < ${each}; ) if (log.log_store(5, 'é' + i, { cpu: workerData.cpu, pid: 1, ts: i, cont: false })) i++;
      });`;
    const url = (name: string): string => new URL(name, import.meta.url).href;
    let running = 4;
    const workers = [0, 1, 2, 3].map(
      (cpu) =>
        new Worker(code, {
          eval: true,
          workerData: { cpu, memory, raw: url('../dist/cpu/raw.js'), log: url('../dist/kernel/log.js') },
        }),
    );
    const exits = workers.map(
      (w) => new Promise((done, fail) => w.on('error', fail).on('exit', () => (running--, done(0)))),
    );
    const next = [0, 0, 0, 0];
    const take = (r: LogRecord): void => {
      expect(r.text).toBe('é' + next[r.cpu]!++);
    };
    while (running > 0) {
      drain(I32, U8, F64, take);
      await log_wait(I32, 20);
    }
    await Promise.all(exits);
    drain(I32, U8, F64, take);
    expect(next).toEqual([each, each, each, each]);
  });
});

describe('lines', () => {
  const record = (text: string, more: Partial<LogRecord> = {}): LogRecord => ({
    sequence: 0,
    level: 6,
    cpu: 0,
    pid: 1,
    ts: 1_234_567_000,
    cont: false,
    open: false,
    lost: 0,
    text,
    ...more,
  });
  test('look like dmesg, one for each line of the text', () => {
    expect(record_lines(record('hello'))).toEqual(['[    1.234567] hello']);
    expect(record_lines(record('a\nb'))).toEqual(['[    1.234567] a', '[    1.234567] b']);
  });
  test('continuations join the record of their own task, and another record ends it', () => {
    const out: string[] = [];
    const c = new Continuations((r) => out.push(r.text));
    c.add(record('one ', { open: true }));
    expect(out).toEqual([]);
    c.add(record('two', { cont: true }));
    expect(out).toEqual(['one two']);
    c.add(record('three ', { open: true }));
    c.add(record('other', { pid: 2, cont: true }));
    expect(out).toEqual(['one two', 'three ', 'other']);
    c.add(record('held', { open: true }));
    c.flush();
    c.flush();
    expect(out.at(-1)).toBe('held');
  });
});
