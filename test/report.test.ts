// The report of a failing schedule: what is recorded, the text in columns, the JSON by its schema, the page.
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Failure } from '../dist/explore/index.js';
import { report_html, switches_of } from '../dist/explore/report/html.js';
import { go, move_of } from '../dist/explore/report/page/navigate.js';
import { state_at } from '../dist/explore/report/page/state.js';
import { rows_of } from '../dist/explore/report/rows.js';
import type { ReportStep, ScheduleReport } from '../dist/explore/report/schedule.js';
import { report_text } from '../dist/explore/report/text.js';
import { schema_errors } from './json-schema.js';
import { example, failure_of, search } from './stepped-helpers.js';

const schema = JSON.parse(
  readFileSync(new URL('../docs/schedule-report.schema.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

let lost: Failure;
let report: ScheduleReport;
let circle: ScheduleReport;
let nested: ScheduleReport;
beforeAll(async () => {
  lost = (await search(example('lost-update'), { seed: 1, schedules: 1000 })).failure!;
  report = lost.report;
  circle = (await failure_of('abba-mutex', { cpus: 2 })).report;
  nested = (await failure_of('ipi-deadlock', { cpus: 4 })).report;
});
const packets = (steps: readonly ReportStep[]): ReportStep[] => steps.filter((s) => s.place?.name === 'shared.packets');

describe('what is recorded', () => {
  test('a read has the value that it saw, a write the one that it left, and the next access sees that', () => {
    let held: string | null = '0';
    const seen = packets(report.steps);
    expect(seen.length).toBeGreaterThan(20);
    for (const step of seen) {
      expect(step.before, step.text).toBe(held);
      expect(step.text).toBe(`${step.kind} shared.packets = ${step.kind === 'read' ? step.before : step.after}`);
      held = step.after;
    }
  });

  test('locks are held from the call that took them to the one that released them, and named as in the source', () => {
    const taken = report.steps.filter((s) => s.locks_after.length > s.locks.length);
    expect(taken.length).toBe(9);
    for (const step of taken) {
      expect(step.locks_after).toEqual(['shared.lock']);
      expect(step.text).toMatch(/^spin_lock\(shared\.lock\)$|^has shared\.lock now$/);
      const end = report.steps.find((s) => s.index > step.index && s.pid === step.pid && s.kind === 'unlock')!;
      for (const s of report.steps.slice(step.index + 1, end.index + 1))
        if (s.pid === step.pid && s.kind !== 'log') expect(s.locks, s.text).toEqual(['shared.lock']);
      expect(end.locks_after).toEqual([]);
    }
  });

  test('only one CPU holds a spin lock at a time', () => {
    const holder = new Map<number, readonly string[]>();
    for (const step of report.steps) {
      if (step.kind === 'log') continue;
      holder.set(step.cpu, step.locks_after);
      expect([...holder.values()].filter((l) => l.includes('shared.lock')).length).toBeLessThanOrEqual(1);
    }
  });

  test('steps have their place in the source, their order, and a time that never goes back', () => {
    for (const [i, step] of report.steps.entries()) {
      expect(step.index).toBe(i);
      if (step.kind === 'log') continue;
      expect(step.time_ns).toBeGreaterThanOrEqual(
        report.steps.slice(0, i).findLast((s) => s.kind !== 'log')?.time_ns ?? 0,
      );
    }
    for (const step of packets(report.steps)) {
      const line = report.sources[step.site!.source]!.text.split('\n')[step.site!.line - 1]!;
      expect(line.slice(step.site!.column - 1)).toMatch(/^shared\.packets/);
    }
  });

  test('the log stands where it was written: the warning after the check that failed', () => {
    const warning = report.steps.find((s) => s.kind === 'log')!;
    expect(warning.text).toMatch(/^WARNING: at module_exit/);
    expect(report.steps[warning.index - 1]!.text).toMatch(/^WARN_ON/);
  });

  test('an interrupt is nested: entry, its steps with interrupts off, on top of the task', () => {
    const entry = nested.steps.findLast((s) => s.kind === 'enter')!;
    expect(entry.text).toBe('interrupt (call function)');
    const inside = nested.steps[entry.index + 1]!;
    expect(inside).toMatchObject({ context: 'interrupt (call function)', depth: 1, irqs_off: true, cpu: entry.cpu });
    expect(inside.locks).toEqual(['shared.lock']);
    expect(inside.task).toBe(entry.task);
  });

  test('whoever waits at the end says for what, and whose it is', () => {
    const waiting = circle.tasks.filter((t) => t.state === 'waiting');
    expect(waiting.map((t) => t.waits).sort()).toEqual([
      'waits for the mutex first, held by one_way/2',
      'waits for the mutex second, held by other_way/3',
    ]);
  });
});

describe('what conflicts', () => {
  test('of a lost update: the read, a write of another task, and the write that overwrites it', () => {
    const [first] = report.conflicts;
    expect(first).toMatchObject({ kind: 'lost update', subject: 'shared.packets' });
    const steps = first!.steps.map((i) => report.steps[i]!);
    const last = steps.at(-1)!;
    const read = steps.find((s) => s.pid === last.pid)!;
    expect([read.kind, last.kind]).toEqual(['read', 'write']);
    expect(Number(last.after)).toBe(Number(read.before) + 1);
    expect(
      steps.some((s) => s.kind === 'write' && s.pid !== last.pid && s.index > read.index && s.index < last.index),
    ).toBe(true);
    expect(report.headline).toMatch(
      /shared\.packets = \d+.*(is|are) lost\. Then `WARN_ON\(shared\.packets !== 12\)` in rmmod fails/,
    );
  });
  test('of a dead-lock: who holds what and waits for what', () => {
    expect(circle.headline).toMatch(
      /^(one_way|other_way) on CPU \d holds (first|second) and waits for (second|first), while \w+ on CPU \d holds \w+ and waits for \w+: neither can go on\.$/,
    );
    expect(circle.conflicts[0]!.steps.length).toBe(4);
  });
  test('of an interrupt that wants the lock of what it interrupted', () => {
    expect(nested.headline).toMatch(
      /^holder took shared\.lock on CPU \d with interrupts on; the call function interrupt came on top of it/,
    );
  });
  test('of a wake-up that comes between the look and the sleep', async () => {
    const { report: missed } = await failure_of('missed-wakeup', { cpus: 2 });
    expect(missed.headline).toMatch(
      /looked at shared\.done \(0\), then waker .*wake_up\(shared\.wq\), and only then sleeper/,
    );
  });
});

describe('the text', () => {
  test('of a lost update shows the reads and writes in their order, with values and source, and marks them', () => {
    const text = report_text(report);
    expect(lost.interleaving).toBe(text);
    const shown = text
      .split('\n')
      .flatMap((l) => /^ *(\d+) .*(read|write) shared\.packets = (\d+) +(\d+) /.exec(l)?.slice(1) ?? []);
    expect(shown.length).toBeGreaterThan(0);
    for (const index of report.conflicts[0]!.steps) {
      const step = report.steps[index]!;
      const line = text.split('\n').find((l) => Number(/^ *(\d+) /.exec(l)?.[1]) === index);
      expect(line).toContain(step.text);
      expect(line).toContain('shared.packets++');
      expect(line).toMatch(/<-- conflicts$/);
    }
  });

  test.each([60, 80, 100, 120])('is never wider than %i columns', (width) => {
    for (const r of [report, circle, nested])
      for (const line of report_text(r, { width }).split('\n')) expect(line.length, line).toBeLessThanOrEqual(width);
  });

  test('has a column for each CPU, and what happens on a CPU stands in its column', () => {
    const lines = report_text(circle).split('\n');
    const head = lines.findIndex((l) => /CPU 0 +CPU 1/.test(l));
    const columns = [lines[head]!.indexOf('CPU 0'), lines[head]!.indexOf('CPU 1')];
    for (const step of circle.steps) {
      const line = lines.find((l) => Number(/^ *(\d+) /.exec(l)?.[1]) === step.index);
      if (line !== undefined) expect(line.slice(columns[step.cpu]), line).toMatch(/^[\w(>]/);
    }
  });

  test('folds long stretches, never a conflicting step, and shows a short schedule whole', () => {
    expect(report_text(report)).toMatch(/\.\.\. \d+ more steps of /);
    const shown = new Set(rows_of(report).flatMap((row) => ('step' in row ? [row.step.index] : [])));
    for (const { steps } of report.conflicts) for (const i of steps) expect(shown.has(i)).toBe(true);
    expect(shown.size).toBeLessThan(report.steps.length);
    expect(rows_of(circle).every((row) => 'step' in row)).toBe(true);
  });

  test('has colours only where they are asked for', () => {
    expect(report_text(report)).not.toContain('\x1b');
    expect(report_text(report, { colour: true }).replace(/\x1b\[\d+m/g, '')).toBe(report_text(report));
  });
});

describe('the JSON', () => {
  test('is what the schema says', () => {
    for (const r of [report, circle, nested]) expect(schema_errors(schema, JSON.parse(JSON.stringify(r)))).toEqual([]);
  });
  test('control: a field of another type, one too few and one too many are seen', () => {
    const broken = JSON.parse(JSON.stringify(circle)) as Record<string, unknown> & { steps: Record<string, unknown>[] };
    broken['cpus'] = '2';
    broken['extra'] = 1;
    delete broken.steps[0]!['kind'];
    expect(schema_errors(schema, broken).sort()).toEqual([
      '$.cpus: is string, not integer',
      '$.steps[0]: has no kind',
      '$: has extra, which the schema does not know',
    ]);
  });
});

/** Tags that are never closed are refused, as is text that a parser would take for a tag. */
function check_html(html: string): void {
  const open: string[] = [];
  const body = html.replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, '');
  for (const [whole, close, name] of body.matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:\s+[\w:-]+(?:="[^"<]*")?)*\s*\/?>|</g)) {
    if (name === undefined) throw new Error(`a bare < at ${body.slice(body.indexOf(whole), 40)}`);
    if (/^(meta|input|br)$/.test(name) || whole.endsWith('/>')) continue;
    if (close === '') open.push(name);
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(' ')}`);
}
const data_of = (html: string): { report: ScheduleReport; first: number } =>
  JSON.parse(/<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(html)![1]!) as {
    report: ScheduleReport;
    first: number;
  };

describe('the page', () => {
  test('is well formed, needs nothing from elsewhere, and its data are the report', () => {
    for (const r of [report, circle, nested]) {
      const html = report_html(r);
      check_html(html.replace('<!doctype html>', ''));
      expect(html).not.toMatch(/(?:src|href)=|url\(|@import|https?:\/\//);
      expect(data_of(html).report).toEqual(JSON.parse(JSON.stringify(r)));
    }
  });

  test('shows source, log and messages as text, whatever is in them', () => {
    const evil = `</script><script>alert(1)</script><!-- <img src=x onerror="alert('2')"> & \u2028`;
    const r = structuredClone(circle);
    r.headline = r.message = evil;
    r.log.push(evil);
    r.sources[0]!.text = `// ${evil}\n${r.sources[0]!.text}`;
    r.steps[1]!.text = r.steps[1]!.task = evil;
    r.steps[1]!.locks_after = [evil];
    r.parameters = [[evil, evil]];
    const html = report_html(r);
    check_html(html.replace('<!doctype html>', ''));
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html).not.toContain('<img');
    expect(data_of(html).report).toEqual(JSON.parse(JSON.stringify(r)));
  });

  test('has every step in the order of time, each in the lane of its CPU, and chooses a conflicting one first', () => {
    const html = report_html(report);
    const steps = [...html.matchAll(/data-step="(\d+)"/g)].map((m) => Number(m[1]));
    expect(steps).toEqual(report.steps.map((s) => s.index));
    expect(data_of(html).first).toBe(report.conflicts[0]!.steps[0]);
  });
});

