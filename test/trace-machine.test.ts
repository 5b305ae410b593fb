// The flight recorder of whole machines: what the kernel records, the trace for Perfetto, and the command line.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChromeEvent, ChromeTrace } from '../dist/machine/chrome-types.js';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { merged_events, read_ring, type TraceEvent } from '../dist/machine/trace-ring.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';
import { explore } from '../dist/explore/index.js';
import { lockstep } from './cli-run.js';

const SWITCH = 1;
const IRQ_ENTER = 2;
const IRQ_EXIT = 3;
const SOFTIRQ_ENTER = 4;
const SOFTIRQ_EXIT = 5;
const PRINTK = 16;
const SPIN_LOCK = 40;
const SPIN_UNLOCK = 41;

const TRACER = fileURLToPath(new URL('./fixtures/trace/tracer.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lockstep-trace-'));
let tracer: CompiledModule;
beforeAll(async () => {
  tracer = await compileModule(TRACER, { build: 'free' });
}, 60_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await release_pools();
});

/** Runs the tracer to its end and gives the machine, still on. */
async function traced<T>(
  options: Parameters<typeof Machine.boot>[0],
  look: (machine: Machine) => T | Promise<T>,
  parameters: Record<string, number> = {},
): Promise<T> {
  const machine = await Machine.boot(options);
  try {
    await machine.insmod(tracer, parameters);
    expect(await machine.idle(60_000)).toBe(true);
    return await look(machine);
  } finally {
    await machine.poweroff();
  }
}
const by_cpu = (events: TraceEvent[]): TraceEvent[][] =>
  [...new Set(events.map((e) => e.cpu))].map((cpu) => events.filter((e) => e.cpu === cpu));

/** Interrupts and softirqs of a CPU end in the order opposite to that in which they began. Return: how many there were. */
function check_nesting(events: readonly TraceEvent[]): number {
  const stack: number[] = [];
  let ended = 0;
  for (const e of events) {
    if (e.event === IRQ_ENTER) stack.push(IRQ_EXIT);
    if (e.event === SOFTIRQ_ENTER) stack.push(SOFTIRQ_EXIT);
    if (e.event === SWITCH) expect(stack).toEqual([]);
    if (e.event !== IRQ_EXIT && e.event !== SOFTIRQ_EXIT) continue;
    expect(stack.pop()).toBe(e.event);
    ended++;
  }
  return ended;
}

