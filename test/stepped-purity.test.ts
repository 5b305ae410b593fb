// The files that the stepped machine runs. Every write to its memory must go through cpu/raw.ts, or the dirty tracking
// does not see it and a restore leaves it behind; and nothing may depend on the host: its clock, its randomness, its
// timers. Looked for in the files of dist/stepped-kernel, from which the bundle is made that is loaded.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'acorn';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildSteppedKernel } from '../dist/stepped/build.js';
import { BUNDLE } from '../dist/stepped/bundle.js';

interface Node {
  type: string;
  [key: string]: unknown;
}
/** Files that may write the arrays, and why that is no leak. */
const WRITERS: Record<string, string> = {
  'cpu/raw.js': 'the accessors themselves',
  'kernel/log-reader.js': "the host's end of the log ring; the stepped machine only peeks",
  'drivers/serial/uart-host.js': "the host's end of the serial port",
  'detect/clocks.js': 'what the race detector keeps of a task: no part of the schedule',
  'mm/clear.js': 'the host clears the memory before it is booted',
};
/** Files that may use what is the host's. */
const HOST: Record<string, string> = {
  'kernel/log-reader.js': "waits for the log on the host's side",
  'kernel/loader.js': 'evaluates a module, before the restore point',
};

const ARRAYS = new Set(['I32', 'U32', 'U16', 'U8', 'I64', 'F64']);
const METHODS = new Set(['fill', 'set', 'copyWithin', 'sort', 'reverse']);
const READS = new Set(['load', 'isLockFree', 'wait', 'waitAsync', 'notify']);
const TIMERS = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'crypto',
  'fetch',
]);

/** The typed array that an expression names: `I32`, `raw.I32`, `heap.U8`. */
function array_of(node: Node | undefined): string | null {
  if (node?.type === 'Identifier' && ARRAYS.has(node['name'] as string)) return node['name'] as string;
  if (node?.type !== 'MemberExpression' || node['computed'] === true) return null;
  return array_of(node['property'] as Node);
}
/** An element of a typed array. */
const element = (node: Node): string | null =>
  node.type === 'MemberExpression' && node['computed'] === true ? array_of(node['object'] as Node) : null;

function findings(source: string): { writes: string[]; host: string[] } {
  const writes: string[] = [];
  const host: string[] = [];
  const walk = (node: Node, parent: Node | null, key: string): void => {
    const line = (node['loc'] as { start: { line: number } } | undefined)?.start.line;
    const note = (list: string[], what: string): void => void list.push(`${line}: ${what}`);
    if (node.type === 'AssignmentExpression' && element(node['left'] as Node) !== null)
      note(writes, `${element(node['left'] as Node)}[…] =`);
    if (node.type === 'UpdateExpression' && element(node['argument'] as Node) !== null)
      note(writes, `${element(node['argument'] as Node)}[…]++`);
    if (node.type === 'CallExpression') {
      const callee = node['callee'] as Node;
      const on = callee['object'] as Node | undefined;
      const method = (callee['property'] as Node | undefined)?.['name'] as string;
      if (callee.type === 'MemberExpression' && array_of(on) !== null && METHODS.has(method))
        note(writes, `${array_of(on)}.${method}()`);
      if (on?.['name'] === 'Atomics' && !READS.has(method)) note(writes, `Atomics.${method}()`);
      if (on?.['name'] === 'Math' && method === 'random') note(host, 'Math.random()');
    }
    if (node.type === 'ImportDeclaration' && /^node:/.test((node['source'] as Node)['value'] as string))
      note(host, `import of ${String((node['source'] as Node)['value'])}`);
    if (node['async'] === true || node.type === 'AwaitExpression') note(host, 'async');
    const named = node.type === 'Identifier' && TIMERS.has(node['name'] as string);
    // Not `x.process` or `{ process: 1 }`.
    const member =
      (parent?.type === 'MemberExpression' && key === 'property') || (parent?.type === 'Property' && key === 'key');
    if (named && !member) note(host, node['name'] as string);
    for (const [name, value] of Object.entries(node))
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
        if (typeof (child as Node | null)?.type === 'string') walk(child as Node, node, name);
  };
  walk(parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true }) as unknown as Node, null, '');
  return { writes, host };
}

describe('the stepped kernel', () => {
  let files: string[];
  let root: string;
  beforeAll(() => {
    root = buildSteppedKernel(fileURLToPath(new URL('../dist', import.meta.url))).root;
    files = readdirSync(root, { recursive: true })
      .map((f) => String(f).split('\\').join('/'))
      .filter((f) => f.endsWith('.js') && f !== BUNDLE);
  });
  const list = (what: 'writes' | 'host', allowed: Record<string, string>): string[] =>
    files
      .filter((f) => !(f in allowed))
      .flatMap((f) => findings(readFileSync(`${root}/${f}`, 'utf8'))[what].map((w) => `${f}:${w}`));

  test('writes its memory by the raw accessors only', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(list('writes', WRITERS)).toEqual([]);
  });
  test('reaches for nothing of the host', () => {
    expect(list('host', HOST)).toEqual([]);
  });
  test('what is allowed is there, and needs it', () => {
    for (const file of Object.keys(WRITERS))
      expect(findings(readFileSync(`${root}/${file}`, 'utf8')).writes, file).not.toEqual([]);
    for (const file of Object.keys(HOST))
      expect(findings(readFileSync(`${root}/${file}`, 'utf8')).host, file).not.toEqual([]);
  });
});

describe('controls: this is found', () => {
  test.each([
    ['I32[a >> 2] = 1', 'writes'],
    ['raw.I32[a >> 2] = 1', 'writes'],
    ['heap.U8[a] |= 1', 'writes'],
    ['U8[a]++', 'writes'],
    ['U8.fill(0, a, b)', 'writes'],
    ['raw.U8.copyWithin(a, b, c)', 'writes'],
    ['Atomics.store(I32, a, 1)', 'writes'],
    ['Atomics.compareExchange(view, a, 1, 2)', 'writes'],
    ['const t = Date.now()', 'host'],
    ['const t = new Date()', 'host'],
    ['const r = Math.random()', 'host'],
    ['setTimeout(f, 1)', 'host'],
    ['const now = performance.now()', 'host'],
    ["import { hrtime } from 'node:process'", 'host'],
    ['async function f() {}', 'host'],
  ] as const)('%s', (source, what) => {
    expect(findings(source)[what]).toHaveLength(1);
  });
  test.each([
    'const x = I32[a >> 2]',
    'st(a, 1)',
    'Atomics.load(I32, a)',
    'x.process()',
    'words[i] = 1',
    'const o = { fetch: 1 }',
  ])('not %s', (source) => {
    expect(findings(source)).toEqual({ writes: [], host: [] });
  });
});
