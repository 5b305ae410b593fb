// What a module may have at its top level. Every CPU evaluates the module for itself, so whatever is kept there in a
// JavaScript object or variable would exist once for each CPU (and once for all of them in the stepped build). Allowed
// is therefore only what is the same everywhere: imports, functions, classes, types, enums, primitive constants, static
// data of the machine's memory (DEFINE_*) and the descriptions of the module. An allow-list, because a list of bans
// always misses one.
//
// Works on ESTree: on what esbuild makes of one file (format esm; TypeScript itself takes most of a second to load),
// or on typescript-eslint's tree for the lint rule. Host code; no state.
import { DEFINES, DESCRIBES, TYPES, isHeader, isPure } from './allowed.js';
import { declarationOf, isFunction, rootOf, targets, walk, type Node, type Scope } from './scope.js';

/** What a name of the top level stands for. */
type Kind = 'import' | 'function' | 'class' | 'enum' | 'constant' | 'static' | 'refused';
interface Binding {
  kind: Kind;
  /** For imports: where from, and the name there. */
  from?: string;
  imported?: string;
}
export type Report = (node: Node, message: string, advice: string) => void;

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

const unwrap = (n: Node | null | undefined): Node | null | undefined =>
  n && /^TS(As|Satisfies|NonNull)Expression$|^TSTypeAssertion$|^ParenthesizedExpression$/.test(n.type)
    ? unwrap(n['expression'])
    : n;
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
  private readonly names = new Map<string, Binding>();
  private readonly exported = new Set<string>();
  /** Names with a $ that were refused. */
  private readonly reserved = new Set<string>();

  constructor(
    private readonly program: Node,
    private readonly complain: Report,
    private readonly text: (node: Node) => string,
  ) {}

  run(): void {
    for (const statement of this.program['body']) this.declare(statement);
    for (const statement of this.program['body']) this.statement(statement);
    walk(this.program, (node, scope) => this.inside(node, scope));
  }

  /** Learns the names first: functions are hoisted, so a name may be used above its declaration. */
  private declare(statement: Node): void {
    if (statement.type === 'ImportDeclaration') {
      for (const s of statement['specifiers'])
        this.names.set(s.local.name, {
          kind: 'import',
          from: statement['source'].value,
          imported: s.imported?.name ?? '*',
        });
      return;
    }
    if (statement.type === 'ExportNamedDeclaration' && !statement['source'])
      for (const s of statement['specifiers'] ?? []) this.exported.add(s.local.name);
    const exported = /^Export(Named|Default)Declaration$/.test(statement.type) && statement['declaration'];
    const d: Node = exported ? statement['declaration'] : statement;
    const add = (name: string | undefined, kind: Kind): void => {
      if (name === undefined) return;
      this.names.set(name, { kind });
      if (exported) this.exported.add(name);
    };
    if (/FunctionDeclaration$|^TSDeclareFunction$/.test(d.type)) add(d['id']?.name, 'function');
    else if (d.type === 'ClassDeclaration') add(d['id']?.name, 'class');
    else if (d.type === 'TSEnumDeclaration') add(d['id'].name, 'enum');
    else if (d.type === 'VariableDeclaration')
      for (const v of d['declarations']) for (const t of targets(v.id)) add(t['name'], this.kindOf(d, v));
  }

  private kindOf(declaration: Node, declarator: Node): Kind {
    const init = unwrap(declarator['init']);
    if (isEnum(init)) return 'enum';
    if (declaration['kind'] !== 'const') return 'refused';
    if (init && isFunction(init)) return 'function';
    if (init?.type === 'ClassExpression') return 'class';
    const callee = init?.type === 'CallExpression' ? this.headerCall(init) : null;
    return callee && DEFINES.test(callee) ? 'static' : 'constant';
  }

  /** The name, in its header, of the function that is called; null if it isn't one of the kernel's. */
  private headerCall(call: Node): string | null {
    const callee: Node = call['callee'];
    const direct = callee.type === 'Identifier' ? this.names.get(callee['name']) : undefined;
    if (direct?.kind === 'import' && isHeader(direct.from!)) return direct.imported!;
    if (callee.type !== 'MemberExpression' || callee['computed'] || callee['object'].type !== 'Identifier') return null;
    const whole = this.names.get(callee['object'].name); // import * as types
    return whole?.imported === '*' && isHeader(whole.from!) ? callee['property'].name : null;
  }

  private isPureCall(call: Node): boolean {
    const name = this.headerCall(call);
    if (name === null) return false;
    const root = rootOf(call['callee']);
    return isPure(name, this.names.get(root!['name'])!.from!);
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
        if (s['declare'] || s['kind'] === 'global') return;
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
      const never = init && this.whyNot(init) === null ? '; if it never changes, make it `const`' : '';
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
    const callee = init.type === 'CallExpression' ? this.headerCall(init) : null;
    if (callee !== null && DEFINES.test(callee)) return this.definition(init);
    const why = this.whyNot(init);
    if (why !== null) this.complain(why.node === init ? d : why.node, `\`${name}\`: ${why.message}`, why.advice(name));
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
      const callee = this.headerCall(e);
      if (callee !== null && DESCRIBES.test(callee)) {
        for (const a of e['arguments']) this.argument(a, { functions: true, exported: false });
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
    for (const a of call['arguments']) this.argument(a, { functions: false, exported: true });
  }

  /** An argument of DEFINE_*, Struct or module_*: values, type descriptions, literals of such. */
  private argument(node: Node, how: { functions: boolean; exported: boolean }): void {
    const n = unwrap(node)!;
    if (n.type === 'ObjectExpression') {
      for (const p of n['properties']) {
        if (p.type === 'SpreadElement') this.argument(p.argument, how);
        else {
          if (p.computed) this.argument(p.key, how);
          this.argument(p.value, how);
        }
      }
    } else if (n.type === 'ArrayExpression') {
      for (const e of n['elements']) if (e) this.argument(e, how);
    } else if (isFunction(n)) {
      if (!how.functions)
        this.complain(
          n,
          'the kernel keeps this function, so every CPU must find it by its name',
          'write it as `export function name(...)` at the top level and give its name here',
        );
    } else if (n.type === 'Identifier' && how.exported) {
      const binding = this.names.get(n['name']);
      if (binding?.kind === 'function' && !this.exported.has(n['name']))
        this.complain(
          n,
          `the kernel keeps \`${n['name']}\`, which is not exported: other CPUs can't find it`,
          `write \`export\` before the function \`${n['name']}\``,
        );
      else if (!binding) this.constant(n);
    } else if (n.type === 'CallExpression' && this.headerCall(n) !== null && this.isPureCall(n)) {
      const isType = TYPES.test(this.headerCall(n)!);
      for (const a of n['arguments']) this.argument(a, isType ? { functions: true, exported: false } : how);
    } else if (n.type === 'MemberExpression' && this.names.get(rootOf(n)?.['name'])?.kind === 'static') {
      return; // the address of a part of static data
    } else this.constant(n);
  }

  private constant(n: Node): void {
    const why = this.whyNot(n);
    if (why !== null) this.complain(why.node, why.message, why.advice('value'));
  }

  /** Null if `n` is a value that is the same on every CPU and can't change; else what is wrong with it. */
  private whyNot(node: Node): Why | null {
    const n = unwrap(node)!;
    const any = (...parts: (Node | null)[]): Why | null => {
      for (const p of parts) {
        const why = p ? this.whyNot(p) : null;
        if (why) return why;
      }
      return null;
    };
    switch (n.type) {
      case 'Literal':
        return n['regex']
          ? {
              node: n,
              message: 'a regular expression is an object that remembers where it stopped',
              advice: () => 'write it where it is used',
            }
          : null;
      case 'TemplateLiteral':
        return any(...n['expressions']);
      case 'UnaryExpression':
        return n['operator'] === 'delete' ? runs(n) : any(n['argument']);
      case 'BinaryExpression':
      case 'LogicalExpression':
        return any(n['left'], n['right']);
      case 'ConditionalExpression':
        return any(n['test'], n['consequent'], n['alternate']);
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
        return null;
      case 'Identifier':
        return this.names.has(n['name']) || /^(undefined|NaN|Infinity)$/.test(n['name']) ? null : foreign(n, n['name']);
      case 'MemberExpression':
        return this.member(n) ?? (n['computed'] ? any(n['property']) : null);
      case 'ChainExpression':
        return any(n['expression']);
      case 'ObjectExpression':
        return {
          node: n,
          message: 'an object literal would be another object on each CPU',
          advice: (name) =>
            `keep it in the machine's memory: \`const ${name} = DEFINE_STATIC(type, { ... })\` (so are tables of operations), or freeze a table of constants with Object.freeze`,
        };
      case 'ArrayExpression':
        return {
          node: n,
          message: 'an array would be another array on each CPU',
          advice: (name) =>
            `keep it in the machine's memory: \`const ${name} = DEFINE_STATIC(array(u32, n), [...])\`, or freeze a table of constants with Object.freeze`,
        };
      case 'NewExpression':
        return {
          node: n,
          message: `\`new ${this.text(n['callee'])}\` would be another object on each CPU`,
          advice: (name) =>
            `keep the data in the machine's memory: DEFINE_STATIC, kmalloc, list_head, DEFINE_HASHTABLE; IN A FUNCTION \`const ${name}\` may hold it`.replace(
              'IN A FUNCTION',
              'within one call of a function',
            ),
        };
      case 'CallExpression':
        return this.callWhyNot(n);
      default:
        return runs(n);
    }
  }

  private member(n: Node): Why | null {
    const root = rootOf(n);
    const binding = root ? this.names.get(root['name']) : undefined;
    if (binding?.kind === 'static')
      return {
        node: n,
        message: `\`${this.text(n)}\` would be read when the module is loaded, at another moment on each CPU`,
        advice: () => `write \`${this.text(n)}\` where it is used`,
      };
    if (binding || (root && /^(Number|Math)$/.test(root['name']) && /^[A-Z0-9_]+$/.test(n['property'].name ?? '')))
      return null;
    return root ? foreign(n, root['name']) : runs(n);
  }

  private callWhyNot(n: Node): Why | null {
    const callee = this.text(n['callee']);
    const global = rootOf(n['callee']);
    const known = global !== null && this.names.has(global['name']);
    const argumentsFine = (): Why | null => {
      for (const a of n['arguments']) {
        const why = this.whyNot(a);
        if (why) return why;
      }
      return null;
    };
    if (!known && /^(BigInt|Number|String|Boolean)$/.test(callee)) return argumentsFine();
    if (!known && callee === 'Object.freeze') return this.frozen(n['arguments'][0]);
    if (this.isPureCall(n)) {
      this.definitionOf(n);
      return null;
    }
    const name = this.headerCall(n);
    if (name !== null && DEFINES.test(name))
      return {
        node: n,
        message: `${name} needs a name of its own`,
        advice: () => `write \`const name = ${name}(...)\` on its own`,
      };
    return {
      node: n,
      message: `the call of ${isFunction(unwrap(n['callee'])!) ? 'a function on the spot' : `\`${callee}\``} runs once on each CPU, and what it returns would be kept there`,
      advice: () => 'call it in the function given to module_init and keep the result in DEFINE_STATIC data',
    };
  }

  private definitionOf(call: Node): void {
    const type = TYPES.test(this.headerCall(call)!);
    for (const a of call['arguments']) this.argument(a, { functions: type, exported: !type });
  }

  /** The argument of Object.freeze: a literal of constants, nested ones frozen too. */
  private frozen(argument: Node | undefined): Why | null {
    const n = unwrap(argument);
    if (n?.type === 'ArrayExpression') return this.firstWhy(n['elements']);
    if (n?.type === 'ObjectExpression') {
      const odd = n['properties'].find((p: Node) => p.type === 'SpreadElement' || p['kind'] !== 'init');
      return odd ? runs(odd) : this.firstWhy(n['properties'].map((p: Node) => p['value']));
    }
    return n ? this.whyNot(n) : null;
  }

  private firstWhy(nodes: (Node | null)[]): Why | null {
    for (const n of nodes) {
      const why = n ? this.whyNot(n) : null;
      if (why)
        return {
          ...why,
          advice: () => 'a frozen table holds constants; freeze tables inside it with Object.freeze too',
        };
    }
    return null;
  }

  private enumMembers(init: Node): void {
    for (const s of init['callee'].body.body) {
      if (s.type !== 'ExpressionStatement') continue;
      const { left, right } = s.expression;
      const value = left.property?.type === 'AssignmentExpression' ? left.property.right : right;
      const local = init['callee'].params[0].name;
      if (rootOf(value)?.['name'] !== local) this.constant(value);
    }
  }

  private classBody(node: Node, name: string): void {
    const parent = unwrap(node['superClass']);
    const isStruct = parent?.type === 'CallExpression' && TYPES.test(this.headerCall(parent) ?? '');
    if (parent?.type === 'CallExpression') {
      if (isStruct) this.definitionOf(parent);
      else this.constant(parent);
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

interface Why {
  node: Node;
  message: string;
  advice: (name: string) => string;
}

const runs = (node: Node): Why => ({
  node,
  message: 'this is computed once on each CPU',
  advice: () => 'at the top level write a constant; compute it in a function',
});
const foreign = (node: Node, name: string): Why => ({
  node,
  message: `\`${name}\` belongs to JavaScript, not to the kernel`,
  advice: () => 'at the top level use constants, imports and names of this file',
});

/** `((E2) => { ... })(E || ...)`: what esbuild makes of an enum or a namespace. */
function isWrapper(n: Node | null | undefined): n is Node {
  return (
    n?.type === 'CallExpression' &&
    n['callee'].type === 'ArrowFunctionExpression' &&
    n['callee'].params.length === 1 &&
    n['callee'].body.type === 'BlockStatement' &&
    n['arguments'].length === 1 &&
    n['arguments'][0].type === 'LogicalExpression'
  );
}

/** A wrapper that only assigns members and returns the object: an enum. */
function isEnum(n: Node | null | undefined): boolean {
  return (
    isWrapper(n) &&
    n['arguments'][0].right.type === 'ObjectExpression' &&
    n['callee'].body.body.every(
      (s: Node) =>
        s.type === 'ReturnStatement' ||
        (s.type === 'ExpressionStatement' && s['expression'].type === 'AssignmentExpression'),
    )
  );
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
