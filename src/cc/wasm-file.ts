// noinstr: never transformed, never interrupted.
// What a position-independent wasm file says of itself before it is compiled: the custom section dylink.0.

export interface Needs {
  /** Bytes of data and their alignment. */
  memory_size: number;
  memory_align: number;
  /** Slots of the function table. */
  table_size: number;
}

const MAGIC = 0x6d736100;
const MEM_INFO = 1;

/** Memory and table that the module wants at its place. Throws for anything that is no such module. */
export function module_needs(bytes: Uint8Array): Needs {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(0, true) !== MAGIC)
    throw new Error('not a C module: it does not begin as a WebAssembly file (lockstep cc makes one from C)');
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value >>> 0;
    }
  };
  if (bytes[at++] === 0) {
    const section_end = number() + at;
    const length = number();
    const name = Buffer.from(bytes.subarray(at, at + length)).toString();
    at += length;
    while (name === 'dylink.0' && at < section_end) {
      const kind = bytes[at++];
      const end = number() + at;
      if (kind === MEM_INFO) return { memory_size: number(), memory_align: 1 << number(), table_size: number() };
      at = end;
    }
  }
  throw new Error('not a C module: it is not position-independent, it has no section dylink.0 (wasm-ld -shared)');
}

export interface Span {
  start: number;
  end: number;
}

/** Where the contents of the custom sections lie, and where that of the code begins. Throws for a cut file. */
export function customSections(bytes: Uint8Array): { custom: Map<string, Span>; code: number } {
  const custom = new Map<string, Span>();
  let code = 0;
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the file ends in the middle of a section');
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = number();
    const end = at + size;
    if (end > bytes.length) throw new Error('the file ends in the middle of a section');
    if (id === 10) code = at;
    if (id === 0) {
      const length = number();
      custom.set(Buffer.from(bytes.subarray(at, at + length)).toString(), { start: at + length, end });
    }
    at = end;
  }
  return { custom, code };
}

/** The file with one more custom section at its end, where it moves nothing. */
export function withSection(bytes: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  const number = (value: number): number[] => (value < 128 ? [value] : [(value & 0x7f) | 0x80, ...number(value >>> 7)]);
  const label = Buffer.from(name);
  const body = Buffer.concat([Uint8Array.from(number(label.length)), label, content]);
  return Buffer.concat([bytes, Uint8Array.from([0, ...number(body.length)]), body]);
}