describe('a machine of 4 CPUs', () => {
  let events: TraceEvent[] = [];
  let lines: string[] = [];
  let chrome: ChromeTrace = { traceEvents: [], displayTimeUnit: 'ns', otherData: {} };
  beforeAll(async () => {
    await traced({ cpus: 4, trace_events: 4096 }, (machine) => {
      events = merged_events(machine.memory);
      lines = machine.trace();
      chrome = machine.chromeTrace();
    });
  }, 90_000);

  test('records interrupts and softirqs nested, and no task switch inside one', () => {
    const ended = by_cpu(events).map(check_nesting);
    expect(ended.reduce((a, b) => a + b)).toBeGreaterThan(4);
  });

  test('would be found not to nest them', () => {
    const broken = events.filter((e) => e.event !== IRQ_EXIT);
    expect(() => by_cpu([...broken, ...events.filter((e) => e.event === IRQ_EXIT)]).map(check_nesting)).toThrow();
  });

  test('records each lock taken and released by the same CPU', () => {
    for (const mine of by_cpu(events)) {
      const held = new Set<number>();
      for (const { event, a, irqs_off } of mine) {
        if (event !== SPIN_LOCK && event !== SPIN_UNLOCK) continue;
        expect(held.has(a)).toBe(event === SPIN_UNLOCK);
        expect(irqs_off).toBe(true); // all are _irqsave
        if (event === SPIN_LOCK) held.add(a);
        else held.delete(a);
      }
      expect(held.size).toBe(0);
    }
    expect(events.filter((e) => e.event === SPIN_LOCK)).toHaveLength(204); // 4 threads of 50 rounds, a call on 4 CPUs
  });

  test('follows each task from CPU to CPU: what leaves is what came', () => {
    for (const mine of by_cpu(events)) {
      let running = 0;
      for (const e of mine) {
        if (e.event !== SWITCH) continue;
        expect(e.pid).toBe(running);
        running = e.a;
      }
    }
  });

  test('has its lines in order of time, with the names of locks, functions and tasks', () => {
    const times = lines.map((line) => Number(/^\[.\s*(\d+\.\d{9})\]/.exec(line)![1]));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const text = lines.join('\n');
    expect(text).toMatch(/tracer\/\d\/\d+ +d\.\.1 {2}spin_lock shared\+0x0\/0x[0-9a-f]+ \[tracer\]$/m);
    expect(text).toMatch(/mutex_lock gate\+0x0\/0x[0-9a-f]+ \[tracer\]$/m);
    expect(text).toMatch(/kmalloc 0x[0-9a-f]+ 100 bytes$/m);
    expect(text).toMatch(/ipi call function to CPU \d: called \[tracer\]$/m);
    expect(text).toMatch(/d\.h\. {2}call called \[tracer\]\(0x7\)$/m);
    expect(text).toMatch(/d\.h1 {2}spin_lock other\+0x0\/0x[0-9a-f]+ \[tracer\]$/m);
    expect(text).toMatch(/\.\.s\. {2}timer_expire clock\+0x0\/0x[0-9a-f]+ \[tracer\] rang \[tracer\]$/m);
    expect(text).toMatch(/ {2}the timer rang$/m);
    expect(text).toMatch(/block on the completion fired\+0x0\/0x[0-9a-f]+ \[tracer\]$/m);
    expect(text).toMatch(/switch to tracer\/\d\/\d+/);
  });

  test('keeps the text of each trace_printk whole', () => {
    const texts = events.filter((e) => e.event === PRINTK && e.text.startsWith('worker')).map((e) => e.text);
    const expected = [0, 1, 2, 3].flatMap((who) =>
      Array.from({ length: 50 }, (_, i) => `worker ${who} round ${i}: ${who * 1000 + i}`),
    );
    expect(texts.sort()).toEqual(expected.sort());
  });

  test('gives a trace that is valid: known phases, whole slices that nest, arrows with two ends, named tracks', () => {
    expect(() => check_chrome(chrome)).not.toThrow();
    const parsed = JSON.parse(JSON.stringify(chrome)) as ChromeTrace;
    expect(parsed.traceEvents).toHaveLength(chrome.traceEvents.length);
    const names = new Set(chrome.traceEvents.filter((e) => e.name === 'thread_name').map((e) => e.args!['name']));
    for (const name of ['CPU 0', 'CPU 3']) expect(names).toContain(name);
    for (const lock of [/^shared\+0x0\/\S+ \[tracer\]$/, /^gate\+0x0\/\S+ \[tracer\]$/])
      expect([...names].some((name) => lock.test(String(name)))).toBe(true);
    const slices = chrome.traceEvents.filter((e) => e.ph === 'X');
    expect(slices.some((e) => e.name === 'irq call function')).toBe(true);
    expect(slices.some((e) => e.name === 'timer rang [tracer]')).toBe(true);
    expect(slices.filter((e) => e.cat === 'lock').length).toBeGreaterThanOrEqual(404); // and 200 of the mutex
    expect(chrome.traceEvents.some((e) => e.ph === 's')).toBe(true);
  });

  test('gives a trace whose mistakes the check of the trace finds', () => {
    const first = chrome.traceEvents.find((e) => e.ph === 'X')!;
    const wrong: ChromeEvent[][] = [
      [{ ...first, ph: 'B' as 'X' }],
      [{ ...first, dur: -1 }],
      [{ ...first, ts: NaN }],
      [{ ...first, tid: 77_777 }],
      [
        { ...first, ts: 1, dur: 10 },
        { ...first, ts: 5, dur: 10 },
      ],
      [{ name: 'wake-up', ph: 's', pid: 1, tid: 1, ts: 0, id: 99 }],
    ];
    for (const more of wrong)
      expect(() => check_chrome({ ...chrome, traceEvents: [...chrome.traceEvents, ...more] })).toThrow();
  });
});

