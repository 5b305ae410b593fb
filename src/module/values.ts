// Values at a module's top level: which are the same on every CPU and can't change, and what is wrong with the others.
// For the check of the top level. Host code; no state.
import { DEFINES, TYPES } from './allowed.js';
import { unwrap, type Names } from './names.js';
import { isFunction, rootOf, type Node } from './scope.js';

export type Report = (node: Node, message: string, advice: string) => void;

/** Why a value may not be at the top level. `advice` takes the name of the constant that was to hold it. */
export interface Why {
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

export class Values {
  constructor(
    private readonly names: Names,
    private readonly complain: Report,
    private readonly text: (node: Node) => string,
  ) {}

  /** An argument of DEFINE_*, Struct or module_*: values, type descriptions, literals of such. */
  argument(node: Node, how: { functions: boolean; exported: boolean }): void {
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
      if (binding?.kind === 'function' && !this.names.exported.has(n['name']))
        this.complain(
          n,
          `the kernel keeps \`${n['name']}\`, which is not exported: other CPUs can't find it`,
          `write \`export\` before the function \`${n['name']}\``,
        );
      else if (!binding) this.constant(n);
    } else if (n.type === 'CallExpression' && this.names.isInitialiserCall(n)) {
      const isType = TYPES.test(this.names.headerCall(n)!);
      for (const a of n['arguments']) this.argument(a, isType ? { functions: true, exported: false } : how);
    } else if (n.type === 'MemberExpression' && this.names.get(rootOf(n)?.['name'])?.kind === 'static') {
      return; // the address of a part of static data
    } else this.constant(n);
  }

  constant(n: Node): void {
    const why = this.whyNot(n);
    if (why !== null) this.complain(why.node, why.message, why.advice('value'));
  }

  /** Null if `n` is a value that is the same on every CPU and can't change; else what is wrong with it. */
  whyNot(node: Node): Why | null {
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
        return this.names.get(n['name']) !== undefined || /^(undefined|NaN|Infinity)$/.test(n['name'])
          ? null
          : foreign(n, n['name']);
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
            `keep the data in the machine's memory: DEFINE_STATIC, kmalloc, list_head, DEFINE_HASHTABLE; within one call of a function \`const ${name}\` may hold it`,
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
    const known = global !== null && this.names.get(global['name']) !== undefined;
    const argumentsFine = (): Why | null => {
      for (const a of n['arguments']) {
        const why = this.whyNot(a);
        if (why) return why;
      }
      return null;
    };
    if (!known && /^(BigInt|Number|String|Boolean)$/.test(callee)) return argumentsFine();
    if (!known && callee === 'Object.freeze') return this.frozen(n['arguments'][0]);
    if (this.names.isPureCall(n)) {
      this.definitionOf(n);
      return null;
    }
    const name = this.names.headerCall(n);
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

  definitionOf(call: Node): void {
    const type = TYPES.test(this.names.headerCall(call)!);
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
}
