// A report of benchmarks as one HTML page that needs nothing else: scaling curves as SVG, and the tables behind them.
import { digits, doubt, summary, type Figure, type Report } from './figure.js';

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 62;
const BOTTOM = 36;
const TOP = 12;
const RIGHT = 12;
const COLOURS = ['#2563eb', '#d97706', '#059669', '#dc2626', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f'];

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

function groups(figures: readonly Figure[]): Map<string, Figure[]> {
  const found = new Map<string, Figure[]>();
  for (const figure of figures) found.set(figure.group, [...(found.get(figure.group) ?? []), figure]);
  return found;
}

/** Round numbers from 0 to at least `top`, about four of them. */
function ticks(top: number): number[] {
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough)!;
  return Array.from({ length: Math.ceil(top / step) + 1 }, (_, i) => i * step);
}

/** Curves over the number of CPUs, with the spread as bars. CPUs stand at equal distances, as powers of two should. */
function chart(figures: readonly Figure[]): string {
  const series = [...new Set(figures.map((f) => f.series))].filter((s): s is string => s !== null);
  const cpus = [...new Set(figures.map((f) => f.cpus))].sort((a, b) => a - b);
  if (series.length === 0 || cpus.length < 2) return '';
  const top = Math.max(...figures.flatMap((f) => summary(f.samples).high).filter(Number.isFinite));
  if (!(top > 0)) return '';
  const scale = ticks(top);
  const max = scale.at(-1)!;
  const x = (c: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * (cpus.indexOf(c) + 0.5)) / cpus.length;
  const y = (v: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - v / max);
  const grid = scale
    .map(
      (v) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(v)}" y2="${y(v)}"/><text class="axis" x="${LEFT - 6}" y="${y(v) + 4}" text-anchor="end">${digits(v)}</text>`,
    )
    .join('');
  const feet = cpus
    .map((c) => `<text class="axis" x="${x(c)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${c}</text>`)
    .join('');
  const curves = series.map((name, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const of = figures.filter((f) => f.series === name && f.samples.length > 0).sort((a, b) => a.cpus - b.cpus);
    const line = of.map((f) => `${x(f.cpus)},${y(summary(f.samples).median)}`).join(' ');
    const points = of
      .map((f) => {
        const s = summary(f.samples);
        const why = doubt(f);
        const text = `${f.label}: ${digits(s.median)} ${f.unit} (${digits(s.low)} to ${digits(s.high)})${why === '' ? '' : `, ${why}`}`;
        return `<line x1="${x(f.cpus)}" x2="${x(f.cpus)}" y1="${y(s.low)}" y2="${y(s.high)}" stroke="${colour}" stroke-opacity=".5" stroke-width="2"/><circle cx="${x(f.cpus)}" cy="${y(s.median)}" r="4" stroke="${colour}" fill="${why === '' ? colour : 'var(--back)'}" stroke-width="2"><title>${escape(text)}</title></circle>`;
      })
      .join('');
    return `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>${points}`;
  });
  const legend = series
    .map((name, i) => `<span><i style="background:${COLOURS[i % COLOURS.length]}"></i>${escape(name)}</span>`)
    .join('');
  return `<div class="legend">${legend}</div><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${grid}${feet}<text class="axis" x="${(WIDTH + LEFT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">CPUs</text><text class="axis" x="4" y="${TOP}" dominant-baseline="hanging">${escape(figures[0]!.unit)}</text>${curves.join('')}</svg>`;
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map((f) => {
    const s = summary(f.samples);
    const why = doubt(f);
    return `<tr${why === '' ? '' : ' class="doubt"'}><td>${escape(f.label)}</td><td class="n">${digits(s.median)}</td><td class="n">${digits(s.low)} – ${digits(s.high)}</td><td>${escape(f.unit)}</td><td>${escape([why, f.beside].filter((t) => t !== '').join('; '))}</td></tr>`;
  });
  return `<table><tr><th></th><th class="n">median</th><th class="n">10 – 90 %</th><th></th><th></th></tr>${rows.join('')}</table>`;
}

export function html(report: Report): string {
  const sections = [...groups(report.figures)].map(
    ([name, figures]) => `<section><h2>${escape(name)}</h2>${chart(figures)}${table(figures)}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lockstep benchmarks</title>
<style>
:root { --back: #fff; --ink: #1f2937; --soft: #6b7280; --line: #e5e7eb; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --back: #111827; --ink: #e5e7eb; --soft: #9ca3af; --line: #374151; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 0 auto; padding: 1rem; max-width: 1200px; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 0 0 .5rem; } p { color: var(--soft); margin: 0 0 1rem; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 1.2rem; }
section { border: 1px solid var(--line); border-radius: 8px; padding: .8rem; min-width: 0; overflow-x: auto; }
svg { width: 100%; height: auto; } .grid { stroke: var(--line); } .axis { fill: var(--soft); font-size: 11px; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .85rem; } .legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; } td, th { padding: .15rem .4rem; text-align: left; border-top: 1px solid var(--line); } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } th { font-weight: 600; color: var(--soft); border: 0; } .doubt { color: var(--soft); font-style: italic; }
</style></head><body>
<h1>Lockstep benchmarks</h1>
<p>${escape(report.when)}, Node ${escape(report.node)}, ${report.cores} cores (${escape(report.host)}), load ${report.load.toFixed(1)}. Hollow points and figures in italics mean nothing: the reason stands beside them.</p>
<main>${sections.join('\n')}</main>
</body></html>
`;
}
