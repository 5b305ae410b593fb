// Joins files of the kernel into one module. Across files every imported name is a cell that is loaded and checked at
// each use; inside one module what is never assigned is a constant to the compiler. And a thread that loads one file
// starts three times as fast as one that loads all of them. Host code.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'acorn';
import { buildSync } from 'esbuild';
import type { Node } from '../stepped/transform/ast.js';

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

/**
 * Writes `entry`, ES module source with imports relative to `root`, and all that it imports as `outfile`, with its map
 * beside it: each at once, since another process may be reading it. Return: the files that went in, relative to `root`.
 */
export function bundle(entry: string, root: string, outfile: string, external: readonly string[] = []): string[] {
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root,
    stdin: { contents: entry, resolveDir: root, sourcefile: 'entry.js' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    external: [...external],
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  const files = Object.keys(metafile.inputs)
    .filter((file) => file !== 'entry.js')
    .sort();
  // The map first: whoever sees the code finds it.
  for (const { path, text } of outputFiles.toSorted(
    (a, b) => Number(b.path.endsWith('.map')) - Number(a.path.endsWith('.map')),
  )) {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, path.endsWith('.map') ? text : as_constants(text, root, files));
    renameSync(draft, path);
  }
  return files;
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
