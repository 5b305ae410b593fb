// What a module may have at its top level. Every CPU evaluates the module for itself, so whatever is kept there in a
// JavaScript object or variable would exist once for each CPU (and once for all of them in the stepped build). Allowed
// is therefore only what is the same everywhere: imports, functions, classes, types, enums, primitive constants, static
// data of the machine's memory (DEFINE_*) and the descriptions of the module. An allow-list, because a list of bans
// always misses one.
//
// Works on ESTree: on what esbuild makes of one file (format esm; TypeScript itself takes most of a second to load),
// or on typescript-eslint's tree for the lint rule. Host code; no state.
import { DEFINES, DESCRIBES, TYPES } from './allowed.js';
import { Names, isEnum, isWrapper, unwrap } from './names.js';
import { declarationOf, isFunction, rootOf, targets, walk, type Node, type Scope } from './scope.js';
import { Values, type Report } from './values.js';

const IN_MEMORY = (name: string): string =>
  `keep it in the machine's memory: a field of \`class state extends Struct('state', { ${name}: u32 }) {}\`, ` +
  '`const shared = DEFINE_STATIC(state)`; or one for each CPU by DEFINE_PER_CPU';
/** The replacement of a variable: for primitives the very line. */
const replacement = (name: string, init: Node | null | undefined, text: string): string => {
  const types: Record<string, string> = { number: 'int', boolean: 'bool', bigint: 's64' };
  const value = init?.type === 'UnaryExpression' ? init['argument'] : init;
  const type = init?.type === 'Literal' || /^-\d/.test(text) ? types[typeof value?.['value']] : undefined;
  return type === undefined
    ? IN_MEMORY(name)
    : `write \`const ${name} = DEFINE_STATIC(${type}, ${text})\` and use \`${name}.value\`; or DEFINE_PER_CPU for one on each CPU`;
};
const MOVE = 'move it into the function given to module_init';

const keyName = (n: Node): string => n['key']?.name ?? String(n['key']?.value ?? '?');

/** Judges one file and reports each thing that may not be there. `text` gives the source of a node, for messages. */
export function judgeTopLevel(program: Node, report: Report, text: (node: Node) => string): void {
  const short = (node: Node): string => {
    const line = text(node)
      .replace(/\/\* @__PURE__ \*\/ /g, '')
      .replace(/\s+/g, ' ');
    return line.length > 50 ? `${line.slice(0, 48)}...` : line;
  };
  new Judge(program, report, short).run();
}

class Judge {
  private readonly names: Names;
  private readonly values: Values;
  /** Names with a $ that were refused. */
  private readonly reserved = new Set<string>();

  constructor(
    private readonly program: Node,
    private readonly complain: Report,
    private readonly text: (node: Node) => string,
  ) {
    this.names = new Names(program);
    this.values = new Values(this.names, complain, text);
  }

  run(): void {
    for (const statement of this.program['body']) this.statement(statement);
    walk(this.program, (node, scope) => this.inside(node, scope));
  }

  private statement(s: Node): void {
    switch (s.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'FunctionDeclaration':
      case 'EmptyStatement':
      case 'TSTypeAliasDeclaration':
      case 'TSInterfaceDeclaration':
      case 'TSDeclareFunction':
      case 'TSEnumDeclaration':
        return;
      case 'ExportNamedDeclaration':
        if (s['declaration']) return this.statement(s['declaration']);
        for (const e of s['specifiers'])
          if (e.exported.name === 'default') this.defaultExport(declarationOf(this.program, e.local.name) ?? s);
        return;
      case 'ExportDefaultDeclaration':
        return this.defaultExport(s['declaration']);
      case 'ClassDeclaration':
        return this.classBody(s, s['id']?.name ?? 'class');
      case 'VariableDeclaration':
        if (s['declare']) return;
        for (const d of s['declarations']) this.variable(s, d);
        return;
      case 'TSModuleDeclaration':
        if (s['declare'] || s['kind'] === 'global' || !hasValues(s)) return;
        return this.namespace(s, s['id'].name ?? '?');
      case 'ExpressionStatement':
        if (s['directive'] === undefined) this.expression(s['expression']);
        return;
      default:
        this.complain(s, `${statementName(s)} at the top level runs once on each CPU`, MOVE);
    }
  }

