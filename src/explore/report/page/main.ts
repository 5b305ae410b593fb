// The script of the page of a report: stepping through the schedule by keys and buttons, the source and the state of the
// machine at the chosen step, the lines that join what conflicts. Bundled into the page by html.ts; the page is readable
// without it.
import type { ScheduleReport } from '../schedule.js';
import type { Browser, Element, Page } from './dom.js';
import { go, move_of, type Move, type Steps } from './navigate.js';
import { state_at, type CpuState } from './state.js';

const { document, window } = globalThis as unknown as { document: Page; window: Browser };

const by_id = (id: string): Element => document.getElementById(id)!;
const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const { report, first, switches, lock_colours } = JSON.parse(by_id('data').textContent) as {
  report: ScheduleReport;
  first: number;
  switches: number[];
  lock_colours: Record<string, number>;
};
const cpus = [...new Set(report.steps.map((s) => s.cpu))].sort((a, b) => a - b);
const rows = new Map(
  [...document.querySelectorAll('.row[data-step]')].map((row) => [Number(row.dataset['step']), row]),
);
const conflicts = [...new Set(report.conflicts.flatMap((c) => c.steps))].sort((a, b) => a - b);
const list = by_id('steps');
const all = by_id('all');
let at = -1;

const is_visible = (row: Element | undefined): boolean =>
  row !== undefined && (all.checked || !row.classList.contains('folded'));
const stepping = (): Steps => ({
  visible: report.steps.map((s) => is_visible(rows.get(s.index))),
  switches,
  conflicts,
});

function choose(index: number, scroll = true): void {
  const row = rows.get(index);
  if (row === undefined) return;
  rows.get(at)?.classList.toggle('at', false);
  rows.get(at)?.setAttribute('aria-selected', 'false');
  at = index;
  row.classList.toggle('at', true);
  row.setAttribute('aria-selected', 'true');
  list.setAttribute('aria-activedescendant', row.id);
  if (scroll) into_view(row);
  show_source();
  show_state();
}

/** Scrolls the page so far that the row is neither under the head nor under the panel at the foot. */
function into_view(row: Element): void {
  const rect = row.getBoundingClientRect();
  const top = by_id('heads').getBoundingClientRect().bottom + 8;
  const panel = by_id('side').getBoundingClientRect();
  const below = panel.left < rect.right && panel.top > 0 ? Math.min(window.innerHeight, panel.top) : window.innerHeight;
  if (rect.top < top) window.scrollBy({ top: rect.top - top - 60 });
  else if (rect.bottom > below - 8) window.scrollBy({ top: rect.bottom - below + 60 });
}

function show_source(): void {
  const step = report.steps[at]!;
  // What has no place of its own, such as a switch, is shown where its task was last.
  const placed = report.steps.findLast((s) => s.index <= at && s.site !== null && s.pid === step.pid) ?? step;
  const { site } = step.site === null ? placed : step;
  for (const line of document.querySelectorAll('.line.now')) line.classList.toggle('now', false);
  if (site === null) return;
  for (const [i, source] of [...document.querySelectorAll('.source')].entries()) source.hidden = i !== site.source;
  by_id('file').textContent = `${report.sources[site.source]!.file}:${site.line}`;
  const line = document.getElementById(`l${site.source}-${site.line}`);
  if (line === null) return;
  line.classList.toggle('now', true);
  const box = by_id('sources');
  box.scrollTop = line.offsetTop - box.clientHeight / 2 + line.offsetHeight / 2;
}

