// Gives every source position of a C file a small number, its site. The debug locations of clang's intermediate text
// (LLVM 14 to 22) get the site in place of the line, so that the object's line table leads from an offset in the wasm to
// a site; the list of sites keeps what was there: function, file, line, column, and the call it was inlined into. Line
// tables alone know no inlined callers. Host code, pure text.

export interface Site {
  function: string;
  /** As clang was given it. */
  file: string;
  line: number;
  column: number;
  /** Number of the site of the call that this one was inlined at, 0 if it was not. */
  inlined_at: number;
}

const METADATA =
  /^!(\d+) = (?:distinct )?!(DILocation|DISubprogram|DILexicalBlock|DILexicalBlockFile|DIFile)\((.*)\)$/gm;

interface Node {
  kind: string;
  text: string;
}
const reference = (text: string, key: string): string | undefined =>
  new RegExp(`(?:^|, )${key}: !(\\d+)`).exec(text)?.[1];
const number = (text: string, key: string): number => Number(new RegExp(`(?:^|, )${key}: (\\d+)`).exec(text)?.[1] ?? 0);
const string = (text: string, key: string): string =>
  new RegExp(`(?:^|, )${key}: "((?:[^"\\\\]|\\\\.)*)"`).exec(text)?.[1] ?? '';

/** The text with sites for lines; the sites are added to `sites`, whose number 0 stands for none. */
export function assignSites(ir: string, sites: Site[]): string {
  const nodes = new Map<string, Node>();
  for (const [, id, kind, text] of ir.matchAll(METADATA)) nodes.set(id!, { kind: kind!, text: text! });
  const numbers = new Map<string, number>();

  const subprogram = (id: string | undefined): { id: string | undefined; node: Node | undefined } => {
    let node = id === undefined ? undefined : nodes.get(id);
    while (node !== undefined && node.kind !== 'DISubprogram') {
      id = reference(node.text, 'scope');
      node = id === undefined ? undefined : nodes.get(id);
    }
    return { id, node };
  };
  const fileOf = (id: string | undefined): string => {
    const file = reference(nodes.get(id ?? '')?.text ?? '', 'file');
    return string(nodes.get(file ?? '')?.text ?? '', 'filename');
  };
  const siteOf = (id: string): number => {
    const known = numbers.get(id);
    if (known !== undefined) return known;
    const { text } = nodes.get(id)!;
    const scope = reference(text, 'scope');
    const outer = reference(text, 'inlinedAt');
    const inlined_at = outer === undefined ? 0 : siteOf(outer);
    const line = number(text, 'line');
    // What the compiler made without a place of its own is at the call it was inlined into.
    const made_up = line === 0 && inlined_at !== 0;
    if (!made_up)
      sites.push({
        function: string(subprogram(scope).node?.text ?? '', 'name'),
        file: fileOf(scope),
        line,
        column: number(text, 'column'),
        inlined_at,
      });
    const site = made_up ? inlined_at : sites.length - 1;
    numbers.set(id, site);
    return site;
  };
  /** Line tables know only the outermost scope: the function that the code lies in. */
  const rootOf = (id: string): string | undefined => {
    let { text } = nodes.get(id)!;
    for (let outer; (outer = reference(text, 'inlinedAt')) !== undefined;) text = nodes.get(outer)!.text;
    return subprogram(reference(text, 'scope')).id;
  };

  const located = ir.replace(/^!(\d+) = (distinct )?!DILocation\(.*\)$/gm, (whole, id: string, distinct = '') => {
    const scope = rootOf(id);
    return scope === undefined
      ? whole
      : `!${id} = ${distinct as string}!DILocation(line: ${siteOf(id)}, scope: !${scope})`;
  });
  // A function's entry, before its first statement, has the line of its body.
  return located.replace(
    /^(!(\d+) = distinct !DISubprogram\(.*\bscopeLine: )(\d+)/gm,
    (_, head: string, id: string, line) => {
      sites.push({
        function: string(nodes.get(id)?.text ?? '', 'name'),
        file: fileOf(id),
        line: Number(line),
        column: 1,
        inlined_at: 0,
      });
      return `${head}${sites.length - 1}`;
    },
  );
}

/** What the file put into the section .modinfo: `tag=text` strings. */
export function modinfoOf(ir: string): [string, string][] {
  const found: [string, string][] = [];
  for (const [, text] of ir.matchAll(/ c"((?:[^"\\]|\\[0-9A-Fa-f]{2}|\\\\)*?)(?:\\00)+", section "\.modinfo"/g)) {
    const bytes = text!.replace(/\\([0-9A-Fa-f]{2}|\\)/g, (_, code: string) =>
      code === '\\' ? '\\' : String.fromCharCode(parseInt(code, 16)),
    );
    const [, tag, value] = /^(\w+)=(.*)$/s.exec(Buffer.from(bytes, 'latin1').toString()) ?? [];
    if (tag !== undefined) found.push([tag, value!]);
  }
  return found;
}
