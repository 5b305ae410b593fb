// `lockstep bench`: measures, prints a table with the spread, writes JSON and HTML, compares two runs.
import { readFileSync } from 'node:fs';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import { compare, digits, doubt, summary, type Figure, type Report } from '../bench/figure.js';
import { html } from '../bench/html.js';
import { placement_text } from '../bench/placement.js';
import { bench, chosen } from '../bench/run.js';
import { checkWritable, writeText } from './files.js';
import type { Interrupt } from './interrupt.js';
import type { Output } from './output.js';

export interface BenchCommandOptions {
  passes: number;
  list: boolean;
  json: boolean;
  quiet: boolean;
  out?: string;
  html?: string;
  /** Compare with this earlier run. */
  against?: string;
  compare: boolean;
}

/** Return: the exit code. */
export async function benchCommand(
  words: readonly string[],
  options: BenchCommandOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  if (options.compare) {
    if (words.length !== 2) throw new UsageError('--compare takes two JSON files: the earlier run and the later one');
    const [before, after] = [read(words[0]!), read(words[1]!)];
    showComparison(before, after, out);
    writeFiles(after, options);
    return 0;
  }
  if (words.length > 1) throw new UsageError(`one filter, not ${words.length}: ${words.join(' ')}`);
  const filter = words[0] ?? '';
  const wanted = chosen(filter);
  if (wanted.length === 0) throw new UsageError(`there is no benchmark '${filter}' (lockstep bench --list)`);
  if (options.list) {
    out.result({ command: 'bench', list: wanted.map(({ id, group, label, unit }) => ({ id, group, label, unit })) });
    for (const point of wanted) out.line(`${point.id.padEnd(36)} ${point.group}: ${point.label}`);
    return 0;
  }
  if (options.out !== undefined) checkWritable('--out', options.out);
  if (options.html !== undefined) checkWritable('--html', options.html);
  const earlier = options.against === undefined ? null : read(options.against);
  const { report, placements } = await interrupt.race(
    bench({
      passes: options.passes,
      filter,
      progress: (done, of, what) => out.status(`${done} of ${of}: ${what}`),
      check: () => {
        if (interrupt.reason !== null) throw interrupt.reason;
      },
    }),
  );
  out.clearStatus();
  out.result({ command: 'bench', ...report });
  out.line(
    `Node ${report.node}, ${report.cores} cores (${report.host}), load ${report.load.toFixed(1)}; ${options.passes} samples of each figure`,
  );
  const bad = placements.filter((p) => !p.good);
  if (placements.length > 0)
    out.line(
      `Placement: ${placement_text(placements.at(-1)!)}${bad.length > 0 ? `; ${bad.length} of ${placements.length} probes found the threads on one core` : ''}`,
    );
  showTable(report.figures, out);
  if (earlier !== null) showComparison(earlier, report, out);
  writeFiles(report, options);
  return 0;
}

function showTable(figures: readonly Figure[], out: Output): void {
  const cells = figures.map((f) => {
    const s = summary(f.samples);
    return [f.label, digits(s.median), `${digits(s.low)} to ${digits(s.high)}`, f.unit];
  });
  const widths = [0, 1, 2, 3].map((i) => Math.max(...cells.map((row) => row[i]!.length)));
  let group = '';
  figures.forEach((f, n) => {
    if (f.group !== group) {
      group = f.group;
      out.line();
      out.line(out.paint('bold', group));
    }
    const [label, median, range, unit] = cells[n] as [string, string, string, string];
    const why = doubt(f);
    const text = `  ${label.padEnd(widths[0]!)}  ${median.padStart(widths[1]!)}  ${range.padStart(widths[2]!)}  ${unit.padEnd(widths[3]!)}`;
    const beside = [why === '' ? '' : `means nothing: ${why}`, f.beside].filter((t) => t !== '').join('; ');
    const line = `${text}  ${beside}`.trimEnd();
    out.line(why === '' ? line : out.paint('dim', line));
  });
}

function showComparison(before: Report, after: Report, out: Output): void {
  const all = compare(before, after);
  if (all.length === 0) throw new UsageError('the two runs have no figure in common');
  out.line();
  out.line(out.paint('bold', `Compared with ${before.when}`));
  const width = Math.max(...all.map((d) => d.figure.id.length));
  for (const { figure, before: a, after: b, ratio, verdict } of all) {
    const text = `  ${figure.id.padEnd(width)}  ${digits(a.median).padStart(9)} -> ${digits(b.median).padStart(9)} ${figure.unit.padEnd(11)}  ${ratio.toFixed(2)} times  ${verdict}`;
    out.line(verdict === 'slower' ? out.paint('red', text) : verdict === 'faster' ? out.paint('green', text) : text);
  }
}

function read(file: string): Report {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new EnvironmentFailure(`cannot read ${file}: ${(error as Error).message}`);
  }
  let report: Partial<Report> | null = null;
  try {
    report = JSON.parse(text) as Partial<Report>;
  } catch {
    // Said below.
  }
  if (report?.version !== 1 || !Array.isArray(report.figures))
    throw new UsageError(`${file} is no report of lockstep bench (--out writes one)`);
  return report as Report;
}

function writeFiles(report: Report, options: BenchCommandOptions): void {
  if (options.out !== undefined) writeText('--out', options.out, `${JSON.stringify(report, null, 1)}\n`);
  if (options.html !== undefined) writeText('--html', options.html, html(report));
}