function show_state(): void {
  const step = report.steps[at]!;
  const { cpus: states, variables } = state_at(report.steps, cpus, at);
  const who = step.context === 'task' ? `${step.task} (pid ${step.pid})` : `${step.context} on top of ${step.task}`;
  by_id('where').textContent = `Step ${at} of ${report.steps.length - 1}`;
  by_id('what').textContent = `CPU ${step.cpu}, ${who}: ${step.text}`;
  by_id('time').textContent = ` · ${(step.time_ns / 1000).toFixed(2)} µs of machine time`;
  by_id('cpus').innerHTML = states.map((s) => cpu_row(s, s.cpu === step.cpu)).join('');
  by_id('variables').innerHTML =
    variables.length === 0
      ? '<tr><td colspan="2">no variable was accessed yet</td></tr>'
      : variables
          .sort((a, b) => b.step - a.step)
          .map(
            (v) =>
              `<tr${v.step === at ? ' class="now"' : ''}><td>${escape(v.name)}</td><td>${escape(v.value)}</td></tr>`,
          )
          .join('');
}
function cpu_row(s: CpuState, now: boolean): string {
  const what =
    s.task === '' ? '<i>idle</i>' : escape(s.task) + (s.context === 'task' ? '' : `<br>${escape(s.context)}`);
  const locks = s.locks.map((l) => `<b class="lock k${lock_colours[l] ?? 0}">${escape(l)}</b>`).join(' ');
  const flags = [
    s.waits ? 'waits' : '',
    s.irqs_off ? 'irqs off' : '',
    s.preempt_count === 0 ? '' : `preempt ${hex(s.preempt_count)}`,
  ];
  return `<tr${now ? ' class="now"' : ''}><td>CPU ${s.cpu}</td><td>${what}</td><td>${locks}</td><td>${flags.filter(Boolean).join(', ')}</td></tr>`;
}
const hex = (n: number): string => (n > 9 ? `0x${n.toString(16)}` : String(n));

/** Lines from each conflicting step to the next one. */
function draw_conflicts(): void {
  const box = list.getBoundingClientRect();
  const paths = report.conflicts.map(({ steps }) => {
    const points = steps.flatMap((index) => {
      const row = rows.get(index);
      const block = is_visible(row) ? row!.querySelector('.block') : null;
      if (block === null) return [];
      const r = block.getBoundingClientRect();
      return [{ x: r.left - box.left - 1, y: r.top - box.top + r.height / 2 }];
    });
    const line = points.map((p, i) => {
      if (i === 0) return `M${p.x} ${p.y}`;
      const before = points[i - 1]!;
      const middle = (before.y + p.y) / 2;
      return `C${before.x} ${middle} ${p.x} ${middle} ${p.x} ${p.y}`;
    });
    return `<path d="${line.join(' ')}"/>${points.map((p) => `<circle cx="${p.x}" cy="${p.y}" r="4"/>`).join('')}`;
  });
  const lines = by_id('lines');
  lines.setAttribute('width', String(box.width));
  lines.setAttribute('height', String(box.height));
  lines.innerHTML = paths.join('');
}

const move = (m: Move): void => choose(go(stepping(), at, m));

document.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (/^(INPUT|BUTTON|SUMMARY|A)$/.test(event.target?.tagName ?? '') && !/^[a-zA-Z]$/.test(event.key)) return;
  const wanted = move_of(event.key);
  if (wanted === null) return;
  event.preventDefault();
  move(wanted);
});
for (const button of document.querySelectorAll('button[data-move]'))
  button.addEventListener('click', () => move(button.dataset['move'] as Move));
for (const [index, row] of rows) row.addEventListener('click', () => choose(index, false));
for (const fold of document.querySelectorAll('.fold button'))
  fold.addEventListener('click', () => {
    const [from, to] = [Number(fold.dataset['from']), Number(fold.dataset['to'])];
    for (let i = from; i <= to; i++) rows.get(i)?.classList.toggle('folded', false);
    fold.closest('.fold')!.hidden = true;
    draw_conflicts();
    choose(from, false);
    list.focus({ preventScroll: true });
  });
all.addEventListener('change', () => {
  document.documentElement.classList.toggle('show-all', all.checked);
  draw_conflicts();
});
for (const button of document.querySelectorAll('button[data-copy]'))
  button.addEventListener('click', () => {
    const from = by_id(button.dataset['copy']!);
    const done = (): void => {
      button.textContent = 'Copied';
    };
    // Pages from files may not reach the clipboard: then the text is selected, and Ctrl-C copies it.
    const select = (): void => {
      window.getSelection()?.selectAllChildren(from);
      button.textContent = 'Selected';
    };
    if (window.navigator.clipboard === undefined) select();
    else window.navigator.clipboard.writeText(from.textContent).then(done, select);
  });
window.addEventListener('resize', draw_conflicts);

document.documentElement.classList.add('stepped');
choose(first, false);
draw_conflicts();
