// A report as one HTML page that needs nothing else: no network, no fonts, no framework. The lanes, the source and the log
// are there without its script, which adds stepping, the state of the machine and the lines between conflicting steps.
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { contexts_of } from './conflicts.js';
import { after_step, idle, type CpuState } from './page/state.js';
import { rows_of } from './rows.js';
import type { ReportStep, ScheduleReport } from './schedule.js';
import { STYLE } from './style.js';

const COLOURS = 6;

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]!);
/** JSON inside of a script element: nothing in it may end the element or begin a comment. */
const json = (value: unknown): string => JSON.stringify(value).replace(/</g, '\\u003c');

/** The page's script as one text. */
function script(): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('./page/main.js', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]!.text.replace(/<\/(script)/gi, '<\\/$1');
}

/** Steps with which another CPU, or another context on it, goes on. */
export function switches_of(report: ScheduleReport): number[] {
  const contexts = contexts_of(report.steps);
  let last = -1;
  return report.steps.flatMap(({ index, kind }) => {
    if (kind === 'log' || contexts[index] === last) return [];
    last = contexts[index]!;
    return [index];
  });
}

class Drawing {
  readonly cpus: number[];
  readonly colours: Record<string, number> = {};
  readonly marked: Set<number>;
  readonly #states: Map<number, CpuState>;
  #on_cpu = new Map<number, string>();

  constructor(readonly report: ScheduleReport) {
    this.cpus = [...new Set(report.steps.map((s) => s.cpu))].sort((a, b) => a - b);
    this.#states = new Map(this.cpus.map((c) => [c, idle(c)]));
    this.marked = new Set(report.conflicts.flatMap((c) => c.steps));
    for (const step of report.steps)
      for (const lock of step.locks_after) this.colours[lock] ??= Object.keys(this.colours).length % COLOURS;
  }