/** Throws if the trace is none that Perfetto takes as it is meant. */
function check_chrome({ traceEvents }: ChromeTrace): void {
  const tracks = new Map<string, ChromeEvent[]>();
  const flows = new Map<number, string>();
  const named = new Set<string>();
  for (const e of traceEvents) {
    const track = `${e.pid}/${e.tid}`;
    if (!['X', 'i', 's', 'f', 'M'].includes(e.ph)) throw new Error(`phase ${e.ph}`);
    if (typeof e.name !== 'string' || !Number.isInteger(e.pid) || !Number.isInteger(e.tid)) throw new Error('track');
    if (!Number.isFinite(e.ts) || e.ts < 0) throw new Error(`time ${e.ts}`);
    if (e.ph === 'M') {
      if (e.name === 'thread_name') named.add(track);
      continue;
    }
    if (e.ph === 's' || e.ph === 'f') flows.set(e.id!, (flows.get(e.id!) ?? '') + e.ph);
    if (e.ph !== 'X') continue;
    if (!Number.isFinite(e.dur) || e.dur! < 0) throw new Error(`duration ${e.dur}`);
    if (!tracks.has(track)) tracks.set(track, []);
    tracks.get(track)!.push(e);
  }
  for (const [id, ends] of flows) if (ends !== 'sf') throw new Error(`arrow ${id} has the ends ${ends}`);
  for (const [track, slices] of tracks) {
    if (!named.has(track)) throw new Error(`track ${track} has no name`);
    const open: ChromeEvent[] = [];
    const end = (e: ChromeEvent): number => Math.round((e.ts + e.dur!) * 1000);
    for (const slice of slices.sort((a, b) => a.ts - b.ts || b.dur! - a.dur!)) {
      while (open.length > 0 && end(open.at(-1)!) <= Math.round(slice.ts * 1000)) open.pop();
      if (open.length > 0 && end(slice) > end(open.at(-1)!))
        throw new Error(`${slice.name} overlaps ${open.at(-1)!.name} on ${track}`);
      open.push(slice);
    }
  }
}

describe('a small ring', () => {
  test('holds the end of what happened, and makes a valid trace', async () => {
    await traced(
      { cpus: 2, trace_events: 64 },
      (machine) => {
        const rings = [0, 1].map((cpu) => read_ring(machine.memory, cpu));
        expect(Math.max(...rings.map((r) => r.length))).toBeGreaterThan(16);
        expect(Math.max(...rings.map((r) => r.length))).toBeLessThan(64);
        expect(() => check_chrome(machine.chromeTrace())).not.toThrow();
        expect(machine.trace(3).length).toBeLessThanOrEqual(6);
      },
      { threads: 6, rounds: 100 },
    );
  }, 60_000);

  test('can be read while its CPU writes: nothing is torn', async () => {
    const machine = await Machine.boot({ cpus: 2, trace_events: 64 });
    try {
      await machine.insmod(tracer, { threads: 4, rounds: 3000 });
      let seen = 0;
      for (let i = 0; i < 3000; i++)
        for (const cpu of [0, 1]) {
          const events = read_ring(machine.memory, cpu);
          seen += events.length;
          for (const [n, e] of events.entries()) {
            if (n > 0 && e.time < events[n - 1]!.time)
              throw new Error(`time goes back: ${events[n - 1]!.time} ${e.time}`);
            if (!(Number(e.event) > 0 && e.event < 100)) throw new Error(`event ${e.event}`);
            // The last one may not be complete yet.
            const found = /^worker (\d) round (\d+): (\d+)$/.exec(e.text);
            if (
              found !== null &&
              n < events.length - 1 &&
              Number(found[3]) !== Number(found[1]) * 1000 + Number(found[2])
            )
              throw new Error(`torn: ${e.text}`);
          }
        }
      expect(seen).toBeGreaterThan(0);
      expect(await machine.idle(60_000)).toBe(true);
    } finally {
      await machine.poweroff();
    }
  }, 90_000);
});

