// noinstr: never transformed, never interrupted.
// `name=value` at load time, into the static data that module_param declared. Context: insmod's task.
import type { FieldType, Scalar } from '../linux/field.js';
import type { Evaluation } from './loading.js';

const RANGES: Record<string, [bigint, bigint]> = {
  i8: [-0x80n, 0x7fn],
  u8: [0n, 0xffn],
  i16: [-0x8000n, 0x7fffn],
  u16: [0n, 0xffffn],
  i32: [-0x80000000n, 0x7fffffffn],
  u32: [0n, 0xffffffffn],
  i64: [-0x8000000000000000n, 0x7fffffffffffffffn],
  u64: [0n, 0xffffffffffffffffn],
};

function parse_integer(text: string): bigint | null {
  const found = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text.trim());
  if (found === null) return null;
  const digits = found[2]!;
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return found[1] === '-' ? -value : value;
}

/** Return: '' if it was set, else what is wrong with it. */
export function set_parameter(evaluation: Evaluation, name: string, text: string): string {
  const parameter = evaluation.parameters.find((p) => p.name === name);
  if (parameter === undefined) return 'there is no such parameter';
  if (parameter.set !== undefined) return parameter.set(text);
  const { type, cell } = parameter as unknown as {
    type: FieldType;
    cell: { value: unknown; set(text: string): number };
  };
  if (type.kind === 'chars') return cell.set(text) < 0 ? `'${text}' is longer than ${type.count - 1} bytes` : '';
  if (type.kind === 'array') {
    const values = text.split(',');
    if (values.length > type.count) return `there are ${values.length} values, ${type.count} at most`;
    const array = cell as unknown as { set(i: number, value: unknown): void };
    const read: unknown[] = [];
    for (const one of values) {
      const refused = scalar_value(type.element as FieldType, one, (value) => read.push(value));
      if (refused !== '') return refused;
    }
    for (let i = 0; i < read.length; i++) array.set(i, read[i]);
    if (parameter.count) (parameter.count as unknown as { value: number }).value = values.length;
    return '';
  }
  return scalar_value(type, text, (value) => (cell.value = value));
}
function scalar_value(type: FieldType, text: string, set: (value: unknown) => void): string {
  if (type.kind !== 'scalar') return 'structs cannot be set from outside';
  const { bool, access } = type as Scalar<unknown>;
  if (bool) {
    if (!/^([yYnN01]|on|off|true|false)$/.test(text)) return `'${text}' is no bool: y, n, 1, 0, on or off`;
    set(/^([yY1]|on|true)$/.test(text));
    return '';
  }
  const value = parse_integer(text);
  if (value === null) return `'${text}' is not an integer`;
  const [low, high] = RANGES[access]!;
  if (value < low || value > high) return `${value} is out of range (${low} to ${high})`;
  set(access === 'i64' || access === 'u64' ? value : Number(value));
  return '';
}
