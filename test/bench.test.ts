// `lockstep bench`: what its verdicts say about samples that are known, and the command as a child process.
import { afterAll, describe, expect, test } from 'vitest';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, digits, doubt, summary, type Figure, type Report } from '../dist/bench/figure.js';
import { html } from '../dist/bench/html.js';
import { lockstep } from './cli-run.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const figure = (samples: number[], more: Partial<Figure> = {}): Figure => ({
  id: 'a/1',
  group: 'A group',
  label: 'a <b> & c',
  series: 'a',
  cpus: 1,
  unit: 'ns',
  better: 'lower',
  samples,
  misplaced: 0,
  beside: '',
  ...more,
});
const report = (...figures: Figure[]): Report => ({
  version: 1,
  when: '2026-01-01T00:00:00.000Z',
  node: 'v20',
  host: 'a <host>',
  cores: 2,
  load: 0,
  figures,
});

describe('figures', () => {
  test('the summary is the median and what a tenth is below and above', () => {
    expect(summary([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 1, high: 5, min: 1, max: 5 });
  });
  test('a figure means nothing when it spreads, when its threads shared a core, or when there is none', () => {
    expect(doubt(figure([10, 10.5, 11]))).toBe('');
    expect(doubt(figure([10, 15, 30]))).toBe('noisy');
    expect(doubt(figure([10, 10, 10], { cpus: 2, misplaced: 2 }))).toBe('threads shared a core');
    expect(doubt(figure([10, 10, 10], { cpus: 2, misplaced: 1 }))).toBe('');
    expect(doubt(figure([]))).toBe('not measured');
  });
  const verdict = (a: Figure, b: Figure): string | undefined => compare(report(a), report(b))[0]?.verdict;
  test('a difference is one when no sample of the one lies among those of the other, and it is 5 % at least', () => {
    expect(verdict(figure([100, 101, 102]), figure([80, 81, 82]))).toBe('faster');
    expect(verdict(figure([100, 101, 102]), figure([120, 121, 122]))).toBe('slower');
    expect(verdict(figure([100, 101, 102]), figure([103, 104, 104]))).toBe('no difference beyond the noise');
    expect(verdict(figure([100, 110, 125]), figure([120, 125, 140]))).toBe('no difference beyond the noise');
  });
  test('where more is better, more is faster', () => {
    const rate = { better: 'higher' as const };
    expect(verdict(figure([100, 101], rate), figure([150, 151], rate))).toBe('faster');
    expect(verdict(figure([150, 151], rate), figure([100, 101], rate))).toBe('slower');
  });
  test('what means nothing in one of the runs has no verdict', () => {
    expect(verdict(figure([100, 101, 102]), figure([50, 80, 200]))).toBe('means nothing');
  });
  test('figures that only one run has are left out', () => {
    expect(compare(report(figure([1])), report(figure([1], { id: 'b' })))).toEqual([]);
  });
  test('numbers have about four digits', () => {
    expect([0.1234, 12.34, 123.4, 1234.5, 1234567, NaN].map(digits)).toEqual([
      '0.12',
      '12.3',
      '123',
      '1,235',
      '1,234,567',
      '-',
    ]);
  });
});

describe('the page', () => {
  const page = html(
    report(
      figure([1, 2, 3]),
      figure([2, 3, 4], { id: 'a/2', cpus: 2 }),
      figure([9, 9], { id: 'b', series: null, group: 'B' }),
    ),
  );
  test('needs nothing from elsewhere, and escapes what it shows', () => {
    expect(page).not.toMatch(/(src|href)=|https?:\/\/(?!www\.w3\.org)/);
    expect(page).toContain('a &lt;host&gt;');
    expect(page).toContain('a &lt;b&gt; &amp; c');
  });
  test('draws a curve for a series over several numbers of CPUs, and none for a single figure', () => {
    expect(page.match(/<polyline/g)).toHaveLength(1);
    expect(page.match(/<circle/g)).toHaveLength(2);
    expect(page.match(/<table>/g)).toHaveLength(2);
  });
  test('marks what means nothing', () => {
    expect(page).toMatch(/class="doubt"/); // 1, 2, 3 spreads
  });
});

describe('lockstep bench', () => {
  const out = join(folder, 'a.json');
  test('measures, prints a table, writes the samples and the page', async () => {
    const page = join(folder, 'a.html');
    const { code, stdout, stderr } = await lockstep([
      'bench',
      'wakeup/same',
      '--passes',
      '2',
      '--out',
      out,
      '--html',
      page,
    ]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/From a wake-up to running\n {2}on the same CPU +[\d.,]+ +[\d.,]+ to [\d.,]+ +ns/);
    expect(code).toBe(0);
    const written = JSON.parse(readFileSync(out, 'utf8')) as Report;
    expect(written.figures.map((f) => [f.id, f.samples.length])).toEqual([['wakeup/same', 2]]);
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>/);
  });
  test('compares two runs without measuring, and says which figures changed', async () => {
    const [a, b] = [join(folder, 'x.json'), join(folder, 'y.json')];
    writeFileSync(a, JSON.stringify(report(figure([100, 101, 102]))));
    writeFileSync(b, JSON.stringify(report(figure([200, 201, 202]))));
    const { code, stdout } = await lockstep(['bench', '--compare', a, b]);
    expect(stdout).toMatch(/a\/1 +101 -> +201 ns +1\.99 times {2}slower/);
    expect(code).toBe(0);
  });
  test('lists the figures', async () => {
    const { stdout, code } = await lockstep(['bench', '--list']);
    expect(stdout).toMatch(/\nwakeup\/same +From a wake-up to running/);
    expect(code).toBe(0);
  });
  test.each([
    [['bench', 'nosuch'], 2, /there is no benchmark 'nosuch'/],
    [['bench', 'wakeup', '--out', '/nonexistent/x.json'], 3, /cannot write \/nonexistent\/x\.json/],
    [['bench', '--compare', 'package.json', 'package.json'], 2, /package\.json is no report of lockstep bench/],
    [['bench', '--compare', 'nosuch.json', 'package.json'], 3, /cannot read nosuch\.json/],
    [['bench', '--compare', 'package.json'], 2, /--compare takes two JSON files/],
  ])('%j is refused with %i', async (args, code, message) => {
    const ran = await lockstep(args);
    expect(ran.stderr).toMatch(message);
    expect(ran.code).toBe(code);
  });
});