test('a machine without a recorder has no events, and all else is as with one', async () => {
  await traced({ cpus: 2, trace_events: 0 }, async (machine) => {
    expect(machine.trace()).toEqual([]);
    expect(machine.chromeTrace().traceEvents).toEqual([]);
    await machine.rmmod('tracer');
    expect(machine.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
  });
}, 60_000);

test('a machine of 64 CPUs has a ring for each', async () => {
  await traced({ cpus: 64 }, (machine) => {
    const cpus = new Set(merged_events(machine.memory).map((e) => e.cpu));
    expect(cpus.size).toBe(64); // each has evaluated the module, in an interrupt
    expect(() => check_chrome(machine.chromeTrace())).not.toThrow();
  });
}, 120_000);

test('the size of a ring is checked', async () => {
  for (const trace_events of [1, 63, 100, -64, 1.5, 262_144])
    await expect(Machine.boot({ trace_events })).rejects.toThrow(/neither 0 nor a power of two from 64 to 131072/);
  await expect(Machine.boot({ cpus: 64, memory: 8 << 20, trace_events: 4096 })).rejects.toThrow(
    /4096 for each of 64 CPUs is too much for 8 MiB of memory: at most 1024/,
  );
});

test('a trace is asked for before the machine is powered off', async () => {
  const machine = await Machine.boot({ cpus: 1 });
  await machine.poweroff();
  expect(() => machine.trace()).toThrow(/ask for its trace before/);
});

test('in explored schedules nothing is recorded and nothing changes', async () => {
  const result = await explore(TRACER, {
    cpus: 2,
    schedules: 20,
    parameters: { threads: 2, rounds: 1 },
  });
  expect(result.failure).toBeNull();
}, 60_000);

describe('lockstep run', () => {
  const trace_of = (name: string): string => join(folder, name);

  test('--trace writes a trace that is valid, and says how to open it', async () => {
    const file = trace_of('good.json');
    const { code, stderr } = await lockstep(['run', TRACER, '--no-check', '--trace', file]);
    expect(stderr).toMatch(
      /^lockstep: [\d,]+ events written to .*good\.json: open it with https:\/\/ui\.perfetto\.dev$/m,
    );
    expect(code).toBe(0);
    const trace = JSON.parse(readFileSync(file, 'utf8')) as ChromeTrace;
    expect(() => check_chrome(trace)).not.toThrow();
    // From the boot to the end: the ring is large then.
    expect(trace.traceEvents.filter((e) => e.cat === 'lock').length).toBeGreaterThanOrEqual(404);
  }, 60_000);

  test('--trace replaces what the file held', async () => {
    const file = trace_of('old.json');
    writeFileSync(file, 'x'.repeat(3_000_000));
    expect((await lockstep(['run', 'examples/hello.ts', '--no-check', '--quiet', '--trace', file])).code).toBe(0);
    expect(() => check_chrome(JSON.parse(readFileSync(file, 'utf8')) as ChromeTrace)).not.toThrow();
  }, 60_000);

  test.each([
    [join(folder, 'no', 'such', 'folder.json'), /the folder does not exist/],
    [folder, /it is a folder/],
    [join(TRACER, 'x.json'), /a part of the path is no folder/],
  ])(
    '--trace %s is refused before the run begins, with exit code 3',
    async (file, message) => {
      const { code, stdout, stderr } = await lockstep(['run', 'examples/hello.ts', '--no-check', '--trace', file]);
      expect(stderr).toMatch(message);
      expect(stdout).toBe('');
      expect(code).toBe(3);
    },
    60_000,
  );

  test.runIf(existsSync('/dev/full'))(
    'a full disk is reported, with exit code 3',
    async () => {
      const args = ['run', 'examples/hello.ts', '--no-check', '--trace', '/dev/full'];
      const { code, stdout, stderr } = await lockstep(args);
      expect(stderr).toMatch(/--trace: cannot write \/dev\/full: no space is left on the device/);
      expect(stdout).toMatch(/hello: goodbye/);
      expect(code).toBe(3);
    },
    60_000,
  );

  test('a source that is refused leaves no empty file behind', async () => {
    const file = trace_of('refused.json');
    const args = ['run', 'test/fixtures/bad/module-let.ts', '--no-check', '--trace', file];
    expect((await lockstep(args)).code).toBe(2);
    expect(existsSync(file)).toBe(false);
  }, 60_000);

  test('of a module that fails prints the last events on stderr, by time, and not the log twice', async () => {
    const { code, stdout, stderr } = await lockstep(['run', TRACER, 'fail=1', '--no-check']);
    expect(stdout).not.toMatch(/last 10 events/);
    const shown = stderr.split('\n').filter((line) => /^\[[ ~]\s*\d+\.\d{9}\] CPU \d/.test(line));
    expect(stderr).toMatch(/^The last 10 events of each CPU/m);
    expect(shown.length).toBeGreaterThan(8);
    expect(shown.length).toBeLessThanOrEqual(40);
    expect(shown.at(-1)).toMatch(/rmmod\/\d+ .*\*\*\* a warning$/);
    expect(stderr).toMatch(/tracer\.ts failed: 1 warning/);
    expect(code).toBe(1);
  }, 60_000);

  test('of a module that fails gives them with --json in the object, and not at all with --quiet', async () => {
    const json = await lockstep(['run', TRACER, 'fail=1', '--no-check', '--json']);
    const result = JSON.parse(json.stdout) as { events: string[] };
    expect(result.events.at(-1)).toMatch(/\*\*\* a warning$/);
    const quiet = await lockstep(['run', TRACER, 'fail=1', '--no-check', '--quiet']);
    expect(quiet.stderr).not.toMatch(/last 10 events/);
  }, 60_000);

  test('of a module that is fine prints no events', async () => {
    const { stderr } = await lockstep(['run', TRACER, '--no-check']);
    expect(stderr).toBe('');
  }, 60_000);
});
