// Where in the user's source something happened: the return of module_init that failed, the first line of a module in
// a call trace. Reads what the compiler made and what the kernel logged; runs nothing.
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { parse } from 'acorn';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogRecord } from '../kernel/log-reader.js';
import { errname } from '../linux/errno.js';
import type { LoadableModule } from '../module/load.js';
import { shortPath } from '../module/errors.js';
import { isFunction, type Node } from '../module/scope.js';

/**
 * `file:line:column` of the call `module_init(...)` or `module_exit(...)`; the file alone if there is none. With the
 * `result` of an init: of the statement that returned it, if only one can have.
 */
export function hookPlace(module: LoadableModule, hook: 'module_init' | 'module_exit', result = 0): string {
  if ('ko' in module) return shortPath(module.file);
  const program = parse(module.esm.code, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    locations: true,
  }) as unknown as Node;
  const body = program['body'] as Node[];
  const call = body.find((s) => s['expression']?.type === 'CallExpression' && s['expression'].callee.name === hook);
  if (call === undefined) return shortPath(module.file);
  const returns: Node[] = [];
  const init = functionOf(call['expression'].arguments[0] as Node, body);
  if (init !== null && result < 0) collectReturns(init['body'] as Node, result, returns);
  const at = returns.length === 1 ? returns[0]! : call;
  const { start } = at['loc'] as { start: { line: number; column: number } };
  const { line, column, source } = originalPositionFor(new TraceMap(module.esm.map ?? '{}'), start);
  return line === null || source === null ? shortPath(module.file) : `${shortPath(source)}:${line}:${column + 1}`;
}

function functionOf(node: Node, body: Node[]): Node | null {
  if (isFunction(node)) return node;
  for (const s of body) {
    const declaration = (s['declaration'] ?? s) as Node;
    if (declaration.type === 'FunctionDeclaration' && declaration['id'].name === node['name']) return declaration;
    for (const d of declaration.type === 'VariableDeclaration' ? (declaration['declarations'] as Node[]) : [])
      if (d['id'].name === node['name'] && isFunction(d['init'] as Node)) return d['init'] as Node;
  }
  return null;
}

/** Returns whose value may be `result`: `-ENOMEM`, `-12`. */
function collectReturns(node: Node, result: number, found: Node[]): void {
  if (node.type !== 'BlockStatement' && !/Statement$|^SwitchCase$|^CatchClause$/.test(node.type)) {
    if (mayBe(node, result)) found.push(node); // an arrow function's expression
    return;
  }
  if (node.type === 'ReturnStatement') {
    if (node['argument'] && mayBe(node['argument'] as Node, result)) found.push(node);
    return;
  }
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
      if (
        typeof child === 'object' &&
        child !== null &&
        /Statement$|^SwitchCase$|^CatchClause$/.test((child as Node).type ?? '')
      )
        collectReturns(child as Node, result, found);
}
function mayBe(value: Node, result: number): boolean {
  if (value.type === 'ConditionalExpression')
    return mayBe(value['consequent'] as Node, result) || mayBe(value['alternate'] as Node, result);
  if (value.type !== 'UnaryExpression' || value['operator'] !== '-') return false;
  const operand = value['argument'] as Node;
  return operand.type === 'Identifier' ? operand['name'] === errname(-result) : operand['value'] === -result;
}

/** Something the kernel reported: its line, and the first place in a module of the trace below it. */
export interface Finding {
  text: string;
  /** `file:line:column`, '' if no module's code is in the trace. */
  place: string;
  record: LogRecord;
}

const OWN = ['dist', 'src'].map((folder) => resolve(fileURLToPath(new URL('../..', import.meta.url)), folder) + '/');
const isOwn = (path: string): boolean =>
  path.startsWith('lockstep/') || OWN.some((folder) => resolve(path).startsWith(folder));

/** Every oops, BUG, warning and panic of the log, in order. */
export function findings(records: readonly LogRecord[]): Finding[] {
  const found: Finding[] = [];
  records.forEach((record, i) => {
    if (record.level > 4 || !/^(BUG|Oops|WARNING|Unable to handle|Kernel panic|NMI backtrace)\b/.test(record.text))
      return;
    let place = '';
    for (let j = i + 1; j < records.length && j < i + 60; j++) {
      const { cpu, pid, text } = records[j]!;
      if (cpu !== record.cpu || pid !== record.pid) continue;
      if (/^(BUG|Oops|WARNING|Kernel panic|---\[)/.test(text)) break;
      const frame = /^ .* \((.+):(\d+):(\d+)\)$/.exec(text);
      if (frame === null || isOwn(frame[1]!)) continue;
      place = `${frame[1]}:${frame[2]}:${frame[3]}`;
      break;
    }
    found.push({ text: record.text, place, record });
  });
  return found;
}

/** A finding in one line. */
export function findingText({ text, place }: Finding): string {
  const line = text.split('\n')[0]!;
  if (line.startsWith('WARNING: at ')) return `WARNING at ${place || line.slice(12)}`;
  return place === '' || line.includes(place) ? line : `${line}, at ${place}`;
}