  private defaultExport(node: Node): void {
    this.complain(
      node,
      'a default export has no name in the kernel',
      'write `export function name` (its name is the symbol)',
    );
  }

  private namespace(node: Node, name: string): void {
    this.complain(
      node,
      `\`namespace ${name}\` is an object of its own on each CPU`,
      'make a file of it and import that',
    );
  }

  private variable(declaration: Node, d: Node): void {
    const name: string = d['id'].name ?? this.text(d['id']);
    const init = unwrap(d['init']);
    if (this.isDefault(name)) return;
    if (declaration['kind'] !== 'const') {
      if (isEnum(init)) return this.enumMembers(init!);
      if (this.isNamespace(declaration, name)) return this.namespace(d, name);
      const never = init && this.values.whyNot(init) === null ? '; if it never changes, make it `const`' : '';
      return this.complain(
        d,
        `\`${declaration['kind']} ${name}\` is a variable of the module: each CPU would have its own`,
        replacement(name, init, init ? this.text(init) : '') + never,
      );
    }
    if (d['id'].type !== 'Identifier')
      return this.complain(
        d,
        'a pattern at the top level takes values apart once on each CPU',
        'name each constant, or import the names',
      );
    if (!init) return;
    if (init.type === 'ClassExpression') return this.classBody(init, name);
    if (isFunction(init)) return;
    const callee = init.type === 'CallExpression' ? this.names.headerCall(init) : null;
    if (callee !== null && DEFINES.test(callee)) return this.definition(init);
    const why = this.values.whyNot(init);
    if (why !== null)
      this.complain(
        why.node === init && init.type !== 'Identifier' ? d : why.node,
        `\`${name}\`: ${why.message}`,
        why.advice(name),
      );
  }

  /** esbuild gives the value of `export default` a name. */
  private isDefault(name: string): boolean {
    return (this.program['body'] as Node[]).some((s) =>
      s['specifiers']?.some((e: Node) => e['exported']?.name === 'default' && e['local'].name === name),
    );
  }

  /** esbuild prints `namespace N {...}` as `var N; ((N2) => {...})(N || (N = {}))`. */
  private isNamespace(declaration: Node, name: string): boolean {
    const body: Node[] = this.program['body'];
    const at = body.findIndex((s) => s === declaration || s['declaration'] === declaration);
    const next = body[at + 1]?.['expression'];
    return declaration['kind'] === 'var' && isWrapper(next) && next['arguments'][0].left?.name === name;
  }

  private expression(e: Node): void {
    const what = this.text(e);
    if (e.type === 'CallExpression') {
      const callee = this.names.headerCall(e);
      if (callee !== null && DESCRIBES.test(callee)) {
        for (const a of e['arguments']) this.values.argument(a, { functions: true, exported: false });
        return;
      }
      if (callee !== null && DEFINES.test(callee))
        return this.complain(e, `what ${callee} defines has no name`, `write \`const name = ${callee}(...)\``);
      const name: string | undefined = unwrap(e['callee'])?.['name'];
      if (name && DEFINES.test(name))
        return this.complain(
          e,
          `\`${name}\` is not imported, and what it defines has no name`,
          `write \`const name = ${name}(...)\`, imported from its header in lockstep/linux`,
        );
      if (isWrapper(e)) return; // the namespace is refused at its `var`
    }
    // An assignment to a name of the top level is reported by the walk, with what the name is.
    if (/^(Assignment|Update)Expression$/.test(e.type) && this.assigned(e).length > 0) return;
    this.complain(e, `\`${what}\` at the top level runs once on each CPU`, MOVE);
  }

  /** `const x = DEFINE_...(...)`: what it is made of has to be plain. */
  private definition(call: Node): void {
    for (const a of call['arguments']) this.values.argument(a, { functions: false, exported: true });
  }

  private enumMembers(init: Node): void {
    for (const s of init['callee'].body.body) {
      if (s.type !== 'ExpressionStatement') continue;
      const { left, right } = s.expression;
      const value = left.property?.type === 'AssignmentExpression' ? left.property.right : right;
      const local = init['callee'].params[0].name;
      if (rootOf(value)?.['name'] !== local) this.values.constant(value);
    }
  }

