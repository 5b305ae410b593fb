// Prints a tree as JavaScript with a source map, and joins that map to the one of the compiler before it.
import { addMapping, GenMapping, setSourceContent, toEncodedMap } from '@jridgewell/gen-mapping';
import remapping, { type SourceMapInput } from '@jridgewell/remapping';
import { GENERATOR, generate, type State } from 'astring';
import type { Node } from './ast.js';

interface MappedState extends State {
  line: number;
  column: number;
}
type Printer = (this: unknown, node: Node, state: MappedState) => void;

/**
 * astring maps only names and literals; V8 reports a `new`, a `throw` or a call at its own first character, so every
 * node with a place gets a mapping where its text begins.
 */
function mapped(map: GenMapping, source: string): Record<string, Printer> {
  const printers: Record<string, Printer> = {};
  for (const [type, print] of Object.entries(GENERATOR as unknown as Record<string, Printer>)) {
    if (typeof print !== 'function') continue;
    printers[type] = function (node, state) {
      const start = node.loc?.start;
      if (start) addMapping(map, { generated: { line: state.line, column: state.column }, source, original: start });
      // astring would print `(a?.b).c` as `a?.b.c`, and `for (x = ('a' in o); …)` without the parentheses it needs.
      const wrap = type === 'ChainExpression' || (type === 'BinaryExpression' && node.operator === 'in');
      if (wrap) state.write('(');
      print.call(this, node, state);
      if (wrap) state.write(')');
    };
  }
  return printers;
}

export function print(
  program: Node,
  file: string,
  source: string,
  input?: string | object,
): { code: string; map: object } {
  // The text in between is no file of anybody's. Its name has no folder, or the sources would be looked for from there.
  const between = input === undefined ? file : '#js';
  const map = new GenMapping({ file });
  setSourceContent(map, between, source);
  const code = generate(program as never, {
    generator: mapped(map, between) as never,
    // Keeps the line and column of the output up to date; the mappings are made above.
    sourceMap: { file, addMapping: () => {} } as never,
  });
  const made = toEncodedMap(map);
  if (input === undefined) return { code, map: made };
  const joined = remapping(made as SourceMapInput, (name) => (name === between ? (input as SourceMapInput) : null));
  return { code, map: JSON.parse(joined.toString()) as object };
}
