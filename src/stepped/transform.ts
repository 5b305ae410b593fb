// Turns JavaScript into JavaScript that can be stepped: every function keeps its plain form and gets a generator twin
// that pauses before accesses of shared memory and before kernel primitives. Used on the kernel when it is built and on
// a module when a stepped machine loads it. The parts are in transform/; what the output calls is transform/runtime.ts.
import { parse } from 'acorn';
import { call, declare, dot, id, is_true, lit, maybe, type Node } from './transform/ast.js';
import { list, plain_statement } from './transform/attach.js';
import { Context, is_require, type KernelTwins, type Mode, type Site } from './transform/context.js';
import { print } from './transform/print.js';
import { Scopes } from './transform/scope.js';

export { Unsteppable, type Site, type SiteKind } from './transform/context.js';

export interface TransformOptions {
  /** The user's file, for positions and for the map. */
  file: string;
  mode: Mode;
  /** Map from `source` back to the user's file. */
  inputMap?: string | object;
  /** Number of the first site. */
  siteBase: number;
  /**
   * Where `$s`, the runtime, comes from: for ESM a module that exports it as `runtime`; for CommonJS such a module's
   * specifier, or an expression.
   */
  runtime: string;
  /** Which functions of a kernel file have twins, and how their calls are written. Only for mode `kernel`. */
  twins?: (scopes: Scopes) => KernelTwins;
}

/** What esbuild puts before a module in CommonJS: not the user's, and left alone. */
const PRELUDE =
  /^__(create|defProp|defProps|getOwnPropDesc|getOwnPropDescs|getOwnPropNames|getOwnPropSymbols|getProtoOf|hasOwnProp|propIsEnum|export|copyProps|reExport|toESM|toCommonJS|commonJS|esm|name|publicField|defNormalProp|spreadValues|spreadProps|objRest|template)$/;

function is_prelude(n: Node): boolean {
  if (n.type === 'VariableDeclaration')
    return n.kind === 'var' && (n.declarations as Node[]).every((d) => PRELUDE.test(String(d.id.name)));
  if (n.type !== 'ExpressionStatement') return false;
  const e: Node = n.expression;
  if (e.type === 'CallExpression' && e.callee.type === 'Identifier') return PRELUDE.test(e.callee.name as string);
  const target: Node | null =
    e.type === 'AssignmentExpression'
      ? e.left
      : e.type === 'LogicalExpression' && e.right.type === 'AssignmentExpression'
        ? e.right.left
        : null;
  return target?.type === 'MemberExpression' && target.object.name === 'module' && target.property.name === 'exports';
}

const is_specifier = (runtime: string): boolean => /^([./]|node:|lockstep\/)/.test(runtime);

function runtime_statement(options: TransformOptions): Node {
  if (options.mode === 'module') {
    const expression: Node = is_specifier(options.runtime)
      ? dot(call(id('require'), lit(options.runtime)), 'runtime')
      : ((parse(`(${options.runtime})`, { ecmaVersion: 'latest' }) as Node).body[0].expression as Node);
    return declare('const', [[id('$s'), expression]]);
  }
  return {
    type: 'ImportDeclaration',
    specifiers: [{ type: 'ImportSpecifier', imported: id('runtime'), local: id('$s') }],
    source: lit(options.runtime),
    attributes: [],
  };
}

/** After `const $m0 = require("x")`: the functions that twins call, their twins, and whether they are primitives. */
function import_constants(cx: Context, s: Node): Node[] {
  if (s.type !== 'VariableDeclaration') return [];
  const made: [Node, Node][] = [];
  for (const d of s.declarations as Node[]) {
    const names =
      d.id.type === 'Identifier' && is_require(d.init as Node | null) ? cx.imports.get(d.id.name as string) : undefined;
    for (const [name, n] of names ?? []) {
      const f = id(`$i${n}`);
      made.push(
        [f, dot(d.id as Node, name)],
        [id(`$i${n}g`), maybe(f, '$g')],
        [id(`$i${n}y`), maybe(f, '$y')],
        [id(`$i${n}p`), is_true(maybe(f, '$p'))],
        [id(`$i${n}w`), maybe(f, '$w')],
      );
    }
  }
  return made.length === 0 ? [] : [declare('const', made)];
}

/**
 * Adds the twins. Throws `Unsteppable` at the first construct that has none; the subset check (module/subset.ts) reports
 * all of them, with advice, and runs first.
 */
export function transform(source: string, options: TransformOptions): { code: string; map: object; sites: Site[] } {
  const program = parse(source, {
    ecmaVersion: 'latest',
    sourceType: options.mode === 'module' ? 'script' : 'module',
    allowReturnOutsideFunction: options.mode === 'module',
    locations: true,
  }) as Node;
  const scopes = new Scopes(program);
  const kernel = options.twins?.(scopes) ?? null;
  const cx = new Context(options.file, options.mode, scopes, options.siteBase, options.inputMap, kernel);
  let body = list(cx, program.body as Node[], (s) => (is_prelude(s) ? [s] : plain_statement(cx, s)));
  body = body.flatMap((s) => [s, ...import_constants(cx, s)]);
  let first = 0;
  while (first < body.length && body[first]!.directive !== undefined) first++;
  const strict: Node = { type: 'ExpressionStatement', expression: lit('use strict') };
  const head =
    options.mode === 'module' && first === 0 ? [strict, runtime_statement(options)] : [runtime_statement(options)];
  const stepped: Node = { ...program, body: [...body.slice(0, first), ...head, ...body.slice(first)] };
  return { ...print(stepped, options.file, source, options.inputMap), sites: cx.sites };
}
