// The table of docs/torture.md, from the manifests: node scripts/torture-table.mjs writes it. A test sees that it is fresh.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../modules/torture/', import.meta.url);
const page = new URL('../docs/torture.md', import.meta.url);
const BEGIN = '<!-- table: node scripts/torture-table.mjs -->';
const END = '<!-- end of the table -->';

/** The table in Markdown, its columns not aligned. */
export function table() {
  const rows = readdirSync(folder)
    .filter((entry) => entry.endsWith('.json'))
    .sort()
    .map((entry) => {
      const { summary, holds, broken } = JSON.parse(readFileSync(new URL(entry, folder), 'utf8'));
      const controls = broken.map((variant) => `${variant.broken}: ${variant.what}`).join('; ');
      return [`\`${entry.slice(0, -'.json'.length)}\``, summary, holds, controls].map((cell) =>
        cell.replaceAll('|', '\\|'),
      );
    });
  const head = [
    ['module', 'hammers', 'must hold', 'controls that must be caught: `broken=`'],
    ['---', '---', '---', '---'],
  ];
  return [...head, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
const inside = (text) => {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error('docs/torture.md has no place for the table');
  return [from + BEGIN.length, to];
};
/** The table as the page has it. */
export function tableOfPage() {
  const text = readFileSync(page, 'utf8');
  return text.slice(...inside(text)).trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const prettier = await import('prettier');
  const text = readFileSync(page, 'utf8');
  const [from, to] = inside(text);
  const made = `${text.slice(0, from)}\n\n${table()}\n\n${text.slice(to)}`;
  const config = await prettier.resolveConfig(fileURLToPath(page));
  writeFileSync(page, await prettier.format(made, { ...config, filepath: 'torture.md' }));
}
