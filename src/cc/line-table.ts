// From offsets in a wasm file to sites: read from the line table that clang and wasm-ld left, taken through binaryen as a
// source map, kept in the .ko. Host code, pure.
import { customSections } from './wasm-file.js';

/** Rows by offset in the file; each holds up to the next. Site 0: nothing is known. */
export type Rows = [offset: number, site: number][];

/** Reads .debug_line (DWARF 2 to 5) of a linked file whose lines are sites; [] if there is none. */
export function lineRows(bytes: Uint8Array): Rows {
  const { custom, code } = customSections(bytes);
  const table = custom.get('.debug_line');
  if (table === undefined) return [];
  const rows: Rows = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let p = table.start;
  const u8 = (): number => bytes[p++]!;
  const u16 = (): number => view.getUint16((p += 2) - 2, true);
  const u32 = (): number => view.getUint32((p += 4) - 4, true);
  const unsigned = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = u8();
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
  };
  const signed = (): number => {
    let value = 0;
    for (let shift = 0; ;) {
      const byte = u8();
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) === 0) return (byte & 0x40) !== 0 && shift < 32 ? value | (-1 << shift) : value;
    }
  };
  while (p < table.end) {
    const end = u32() + p;
    const version = u16();
    if (version >= 5) p += 2; // sizes of an address and of a segment selector
    const program = u32() + p;
    const step = u8();
    if (version >= 4) u8(); // operations per instruction
    u8(); // default_is_stmt
    const line_base = view.getInt8(p++);
    const line_range = u8();
    const opcode_base = u8();
    const lengths = Array.from({ length: opcode_base - 1 }, u8);
    p = program;
    let address = 0;
    let line = 1;
    while (p < end) {
      const opcode = u8();
      if (opcode >= opcode_base) {
        address += Math.floor((opcode - opcode_base) / line_range) * step;
        line += line_base + ((opcode - opcode_base) % line_range);
        rows.push([code + address, line]);
      } else if (opcode === 0) {
        const next = unsigned() + p;
        const extended = u8();
        if (extended === 1) {
          rows.push([code + address, 0]); // end of a sequence
          address = 0;
          line = 1;
        } else if (extended === 2) address = u32();
        p = next;
      } else if (opcode === 1) rows.push([code + address, line]);
      else if (opcode === 2) address += unsigned() * step;
      else if (opcode === 3) line += signed();
      else if (opcode === 8) address += Math.floor((255 - opcode_base) / line_range) * step;
      else if (opcode === 9) address += u16();
      else for (let n = lengths[opcode - 1]!; n > 0; n--) unsigned();
    }
    p = end;
  }
  return rows.sort(([a], [b]) => a - b);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
function vlq(value: number): string {
  let text = '';
  for (let rest = value < 0 ? (-value << 1) | 1 : value << 1; ;) {
    const digit = rest & 31;
    rest >>>= 5;
    text += DIGITS[digit | (rest !== 0 ? 32 : 0)];
    if (rest === 0) return text;
  }
}

/** A source map of one line whose columns are offsets and whose "lines" are sites: what wasm-opt takes along. */
export function toSourceMap(rows: Rows): string {
  let column = 0;
  let line = 0;
  const mappings = rows.map(([offset, site]) => {
    const moved = vlq(offset - column);
    column = offset;
    if (site === 0) return moved;
    const text = moved + vlq(0) + vlq(site - 1 - line) + vlq(0);
    line = site - 1;
    return text;
  });
  return JSON.stringify({ version: 3, sources: ['sites'], names: [], mappings: mappings.join(',') });
}

export function fromSourceMap(json: string): Rows {
  const { mappings } = JSON.parse(json) as { mappings: string };
  const rows: Rows = [];
  let column = 0;
  let line = 0;
  for (const segment of mappings.split(',')) {
    if (segment === '') continue;
    const fields: number[] = [];
    for (let i = 0; i < segment.length;) {
      let value = 0;
      for (let shift = 0; ; shift += 5) {
        const digit = DIGITS.indexOf(segment[i++]!);
        value |= (digit & 31) << shift;
        if ((digit & 32) === 0) break;
      }
      fields.push((value & 1) !== 0 ? -(value >> 1) : value >> 1);
    }
    column += fields[0]!;
    if (fields.length > 2) line += fields[2]!;
    rows.push([column, fields.length > 2 ? line + 1 : 0]);
  }
  return rows;
}
