// A report as text for a terminal: a column for each CPU that ran, a line for each step in the order in which they
// happened, the source line beside it. Only one column of a line has text, so it may run over the ones to its right,
// up to the source; where the terminal is narrow the columns overlap like stairs.
import { rows_of } from './rows.js';
import type { ReportStep, ScheduleReport } from './schedule.js';

export interface TextOptions {
  /** Characters of a line; 100 when not given, never less than 60. */
  width?: number;
  colour?: boolean;
}

const MARK = '<-- conflicts';
const NUMBER = 5;

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'cyan' | 'magenta';
const CODES: Record<Style, string> = { bold: '1', dim: '2', red: '31', yellow: '33', cyan: '36', magenta: '35' };

/** The interleaving, without the log. */
export function report_text(report: ScheduleReport, options: TextOptions = {}): string {
  const width = Math.max(60, options.width ?? 100);
  const paint = (style: Style, text: string): string =>
    options.colour === true ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;
  const rows = rows_of(report);
  const cpus = [...new Set(report.steps.map((s) => s.cpu))].sort((a, b) => a - b);
  const layout = lanes(cpus.length, width);
  const marked = new Set(report.conflicts.flatMap((c) => c.steps));
  const sources = report.sources.map((s) => s.text.split('\n'));
  const out: string[] = [];
  out.push(...wrap(report.headline, width).map((line) => paint('bold', line)), '');

  const heads = cpus.map((c, i) => ({ at: layout.starts[i]!, text: `CPU ${c}` }));
  out.push(paint('dim', place(heads, width)));
  const on_cpu = new Map<number, string>();
  for (const row of rows) {
    if ('folded' in row) {
      if (row.folded === 0) continue;
      const steps = row.folded === 1 ? 'step' : 'steps';
      out.push(paint('dim', cut(`${' '.repeat(NUMBER)}... ${row.folded} more ${steps} of ${row.who}`, width)));
      on_cpu.clear();
      continue;
    }
    const { step } = row;
    const lane = cpus.indexOf(step.cpu);
    const start = layout.starts[lane]!;
    if (step.kind !== 'log' && on_cpu.get(step.cpu) !== title(step)) {
      on_cpu.set(step.cpu, title(step));
      const guides = guide_text(layout, lane, NUMBER);
      out.push(guides + paint('cyan', cut(title(step), layout.end - start)));
    }
    const number = String(step.index).padStart(NUMBER - 1) + ' ';
    const what = step_text(step);
    const room = layout.end - start - 1;
    const has_source = step.site !== null && step.kind !== 'wait' && step.kind !== 'acquired';
    const mark = marked.has(step.index) ? MARK : '';
    const cell = cut(what, has_source ? room : width - start - (mark === '' ? 0 : mark.length + 1));
    const style: Style | null = marked.has(step.index)
      ? 'red'
      : step.kind === 'log'
        ? 'yellow'
        : step.kind === 'wait' || step.kind === 'acquired' || step.kind === 'lock' || step.kind === 'unlock'
          ? 'magenta'
          : step.kind === 'enter' || step.kind === 'exit' || step.kind === 'leave' || step.kind === 'end'
            ? 'dim'
            : null;
    let line =
      paint('dim', number) + guide_text(layout, lane, 0).slice(NUMBER) + (style === null ? cell : paint(style, cell));
    if (has_source) {
      const source = source_cell(sources, report, step);
      const left = width - layout.end - (mark === '' ? 0 : mark.length + 1);
      line += ' '.repeat(Math.max(1, layout.end - start - cell.length));
      line += paint('dim', mark === '' ? cut(source, left) : cut(source, left).padEnd(left + 1));
      line += mark === '' ? '' : paint('red', mark);
    } else if (mark !== '') line += ' '.repeat(width - mark.length - start - cell.length) + paint('red', mark);
    out.push(line.trimEnd());
  }
  if (report.left_out > 0)
    out.splice(2, 0, paint('dim', `(${report.left_out.toLocaleString('en-US')} earlier steps are left out)`));
  const stuck = report.tasks.filter((t) => t.state === 'waiting' && t.waits !== '');
  if (stuck.length > 0 && (report.verdict === 'deadlock' || report.verdict === 'livelock')) {
    out.push('');
    for (const t of stuck) {
      const at = t.site === null ? '' : ` at ${report.sources[t.site.source]!.file}:${t.site.line}`;
      out.push(...wrap(`${task_name(t.task, t.pid)} ${t.waits}${at}`, width));
    }
  }
  return out.join('\n');
}

/** As the kernel's own messages name a task; several of one name have their pid in it already. */
export const task_name = (task: string, pid: number): string => (task.endsWith(`/${pid}`) ? task : `${task}/${pid}`);

/** What runs on a CPU, as a heading of its column. */
function title(step: ReportStep): string {
  const task = step.pid === 0 ? 'the idle task' : `${step.task} (pid ${step.pid})`;
  return step.context === 'task' ? `-- ${task}` : `-- ${step.context} on top of ${task}`;
}

function step_text(step: ReportStep): string {
  const off = step.irqs_off && step.depth === 0 && step.kind !== 'log' ? ' [irqs off]' : '';
  const got = step.locks_after.filter((l) => !step.locks.includes(l));
  switch (step.kind) {
    case 'lock':
      return `${step.text}${off}${got.length > 0 && !got.every((l) => step.text.includes(l)) ? `, has ${got.join(', ')}` : ''}`;
    case 'enter':
      return `>> ${step.text}`;
    case 'exit':
      return `<< ${step.text}`;
    case 'wait':
    case 'leave':
    case 'end':
    case 'acquired':
      return `(${step.text})`;
    case 'log':
      return `log: ${step.text}`;
    default:
      return step.text + off;
  }
}

/** `22  shared.packets++;`, with the file's name where it is not the module's. */
function source_cell(sources: readonly string[][], report: ScheduleReport, step: ReportStep): string {
  const { source, line } = step.site!;
  const file = source === 0 ? '' : `${report.sources[source]!.file.split('/').at(-1)}:`;
  const text = without_comment((sources[source]![line - 1] ?? '').trim());
  return `${file}${String(line).padStart(file === '' ? 4 : 0)}  ${text}`;
}

/** A line of code without the comment at its end: there is little room. */
const without_comment = (line: string): string => line.replace(/(?<=[;{}),\]])\s*\/\/.*$/, '');

interface Lanes {
  /** Where the text of each column begins. */
  starts: number[];
  /** Where the source begins. */
  end: number;
}
/** Columns side by side where there is room for them, else overlapping. */
function lanes(n: number, width: number): Lanes {
  const column = 30;
  const source = Math.floor(width * (n === 1 ? 0.5 : 0.38));
  const end = Math.min(width - source, NUMBER + n * column);
  const last = Math.min(column, end - NUMBER);
  const apart = n === 1 ? 0 : Math.min(column, Math.floor((end - NUMBER - last) / (n - 1)));
  return { starts: Array.from({ length: n }, (_, i) => NUMBER + i * apart), end };
}
/** What stands to the left of a column: a bar for each CPU. */
function guide_text({ starts }: Lanes, lane: number, from: number): string {
  let text = ' '.repeat(from);
  for (const start of starts.slice(0, lane)) if (start >= text.length) text = `${text.padEnd(start)}│`;
  return text.padEnd(starts[lane]!);
}
function place(cells: readonly { at: number; text: string }[], width: number): string {
  let line = '';
  for (const { at, text } of cells) line = `${line.padEnd(at)}${line.length > at ? ' ' : ''}${text}`;
  return cut(line, width);
}
const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** Lines of whole words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