  private classBody(node: Node, name: string): void {
    const parent = unwrap(node['superClass']);
    const isStruct = parent?.type === 'CallExpression' && TYPES.test(this.names.headerCall(parent) ?? '');
    if (parent?.type === 'CallExpression') {
      if (isStruct) this.values.definitionOf(parent);
      else this.values.constant(parent);
    }
    for (const m of node['body'].body as Node[]) {
      if (m.type === 'StaticBlock') this.complain(m, `the static block of \`${name}\` runs once on each CPU`, MOVE);
      else if (/^(PropertyDefinition|AccessorProperty)$/.test(m.type) && !m['declare']) {
        if (m['static'])
          this.complain(
            m,
            `\`static ${keyName(m)}\` of \`${name}\` is a variable of the class: each CPU would have its own`,
            `a constant: \`const ${keyName(m)} = ...\` beside the class; else ${IN_MEMORY(keyName(m))}`,
          );
        else if (isStruct)
          this.complain(
            m,
            `\`${keyName(m)}\` would lie in the view of \`${name}\`, not in the machine's memory`,
            `make it a field: Struct('${name}', { ..., ${keyName(m)}: u32 })`,
          );
      }
    }
  }

  /** Anywhere: assignments to what the top level declares, or to globals of JavaScript. */
  private inside(node: Node, scope: Scope): void {
    if (
      node.type === 'Identifier' &&
      node['name'].startsWith('$') &&
      scope.find(node['name']) !== null &&
      !this.reserved.has(node['name'])
    ) {
      this.reserved.add(node['name']);
      this.complain(node, `\`${node['name']}\`: names that begin with $ belong to the loader`, 'choose another name');
    }
    for (const target of this.assigned(node)) {
      const root = rootOf(target);
      const found = root ? scope.find(root['name']) : null;
      if (root === null || (found !== null && found.outer !== null)) continue; // a local
      const whole = root === target;
      const binding = found === null ? undefined : this.names.get(root['name']);
      if (binding === undefined) {
        this.complain(
          target,
          `\`${this.text(target)}\` is outside the machine's memory: each CPU would change its own`,
          IN_MEMORY('field'),
        );
        continue;
      }
      const what = {
        function: 'a function',
        class: 'a class',
        enum: 'an enum',
        import: 'an import',
        constant: 'a constant',
        static: 'static data',
        refused: '',
      }[binding.kind];
      if (binding.kind === 'refused' || (!whole && /^(static|import|constant)$/.test(binding.kind))) continue;
      this.complain(
        target,
        whole
          ? `\`${root['name']}\` is ${what}: it can't be assigned to`
          : `\`${this.text(target)}\`: \`${root['name']}\` is ${what}, and what is kept in it would be kept on one CPU only`,
        binding.kind === 'static' ? `assign to its fields: \`${root['name']}.field = ...\`` : IN_MEMORY('field'),
      );
    }
  }

  private assigned(node: Node): Node[] {
    if (node.type === 'AssignmentExpression') return targets(node['left']).map((t) => unwrap(t)!);
    if (node.type === 'UpdateExpression') return [unwrap(node['argument'])!];
    if (node.type === 'UnaryExpression' && node['operator'] === 'delete') return [unwrap(node['argument'])!];
    if (/^For(In|Of)Statement$/.test(node.type) && node['left'].type !== 'VariableDeclaration')
      return targets(node['left']);
    return [];
  }
}

function statementName(s: Node): string {
  if (/^(For|ForIn|ForOf|While|DoWhile)Statement$/.test(s.type)) return 'a loop';
  const names: Record<string, string> = {
    IfStatement: '`if`',
    SwitchStatement: '`switch`',
    TryStatement: '`try`',
    BlockStatement: 'a block',
    ThrowStatement: '`throw`',
    LabeledStatement: 'a label',
  };
  return names[s.type] ?? 'this statement';
}

/** False for a namespace of types alone: nothing of it is left in JavaScript. */
function hasValues(s: Node): boolean {
  if (s.type === 'TSModuleDeclaration') return (s['body']?.body ?? []).some(hasValues);
  if (s.type === 'ExportNamedDeclaration' && s['declaration']) return hasValues(s['declaration']);
  return !/^TS(TypeAlias|Interface)Declaration$/.test(s.type);
}
