// The flight recorder's rings: what is written, what a reader makes of it, what it leaves out. In this thread, which is
// whichever CPU it says it is.
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { GFP_ATOMIC } from '../dist/linux/gfp_types.js';
import { trace_printk as module_printk, trace_puts } from '../dist/linux/kernel.js';
import { SymbolTable } from '../dist/machine/blocked.js';
import { trace_lines } from '../dist/machine/trace.js';
import { merged_events, read_ring } from '../dist/machine/trace-ring.js';
import { __get_free_pages } from '../dist/mm/page_alloc.js';
import {
  trace_begin,
  trace_end,
  trace_event,
  trace_event_at,
  trace_fast,
  trace_finding,
  trace_init,
  trace_printk,
  tracing_is_on,
  tracing_off,
  tracing_on,
} from '../dist/kernel/trace.js';
import { enter_cpu, IRQ_OFF, ld, machine_memory, power_on, PREEMPT, st, word_of_cpu } from './mm-setup.js';

// Numbers of kernel/trace-layout.ts and machine/memory-map.ts.
const SWITCH = 1;
const IPI = 8;
const PRINTK = 16;
const FINDING = 18;
const SPIN_LOCK = 40;
const SPIN_UNLOCK = 41;
const KMALLOC = 70;
const TRACE_EVENTS = 0x153c;
const TRACE_OFF = 0x1548;
const HEAD = 31 * 128 + 8;
const RING = 31 * 128;
const RECORDS = 64;

function boot(records = RECORDS, cpus = 4): void {
  power_on(cpus);
  st(TRACE_OFF, 0);
  st(TRACE_EVENTS, records);
  trace_init((order) => __get_free_pages(GFP_ATOMIC, order));
}
const ring = (cpu = 0) => read_ring(machine_memory(), cpu);
const lines = (last?: number) => trace_lines(machine_memory(), new SymbolTable(), last);
const slot = (count: number, cpu = 0): number =>
  (ld(word_of_cpu(cpu, RING)) & ~0xfff) + ((count * 32) & (RECORDS * 32 - 1));

beforeEach(() => boot());

