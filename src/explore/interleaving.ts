// The interleaving of one schedule as text: a column for each CPU that ran, a line for each step or run of steps.
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

/** Runs a schedule with tracing on. */
export function interleaving(session: Session, run: () => Outcome): { outcome: Outcome; text: string } {
  const lines: Line[] = [];
  session.trace((step) => add(lines, step));
  try {
    const outcome = run();
    return { outcome, text: draw(lines, session.compiled.file) };
  } finally {
    session.trace(null);
  }
}

function add(lines: Line[], step: TracedStep): void {
  if (step.site.kind === 'loop') return;
  const who = `${step.task}/${step.pid}${step.interrupt ? ' irq' : ''}`;
  const what = step.site.kind === 'call' ? `${step.site.name}()` : `${step.site.kind} ${step.site.name}`;
  lines.push({ cpu: step.cpu, who, text: `${step.site.line}: ${what}${step.irqs_off ? ' [irqs off]' : ''}` });
}

function draw(lines: Line[], file: string): string {
  const cpus = [...new Set(lines.map((l) => l.cpu))].sort((a, b) => a - b);
  const shown = lines.slice(-MOST_LINES);
  const pad = (s: string): string => (s.length > COLUMN - 2 ? `${s.slice(0, COLUMN - 3)}…` : s).padEnd(COLUMN);
  const out = [`${relative(process.cwd(), file)}, line: step`, cpus.map((c) => pad(`CPU ${c}`)).join('').trimEnd()];
  if (shown.length < lines.length) out.push(`(${lines.length - shown.length} earlier steps left out)`);
  const last = new Map<number, string>();
  for (const line of shown) {
    if (last.get(line.cpu) !== line.who) {
      last.set(line.cpu, line.who);
      out.push(cpus.map((c) => pad(c === line.cpu ? `-- ${line.who}` : '')).join('').trimEnd());
    }
    out.push(cpus.map((c) => pad(c === line.cpu ? line.text : '')).join('').trimEnd());
  }
  return out.join('\n');
}
