// What `modinfo` says, read from the source without running it: licence, description, parameters. The host uses it to
// check `name=value` before it boots a machine; the kernel learns the same when it evaluates the module.
//
// A parameter is static data of the machine's memory that module_param makes settable, written as in Linux:
//
//   const limit = DEFINE_STATIC(int, 10);              // static int limit = 10;
//   module_param(limit, int, 0o644);                   // module_param(limit, int, 0644);
//   MODULE_PARM_DESC(limit, 'most entries');           // MODULE_PARM_DESC(limit, "most entries");
//   ... limit.value ...                                // ... limit ...
//
// Its name is that of the constant: the loader has told the kernel the name of each static datum ($k.def), so
// module_param finds it by the address of its first argument. `module_param_named(other, limit, int, 0o644)` gives
// another name, `module_param_string(name, cell, perm)` takes a char_array.
import { parse } from 'acorn';
import type { Node } from './scope.js';

export interface Parameter {
  name: string;
  /** As given to module_param: int, uint, bool, ulong, ...; 'string' for module_param_string. */
  type: string;
  /** The initial value if it is a literal. */
  default?: string | number | boolean | bigint | undefined;
  /** Mode in sysfs. */
  permissions?: number | undefined;
  description?: string | undefined;
}

export interface ModuleInfo {
  license?: string | undefined;
  description?: string | undefined;
  author?: string | undefined;
  version?: string | undefined;
  parameters: Parameter[];
}

/** Reads a bundled module. Calls whose arguments are not plain literals and names are passed over. */
export function moduleInfo(code: string): ModuleInfo {
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module' }) as unknown as Node;
  const info: ModuleInfo = { parameters: [] };
  const initial = new Map<string, unknown>();
  // In a bundle of several files the second import of a name has another one: module_param2.
  const imported = new Map<string, string>();
  for (const s of program['body'] as Node[])
    if (s.type === 'ImportDeclaration')
      for (const i of s['specifiers']) if (i.imported) imported.set(i.local.name, i.imported.name);
  for (const s of program['body'] as Node[]) {
    if (s.type === 'VariableDeclaration')
      for (const d of s['declarations'])
        if (d.init?.type === 'CallExpression') initial.set(d.id.name, literal(d.init.arguments[1]));
    const call: Node | undefined = s.type === 'ExpressionStatement' ? s['expression'] : undefined;
    if (call?.type === 'CallExpression' && call['callee'].type === 'Identifier')
      describe(info, imported.get(call['callee'].name) ?? call['callee'].name, call['arguments'], initial, imported);
  }
  return info;
}

function describe(
  info: ModuleInfo,
  callee: string,
  args: Node[],
  initial: ReadonlyMap<string, unknown>,
  imported: ReadonlyMap<string, string>,
): void {
  const text = (i: number): string | undefined => {
    const name = args[i]?.['name'] as string | undefined;
    const value = literal(args[i]) ?? (name === undefined ? undefined : (imported.get(name) ?? name));
    return typeof value === 'string' ? value : undefined;
  };
  const add = (
    name: string | undefined,
    cell: string | undefined,
    type: string | undefined,
    permissions: Node | undefined,
  ): void => {
    if (name === undefined || type === undefined) return;
    const value = initial.get(cell ?? name) as Parameter['default'];
    info.parameters.push({ name, type, default: value, permissions: literal(permissions) as number | undefined });
  };
  switch (callee) {
    case 'MODULE_LICENSE':
      info.license = text(0);
      break;
    case 'MODULE_DESCRIPTION':
      info.description = text(0);
      break;
    case 'MODULE_AUTHOR':
      info.author = text(0);
      break;
    case 'MODULE_VERSION':
      info.version = text(0);
      break;
    case 'module_param':
    case 'module_param_array':
      add(text(0), undefined, text(1), args.at(-1));
      break;
    case 'module_param_named':
      add(text(0), args[1]?.['name'], text(2), args[3]);
      break;
    case 'module_param_string':
      add(text(0), args[1]?.['name'], 'string', args.at(-1));
      break;
    case 'MODULE_PARM_DESC': {
      const parameter = info.parameters.find((p) => p.name === text(0));
      if (parameter) parameter.description = text(1);
    }
  }
}

function literal(n: Node | undefined): unknown {
  if (n?.type === 'Literal') return n['value'];
  if (n?.type === 'UnaryExpression' && n['operator'] === '-' && n['argument'].type === 'Literal')
    return -n['argument'].value;
  if (n?.type === 'UnaryExpression' && n['operator'] === '!') return !literal(n['argument']); // esbuild may print true as !0
  return undefined;
}
