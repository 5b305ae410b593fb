// Joins the files of the stepped kernel into one module, `stepped-kernel/kernel.js`. Across files every imported name is
// a cell that is loaded and checked at each use; inside one module what is never assigned is a constant to the compiler:
// a schedule takes a fifth less time. Host code.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'acorn';
import { buildSync } from 'esbuild';
import type { Node } from './transform/ast.js';

export const BUNDLE = 'kernel.js';

/** What the host uses of the stepped kernel: each is exported under its name. */
const PARTS: Readonly<Record<string, string>> = {
  boot: 'kernel/boot.js',
  core: 'cpu/loop.js',
  raw: 'cpu/raw.js',
  module: 'kernel/module.js',
  kthread: 'sched/kthread.js',
  sched: 'sched/core.js',
  text: 'kernel/text.js',
  stack: 'kernel/stack.js',
  context: 'cpu/context.js',
};

const walk = (node: unknown, visit: (n: Node) => void): void => {
  if (Array.isArray(node)) for (const n of node) walk(n, visit);
  else if (typeof node === 'object' && node !== null && typeof (node as Node).type === 'string') {
    visit(node as Node);
    for (const key in node) walk((node as Node)[key], visit);
  }
};

/** Names that are written to anywhere: by an assignment, `++`, or a loop's head. */
function assigned_names(program: Node): Set<string> {
  const names = new Set<string>();
  const target = (n: Node | null): void => {
    if (n === null) return;
    if (n.type === 'Identifier') names.add(n.name as string);
    else if (n.type === 'ArrayPattern') for (const e of n.elements as (Node | null)[]) target(e);
    else if (n.type === 'ObjectPattern')
      for (const p of n.properties as Node[]) target((p.value ?? p.argument) as Node);
    else if (n.type === 'AssignmentPattern') target(n.left as Node);
    else if (n.type === 'RestElement') target(n.argument as Node);
  };
  walk(program, (n) => {
    if (n.type === 'AssignmentExpression') target(n.left as Node);
    else if (n.type === 'UpdateExpression') target(n.argument as Node);
    else if ((n.type === 'ForOfStatement' || n.type === 'ForInStatement') && n.left.type !== 'VariableDeclaration')
      target(n.left as Node);
  });
  return names;
}

function declared_names(program: Node): string[] {
  const of = (s: Node): string[] =>
    s.type === 'ExportNamedDeclaration' && s.declaration
      ? of(s.declaration as Node)
      : s.type === 'FunctionDeclaration' || s.type === 'ClassDeclaration'
        ? [s.id.name as string]
        : s.type === 'VariableDeclaration'
          ? (s.declarations as Node[]).flatMap((d) => (d.id.type === 'Identifier' ? [d.id.name as string] : []))
          : [];
  return (program.body as Node[]).flatMap(of);
}

const parsed = (code: string): Node => parse(code, { ecmaVersion: 'latest', sourceType: 'module' }) as Node;

/** Writes the module and its map. `root` holds the files, in a folder of `dist`. */
export function bundle_kernel(root: string, dist: string, files: readonly string[]): void {
  const entry = Object.entries(PARTS).map(([name, file]) => `export * as ${name} from './${file}';`);
  const { outputFiles } = buildSync({
    absWorkingDir: dist,
    stdin: { contents: entry.join('\n'), resolveDir: root, sourcefile: 'parts.js' },
    outfile: join(root, BUNDLE),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    external: ['./stepped/*', './machine/*', './module/*', './explore/*'],
    sourcemap: 'linked',
    sourcesContent: false,
    write: false,
    logLevel: 'error',
  });
  for (const { path, text } of outputFiles)
    writeFileSync(path, path.endsWith('.map') ? text : as_constants(text, root, files));
}

/**
 * The bundler makes a `var` of every declaration, which is a variable to the compiler, as is `let`. `const x=` is as long
 * as `var x = `, so the map stays right. A function whose name was taken elsewhere gets its own one back, for reports.
 */
function as_constants(text: string, root: string, files: readonly string[]): string {
  const program = parsed(text);
  const assigned = assigned_names(program);
  let code = text;
  for (const s of program.body as Node[]) {
    if (s.type !== 'VariableDeclaration' || s.kind !== 'var') continue;
    const [d] = s.declarations as [Node];
    if (s.declarations.length !== 1 || !d.init || d.id.type !== 'Identifier' || assigned.has(d.id.name as string))
      continue;
    const at = s.start as number;
    const head = `var ${d.id.name} = `;
    if (code.startsWith(head, at)) code = `${code.slice(0, at)}const ${d.id.name}=${code.slice(at + head.length)}`;
  }
  const own = new Set(files.flatMap((f) => declared_names(parsed(readFileSync(join(root, f), 'utf8')))));
  const renamed = declared_names(program).filter((n) => !own.has(n) && own.has(n.replace(/\d+$/, '')));
  const names = renamed.map((n) => `[${n}, ${JSON.stringify(n.replace(/\d+$/, ''))}]`);
  const naming = `for (const [f, value] of [${names.join(', ')}]) if (typeof f === 'function') Object.defineProperty(f, 'name', { value, configurable: true });\n`;
  const end = code.lastIndexOf('//# sourceMappingURL=');
  return code.slice(0, end) + naming + code.slice(end);
}