  /** All steps; those that are folded are hidden by their class. */
  rows(): string {
    const { report } = this;
    const parts: string[] = [];
    for (const row of rows_of(report)) {
      if ('step' in row) {
        parts.push(this.#row(row.step, false));
        continue;
      }
      const { from, to, folded, who } = row;
      if (folded > 0)
        parts.push(
          `<li class="fold" role="presentation"><button data-from="${from}" data-to="${to}">… ${folded} more ${folded === 1 ? 'step' : 'steps'} of ${escape(who)}</button></li>`,
        );
      for (const step of report.steps.slice(from, to + 1)) parts.push(this.#row(step, true));
      if (folded > 0) this.#on_cpu.clear();
    }
    return parts.join('\n');
  }

  #row(step: ReportStep, folded: boolean): string {
    const before = new Map(this.#states);
    const after = after_step(step, this.#states.get(step.cpu)!);
    this.#states.set(step.cpu, after);
    const marked = this.marked.has(step.index);
    const classes = ['row', step.kind];
    if (marked) classes.push('conflict');
    if (folded) classes.push('folded');
    if (!step.own) classes.push('kernel');
    const cells = this.cpus.map((cpu, lane) => {
      if (cpu !== step.cpu) return this.#cell(before.get(cpu)!, before.get(cpu)!, '', lane, '');
      const block = `<span class="block" title="${escape(step.text)}">${escape(block_text(step))}</span>`;
      return this.#cell(
        before.get(cpu)!,
        after,
        block,
        lane,
        step.depth > 0 ? ` nested" style="--depth:${step.depth}` : '',
      );
    });
    const changed = [...step.locks, ...step.locks_after].find(
      (l) => step.locks.includes(l) !== step.locks_after.includes(l),
    );
    if (changed !== undefined) classes.push(`k${this.colours[changed]}`);
    const who = step.context === 'task' ? step.task : `${step.context} on top of ${step.task}`;
    const label = `step ${step.index}, CPU ${step.cpu}, ${who}: ${step.text}${marked ? ', conflicts' : ''}`;
    const row = `<li class="${classes.join(' ')}" role="option" aria-selected="false" id="s${step.index}" data-step="${step.index}" aria-label="${escape(label)}"><span class="n">${step.index}</span>${cells.join('')}</li>`;
    return this.#title(step, before, folded) + row;
  }

  /** Who runs there from now on, over the first of its steps. */
  #title(step: ReportStep, states: ReadonlyMap<number, CpuState>, folded: boolean): string {
    if (step.kind === 'log') return '';
    const what = step.pid === 0 ? 'idle' : step.task;
    const title = step.context === 'task' ? what : `${step.context} on top of ${what}`;
    const key = `${title}/${step.pid}`;
    if (this.#on_cpu.get(step.cpu) === key) return '';
    this.#on_cpu.set(step.cpu, key);
    const cells = this.cpus.map((cpu, lane) => {
      const name = cpu === step.cpu ? `<span class="name">${escape(title)}</span>` : '';
      return this.#cell(states.get(cpu)!, states.get(cpu)!, name, lane, '');
    });
    return `<li class="title${folded ? ' folded' : ''}" role="presentation" aria-hidden="true"><span></span>${cells.join('')}</li>`;
  }

  #cell(before: CpuState, after: CpuState, content: string, lane: number, extra: string): string {
    const classes = ['cell', lane === 0 || lane < this.cpus.length / 2 ? 'left' : 'right'];
    if (after.task !== '' || before.task !== '') classes.push('live');
    if (after.irqs_off || before.irqs_off) classes.push('off');
    if (before.depth > 0 || after.depth > 0) classes.push('irq');
    const held = [...new Set([...before.locks, ...after.locks])];
    const bars = held.map((lock) => {
      const ends = !before.locks.includes(lock) ? ' top' : !after.locks.includes(lock) ? ' foot' : '';
      return `<i class="k${this.colours[lock]}${ends}" title="holds ${escape(lock)}"></i>`;
    });
    const all = bars.length === 0 ? '' : `<span class="bars">${bars.join('')}</span>`;
    const room = classes.includes('left') ? this.cpus.length - lane : lane + 1;
    const style = content === '' ? '' : `;--room:${room}`;
    // `extra` may go on with a style of its own.
    const open = extra.includes('style')
      ? `class="${classes.join(' ')}${extra}${style}"`
      : `class="${classes.join(' ')}"${style === '' ? '' : ` style="${style.slice(1)}"`}`;
    return `<span ${open}>${content}${all}</span>`;
  }
}

function block_text(step: ReportStep): string {
  if (step.kind === 'enter') return `▶ ${step.text}`;
  if (step.kind === 'exit') return `◀ ${step.text}`;
  return step.text;
}

function source_lines(report: ScheduleReport): string {
  const marked = new Set(report.conflicts.flatMap((c) => c.steps).map((i) => place(report.steps[i]!.site)));
  return report.sources
    .map(({ text }, i) => {
      const lines = text.replace(/\n$/, '').split('\n');
      const spans = lines.map((line, n) => {
        const at = `${i}-${n + 1}`;
        return `<span class="line${marked.has(at) ? ' marked' : ''}" id="l${at}" data-n="${n + 1}">${escape(line) || ' '}</span>`;
      });
      return `<pre class="source"${i === 0 ? '' : ' hidden'}>${spans.join('')}</pre>`;
    })
    .join('\n');
}
const place = (site: ReportStep['site']): string => (site === null ? '' : `${site.source}-${site.line}`);

const BUTTONS: readonly (readonly [string, string, string, string])[] = [
  ['first', '|◀', 'first step (Home)', 'wide'],
  ['previous switch', '◀◀', 'previous switch (p)', ''],
  ['previous', '◀', 'previous step (up, k)', ''],
  ['next', '▶', 'next step (down, j)', ''],
  ['next switch', '▶▶', 'next switch (n)', ''],
  ['last', '▶|', 'last step (End)', 'wide'],
  ['next conflict', '● next', 'next conflicting step (c)', ''],
];

/** Only what is there needs to be explained. */
function legend({ steps, conflicts }: ScheduleReport): string {
  const entry = (background: string, text: string): string =>
    `<span><i style="background:${background}"></i>${text}</span>`;
  const stripes = 'repeating-linear-gradient(135deg,var(--soft) 0 2px,transparent 2px 4px)';
  return [
    steps.some((s) => s.irqs_off) ? entry(stripes, 'interrupts off') : '',
    steps.some((s) => s.depth > 0) ? entry('var(--irq-line)', 'in an interrupt') : '',
    conflicts.length > 0 ? entry('var(--bad)', 'conflicts') : '',
  ].join('');
}

/** The whole page. */
export function report_html(report: ScheduleReport): string {
  const drawing = new Drawing(report);
  const rows = drawing.rows();
  const first = report.conflicts[0]?.steps[0] ?? report.steps.findLast((s) => s.own && s.kind !== 'log')?.index ?? 0;
  const data = { report, first, switches: switches_of(report), lock_colours: drawing.colours };
  const heads = drawing.cpus.map((c) => `<span>CPU ${c}</span>`).join('');
  const locks = Object.entries(drawing.colours)
    .map(([name, n]) => `<span><i class="lock k${n}"></i>holds ${escape(name)}</span>`)
    .join('');
  const parameters = report.parameters.map(([name, value]) => ` ${name}=${value}`).join('');
  const causes =
    report.conflicts.length < 2
      ? ''
      : `<details><summary>${report.conflicts.length} groups of steps are marked</summary><ul class="causes">${report.conflicts.map((c) => `<li>${escape(c.kind)}: ${escape(c.text)}</li>`).join('')}</ul></details>`;
  const buttons = BUTTONS.map(
    ([move, text, label, style]) =>
      `<button data-move="${move}" class="${style}" aria-label="${label}" title="${label}">${text}</button>`,
  ).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escape(report.module)}: ${escape(report.verdict)}</title>
<style>${STYLE}</style></head><body>
<header>
<p><span class="verdict">${escape(report.verdict)}</span> <span class="soft">${escape(report.file)}${escape(parameters)}, ${report.cpus} CPU${report.cpus === 1 ? '' : 's'}, ${report.steps.length} steps</span></p>
<h1>${escape(report.headline).replace(/`([^`]*)`/g, '<code>$1</code>')}</h1>
<p class="message soft">${escape(report.message)}</p>
${causes}
<div class="replay"><code id="replay">${escape(report.replay)}</code><button data-copy="replay">Copy</button></div>
<p class="soft keys"><kbd>↓</kbd> <kbd>↑</kbd> step, <kbd>n</kbd> <kbd>p</kbd> next and previous switch, <kbd>c</kbd> next conflict, <kbd>Home</kbd> <kbd>End</kbd></p>
</header>
<main class="grid">
<section class="lanes" style="--cpus:${drawing.cpus.length}" aria-label="The schedule: time runs downwards, a lane for each CPU">
<div class="legend options"><label><input type="checkbox" id="all"> show all steps</label>${locks}${legend(report)}</div>
${report.left_out > 0 ? `<p class="soft">${report.left_out.toLocaleString('en-US')} earlier steps are left out.</p>` : ''}
<div id="heads"><span></span>${heads}</div>
<div style="position:relative"><ol id="steps" role="listbox" tabindex="0" aria-label="Steps of the schedule">
${rows}
</ol><svg id="lines" aria-hidden="true"></svg></div>
</section>
<aside id="side" aria-label="The chosen step">
<div class="controls" role="toolbar" aria-label="Stepping">${buttons}</div>
<div class="now-step machine-step" aria-live="polite"><div class="soft"><span id="where"></span><span id="time"></span></div><div id="what" class="mono"></div></div>
<h2 id="file">${escape(report.file)}</h2>
<div id="sources" tabindex="0" role="region" aria-label="Source">${source_lines(report)}</div>
<div class="machine"><h2>CPUs after this step</h2><table><tbody id="cpus"></tbody></table>
<h2>Variables, as last seen</h2><table><tbody id="variables"></tbody></table></div>
</aside>
</main>
<footer>
<h2>Kernel log</h2>
<pre id="log">${escape(report.log.join('\n'))}</pre>
<p class="soft">Token: <code id="token">${escape(report.token)}</code> <button data-copy="token">Copy</button></p>
</footer>
<script type="application/json" id="data">${json(data)}</script>
<script>${script()}</script>
</body></html>
`;
}