describe('a ring', () => {
  test('holds what was recorded, in order', () => {
    for (let i = 0; i < 10; i++) trace_event(IPI, i, i * 2, i * 3);
    expect(ring().map(({ event, a, b, c }) => [event, a, b, c])).toEqual(
      Array.from({ length: 10 }, (_, i) => [IPI, i, i * 2, i * 3]),
    );
  });

  test('that is full holds the latest, without the one that the next would be written over', () => {
    for (let i = 0; i < 1000; i++) trace_event_at(i, IPI, i);
    expect(ring().map((e) => e.a)).toEqual(Array.from({ length: RECORDS - 1 }, (_, i) => 1000 - RECORDS + 1 + i));
  });

  test('goes on where the count of bytes wraps', () => {
    st(word_of_cpu(0, HEAD), -10 * 32);
    for (let i = 0; i < 30; i++) trace_event_at(i, IPI, i);
    expect(ring().map((e) => e.a)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test('without a whole record, because its CPU died in the middle of the first, is empty', () => {
    st(slot(0) + 12, IPI | 0x80);
    expect(ring()).toEqual([]);
  });

  test('in which a record is half written holds neither that nor what it is written over', () => {
    for (let i = 0; i < 200; i++) trace_event_at(i, IPI, i);
    st(slot(200) + 12, KMALLOC); // and then the CPU died
    st(slot(200) + 16, -1);
    const values = ring().map((e) => e.a);
    expect(values).toEqual(Array.from({ length: RECORDS - 1 }, (_, i) => 200 - RECORDS + 1 + i));
  });

  test('is that of its CPU alone', () => {
    for (const c of [0, 1, 3]) {
      enter_cpu(c);
      trace_event_at(c, IPI, 100 + c);
    }
    expect([0, 1, 2, 3].map((c) => ring(c).map((e) => e.a))).toEqual([[100], [101], [], [103]]);
  });

  test('of any length reads back as the end of what was written, whatever it was', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('timed' as const), value: fc.integer() }),
      fc.record({ kind: fc.constantFrom('begin' as const, 'end' as const, 'fast' as const), value: fc.integer() }),
      fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'binary', maxLength: 120 }) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), (events) => {
        boot();
        let records = 0;
        const written = events.map((e) => {
          const before = ld(word_of_cpu(0, HEAD));
          if (e.kind === 'text') trace_puts(e.value);
          else if (e.kind === 'timed') trace_event(IPI, e.value);
          else if (e.kind === 'begin') trace_begin(SPIN_LOCK, e.value);
          else if (e.kind === 'end') trace_end(SPIN_UNLOCK, e.value);
          else trace_fast(KMALLOC, e.value, 5);
          records += (ld(word_of_cpu(0, HEAD)) - before) / 32;
          return e.kind === 'text' ? e.value.replace(/\n$/, '').toWellFormed() : e.value;
        });
        const read = ring().map((e) => (e.event === PRINTK ? e.text : e.a));
        expect(read).toEqual(written.slice(written.length - read.length));
        if (records < RECORDS) expect(read).toHaveLength(written.length);
        else expect(read.length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('time', () => {
  test('of frequent events lies between those of their neighbours, and they say so', () => {
    trace_event_at(1000, IPI, 0);
    trace_begin(SPIN_LOCK, 0x5000);
    trace_fast(KMALLOC, 0x6000, 10);
    trace_begin(SPIN_LOCK, 0x7000);
    trace_event_at(2000, IPI, 1);
    const events = ring();
    expect(events.map((e) => e.exact)).toEqual([true, false, false, false, true]);
    expect(events.map((e) => e.time)).toEqual([1000, 1250, 1500, 1750, 2000]);
    expect(lines().map((line) => line[1])).toEqual([' ', '~', '~', '~', ' ']);
  });

  test('is read now and then also where nothing but pairs of frequent events is recorded', () => {
    boot(512);
    for (let i = 0; i < 2000; i++) {
      trace_begin(SPIN_LOCK, 0x5000);
      trace_end(SPIN_UNLOCK, 0x5000);
    }
    const events = ring();
    expect(events).toHaveLength(511);
    expect(events.filter((e) => e.exact).length).toBeGreaterThanOrEqual(3);
    for (const [i, e] of events.entries()) if (i > 0) expect(e.time).toBeGreaterThanOrEqual(events[i - 1]!.time);
  });

  test('never goes back on a CPU, and merges the CPUs', () => {
    for (const [c, t] of [
      [0, 50],
      [1, 10],
      [2, 30],
      [1, 40],
      [0, 45], // read before what was recorded first
    ] as const) {
      enter_cpu(c);
      trace_event_at(t, IPI, t);
    }
    const merged = merged_events(machine_memory());
    expect(merged.map((e) => [e.cpu, e.time])).toEqual([
      [1, 10],
      [2, 30],
      [1, 40],
      [0, 50],
      [0, 50],
    ]);
  });

  test('orders the lines, of which the last of each CPU can be had', () => {
    for (let i = 0; i < 20; i++) {
      enter_cpu(i % 4);
      trace_event_at(i * 1000, IPI, i, 0);
    }
    expect(lines(2).map((line) => /CPU (\d).*to CPU (\d+)/.exec(line)!.slice(1).map(Number))).toEqual(
      [12, 13, 14, 15, 16, 17, 18, 19].map((i) => [i % 4, i]),
    );
  });
});

describe('an event', () => {
  test('tells interrupts off, hardirq and softirq, and how deep preemption is off', () => {
    const at = (irqs_off: number, count: number): void => {
      st(word_of_cpu(0, IRQ_OFF), irqs_off);
      st(word_of_cpu(0, PREEMPT), count);
      trace_begin(SPIN_LOCK, 0x5000);
      trace_event(IPI, 1);
    };
    const all: [number, number, string][] = [
      [0, 0, '....'],
      [1, 0, 'd...'],
      [1, 0x10000, 'd.h.'],
      [0, 0x101, '..s1'],
      [1, 0x10102, 'd.H2'],
      [0, 0x201, '...1'], // softirqs are off, none runs
    ];
    for (const [irqs_off, count] of all) at(irqs_off, count);
    st(word_of_cpu(0, IRQ_OFF), 0);
    st(word_of_cpu(0, PREEMPT), 0);
    expect(lines().map((line) => / {2}([.dhsH0-9]{4}) {2}/.exec(line)![1])).toEqual(all.flatMap((x) => [x[2], x[2]]));
  });

  test('of a kind that this version does not know is told by its number and words', () => {
    trace_event(99 as typeof IPI, 1, 2, 3);
    expect(lines()[0]).toMatch(/event 99 0x1 0x2 0x3$/);
  });

  test('without a clock belongs to the task of the last switch, or of the next event that knows', () => {
    trace_begin(SPIN_LOCK, 0x5000);
    trace_event_at(10, SWITCH, 7, 0x62616c, 0); // from pid 0 to pid 7, 'lab'
    trace_begin(SPIN_LOCK, 0x5000);
    expect(ring().map((e) => e.pid)).toEqual([0, 0, 7]);
    expect(lines()[2]).toMatch(/ lab\/7 .*spin_lock 0x5000$/);
  });
});

describe('trace_printk', () => {
  test('formats as printk does, without the newline', () => {
    trace_printk('%s %03d %x%%\n', 'text', 7, 255);
    module_printk('no newline %u', -1);
    trace_puts('100%\n');
    expect(ring().map((e) => e.text)).toEqual(['text 007 ff%', 'no newline 4294967295', '100%']);
  });

  test('keeps a long text up to its limit, and what comes after it is whole', () => {
    boot(128);
    trace_puts('a'.repeat(5000));
    trace_event(IPI, 5);
    const [text, after] = ring();
    expect(text!.text).toBe('a'.repeat(1024));
    expect(after!.a).toBe(5);
  });

  test('whose beginning was overwritten is left out', () => {
    trace_puts('b'.repeat(600));
    for (let i = 0; i < RECORDS - 10; i++) trace_event(IPI, i);
    expect(ring().every((e) => e.event === IPI)).toBe(true);
  });
});

describe('recording', () => {
  test('stops and goes on for all CPUs', () => {
    trace_event(IPI, 1);
    expect(tracing_is_on()).toBe(1);
    tracing_off();
    expect(tracing_is_on()).toBe(0);
    trace_event(IPI, 2);
    trace_begin(SPIN_LOCK, 2);
    trace_printk('2');
    enter_cpu(1);
    trace_event(IPI, 2);
    tracing_on();
    trace_event(IPI, 3);
    expect(merged_events(machine_memory()).map((e) => e.a)).toEqual([1, 3]);
  });

  test('ends with the first finding, which is the last event', () => {
    trace_event(IPI, 1);
    trace_finding(1);
    trace_finding(1);
    trace_event(IPI, 2);
    expect(ring().map((e) => e.event)).toEqual([IPI, FINDING]);
    expect(lines().at(-1)).toMatch(/\*\*\* an oops$/);
  });

  test('does not take place without a ring', () => {
    boot(0);
    trace_event(IPI, 1);
    trace_end(SPIN_UNLOCK, 1);
    trace_printk('1');
    tracing_on();
    trace_event(IPI, 1);
    expect(merged_events(machine_memory())).toEqual([]);
    expect(lines()).toEqual([]);
  });
});