describe('stepping through the page', () => {
  const steps = { visible: [true, true, false, false, true, true, true], switches: [0, 3, 4, 6], conflicts: [1, 6] };
  const press = (at: number, ...keys: string[]): number => keys.reduce((i, key) => go(steps, i, move_of(key)!), at);

  test('goes from one visible step to the next, and stops at both ends', () => {
    expect(press(1, 'ArrowDown')).toBe(4);
    expect(press(4, 'k')).toBe(1);
    expect(press(6, 'j')).toBe(6);
    expect(press(0, 'ArrowUp')).toBe(0);
    expect(press(4, 'Home')).toBe(0);
    expect(press(0, 'End')).toBe(6);
  });
  test('goes to the next and the previous switch, and to what conflicts', () => {
    expect(press(0, 'n')).toBe(4);
    expect(press(6, 'p')).toBe(4);
    expect(press(0, 'c', 'c')).toBe(6);
    expect(press(6, 'C')).toBe(1);
    expect(move_of('x')).toBe(null);
  });
  test('knows the switches of a schedule: another context goes on', () => {
    const switches = switches_of(circle);
    expect(switches[0]).toBe(0);
    for (const i of switches.slice(1)) {
      const before = circle.steps.slice(0, i).findLast((s) => s.kind !== 'log')!;
      expect([before.pid, before.depth]).not.toEqual([circle.steps[i]!.pid, circle.steps[i]!.depth]);
    }
  });
  test('shows the locks and the variables as they are after the step', () => {
    const cpus = [...new Set(report.steps.map((s) => s.cpu))];
    const taken = report.steps.find((s) => s.kind === 'lock')!;
    expect(state_at(report.steps, cpus, taken.index).cpus.find((c) => c.cpu === taken.cpu)!.locks).toEqual([
      'shared.lock',
    ]);
    const last = packets(report.steps).at(-1)!;
    expect(state_at(report.steps, cpus, report.steps.length - 1).variables).toContainEqual({
      name: 'shared.packets',
      value: last.before,
      step: last.index,
    });
  });
});
