// The interleaving of one schedule as text: a column for each CPU that ran, a line for each step in the order in which
// they happened. What a step does is written after its line in the source: the access or the call that is made there.
// Indented lines in brackets say what happened to a task at that moment.
import { relative } from 'node:path';
import type { Outcome, Session, TracedStep } from './session.js';

/** Steps at the head of a long schedule that are left out. */
const MOST_LINES = 120;
const COLUMN = 44;

interface Line {
  cpu: number;
  who: string;
  text: string;
}
export interface Interleaving {
  outcome: Outcome;
  text: string;
  /** The last step of insmod, and of each task that has not ended, by `task/pid`: `file:line`. */
  where: Map<string, string>;
}

/** Runs a schedule with tracing on. */
export function interleaving(session: Session, run: () => Outcome): Interleaving {
  const lines: Line[] = [];
  const where = new Map<string, string>();
  const main = session.compiled.file;
  session.trace((step) => {
    const task = `${step.task}/${step.pid}`;
    if (step.site === null) {
      if (step.text === ENDS && step.task !== 'insmod') where.delete(task);
    } else if (!step.interrupt) where.set(task, `${relative(process.cwd(), step.site.file)}:${step.site.line}`);
    const text = text_of(step, main);
    if (text !== '')
      lines.push({ cpu: step.cpu, who: step.interrupt ? `${step.context} on top of ${task}` : task, text });
  });
  try {
    const outcome = run();
    return { outcome, text: draw(lines, main), where };
  } finally {
    session.trace(null);
  }
}

/** What the machine says of a task that ends. */
export const ENDS = 'ends';

function text_of({ site, text, irqs_off }: TracedStep, main: string): string {
  if (site === null) return `  (${text})`;
  if (site.kind === 'loop') return '';
  const what = site.kind === 'call' ? `${site.name}()` : `${site.kind} ${site.name}`;
  const file = site.file === main ? '' : `${site.file.split('/').at(-1)}:`;
  return `${file}${site.line}: ${what}${irqs_off ? ' [irqs off]' : ''}`;
}

function draw(lines: Line[], file: string): string {
  const cpus = [...new Set(lines.map((l) => l.cpu))].sort((a, b) => a - b);
  const shown = lines.slice(-MOST_LINES);
  // One cell of a row has text, so it may be longer than its column.
  const row = (cpu: number, text: string): string => ' '.repeat(COLUMN * cpus.indexOf(cpu)) + text;
  const head = cpus
    .map((c) => `CPU ${c}`.padEnd(COLUMN))
    .join('')
    .trimEnd();
  const out = [`${relative(process.cwd(), file)}, line: step`, head];
  if (shown.length < lines.length) out.push(`(${lines.length - shown.length} earlier lines left out)`);
  const last = new Map<number, string>();
  for (const line of shown) {
    if (last.get(line.cpu) !== line.who) {
      last.set(line.cpu, line.who);
      out.push(row(line.cpu, `-- ${line.who}`));
    }
    out.push(row(line.cpu, line.text));
  }
  return out.join('\n');
}
