// Static data of a module as text, field by field: `lockstep replay --show NAME`. Reads the memory, runs nothing.
import { UsageError } from '../machine/errors.js';
import { HOLDER } from '../cpu/spinlock.js';
import type { FieldType, Scalar } from '../linux/field.js';
import type { Session, StaticDatum } from './session.js';

/** Elements of an array that are shown, and characters of a text. */
const MOST_ELEMENTS = 16;
const MOST_CHARACTERS = 256;
/** Bits of a mutex's owner word that are no part of the address. */
const MUTEX_FLAGS = 7;

/** Throws UsageError for a name that the module has not. */
export function find_statics(session: Session, names: readonly string[]): StaticDatum[] {
  return names.map((name) => {
    const datum = session.statics.find((s) => s.name === name);
    if (datum !== undefined) return datum;
    const known = session.statics.map((s) => s.name).join(', ');
    throw new UsageError(
      `--show ${name}: ${session.compiled.name} has no static data of that name${known === '' ? ': it has none' : `; it has: ${known}`}`,
    );
  });
}

/** One line for each field, what is nested indented. */
export function show_static(session: Session, { name, address, type }: StaticDatum): string[] {
  const head = `${name} at 0x${address.toString(16)}`;
  const lines = value_lines(session, type, address);
  return lines.length === 1
    ? [`${head}: ${lines[0]!}`]
    : [`${head}: ${lines[0]!}`, ...lines.slice(1).map((l) => `  ${l}`)];
}

/** The first line says what it is, or all of it. */
function value_lines(session: Session, type: FieldType, address: number): string[] {
  switch (type.kind) {
    case 'scalar':
      return [scalar_text(session, type as Scalar<unknown>, address)];
    case 'chars':
      return [chars_text(session, type.count, address)];
    case 'array': {
      const element = type.element as FieldType;
      const items = Array.from({ length: Math.min(type.count, MOST_ELEMENTS) }, (_, i) =>
        value_lines(session, element, address + i * element.size),
      );
      const more = type.count > MOST_ELEMENTS ? `, ... (${type.count - MOST_ELEMENTS} more)` : '';
      if (items.every((lines) => lines.length === 1)) return [`[${items.map((lines) => lines[0]!).join(', ')}${more}]`];
      return [
        `${type.count} elements`,
        ...items.flatMap((lines, i) => [`[${i}]: ${lines[0]!}`, ...lines.slice(1).map((l) => `  ${l}`)]),
        ...(more === '' ? [] : [more.slice(2)]),
      ];
    }
    case 'struct': {
      const lock = lock_text(session, type.struct_name, address);
      if (lock !== '') return [lock];
      const fields = Object.values(type.fields);
      return [
        type.c_name,
        ...fields.flatMap((field) => {
          const lines = value_lines(session, field.type, address + field.offset);
          return [`${field.name}: ${lines[0]!}`, ...lines.slice(1).map((l) => `  ${l}`)];
        }),
      ];
    }
  }
}

/** A spin lock or mutex in words, '' for other structs. */
function lock_text({ k }: Session, struct: string, address: number): string {
  const word = k.raw.ld(address);
  if (struct === 'spinlock_t' || struct === 'raw_spinlock_t')
    return (word & HOLDER) === 0 ? 'unlocked' : `locked by CPU ${(word & HOLDER) - 1}`;
  if (struct !== 'mutex') return '';
  const owner = word & ~MUTEX_FLAGS;
  return owner === 0 ? 'unlocked' : `locked by ${k.panic.task_comm(owner)}/${k.panic.task_pid(owner)}`;
}

function scalar_text({ k }: Session, type: Scalar<unknown>, address: number): string {
  const bytes = new DataView(k.raw.memory.buffer, address, type.size);
  switch (type.access) {
    case 'i8':
    case 'u8': {
      const value = type.access === 'i8' ? bytes.getInt8(0) : bytes.getUint8(0);
      return type.bool ? String(value !== 0) : String(value);
    }
    case 'i16':
      return String(bytes.getInt16(0, true));
    case 'u16':
      return String(bytes.getUint16(0, true));
    case 'i32': {
      const value = bytes.getInt32(0, true);
      if (!('pointer' in type) && !('text' in type)) return String(value);
      return value === 0 ? 'NULL' : k.text.symbol_text(value, 'pointer' in type);
    }
    case 'u32':
      return String(bytes.getUint32(0, true));
    case 'i64':
      return String(bytes.getBigInt64(0, true));
    case 'u64':
      return String(bytes.getBigUint64(0, true));
    case 'f64':
      return String(bytes.getFloat64(0, true));
  }
}

function chars_text({ k }: Session, count: number, address: number): string {
  const all = k.raw.U8.slice(address, address + count);
  const end = all.indexOf(0);
  const text = new TextDecoder().decode(all.subarray(0, end < 0 ? count : end));
  return JSON.stringify(text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text);
}
