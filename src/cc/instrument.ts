// Puts the kernel's checks into the code of a linked C module, after clang's optimiser and before binaryen's asyncify
// (which must see the calls put in here):
//
//   poll    at each loop head, so at each back-edge: if (this CPU's pending word) call __lockstep_irq()
//   null    before each load, store and atomic: if (address < 64 KiB) call __lockstep_bad_access(address + offset)
//   stack   a new stack pointer must lie in the same 16 KiB block as the old one (a stack's top counts as its last
//           byte), else call __lockstep_stack_overflow(): no limit has to be switched with the task
//
// All three call imports, which the file must have: cc/glue.ts is linked into each module and mentions them. Compiled
// without a red zone, else an interrupt at a poll would write over a leaf function's locals. Host code, pure.
import { KERNEL_STACK, NULL_PAGE } from '../machine/params.js';
import type { Rows } from './line-table.js';

const I32 = 0x7f;
const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
/** Types of what the plain stores 0x36 to 0x3e store. */
const STORED = [I32, I64, F32, F64, I32, I32, I64, I64, I64];
/** Types of what the seven widths of an atomic work on. */
const ATOMIC = [I32, I64, I32, I32, I64, I64, I64];

const Op = {
  LOOP: 0x03,
  IF: 0x04,
  END: 0x0b,
  CALL: 0x10,
  LOCAL_GET: 0x20,
  LOCAL_SET: 0x21,
  LOCAL_TEE: 0x22,
  GLOBAL_GET: 0x23,
  GLOBAL_SET: 0x24,
  I32_LOAD: 0x28,
  I32_CONST: 0x41,
  I32_LT_U: 0x49,
  I32_ADD: 0x6a,
  I32_AND: 0x71,
  I32_SUB: 0x6b,
  I32_XOR: 0x73,
} as const;
const NO_RESULT = 0x40;

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest !== 0 ? byte | 0x80 : byte);
    if (rest === 0) return bytes;
  }
}
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
}

/** What an instruction is, as far as it matters here. */
interface Instruction {
  loop?: boolean;
  /** A memory access; the types of the operands above the address. */
  operands?: number[];
  /** What it adds to the address. */
  offset?: number;
  /** global.set of this index. */
  sets?: number;
}

class Reader {
  p = 8;
  constructor(readonly bytes: Uint8Array) {}
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.p++]!;
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
  }
  /** A number of any kind, unread. */
  skip(): void {
    while ((this.bytes[this.p++]! & 0x80) !== 0);
  }
  vector(): Uint8Array {
    const length = this.number();
    this.p += length;
    return this.bytes.subarray(this.p - length, this.p);
  }
  name(): string {
    return Buffer.from(this.vector()).toString();
  }

  instruction(): Instruction {
    const code = this.bytes[this.p++]!;
    if (code >= 0x02 && code <= 0x04) {
      this.skip();
      return code === Op.LOOP ? { loop: true } : {};
    }
    if (code === 0x11) {
      // call_indirect: type, table
      this.skip();
      this.skip();
    } else if (code === Op.GLOBAL_SET) return { sets: this.number() };
    else if (code === 0x0e) for (let n = this.number() + 1; n > 0; n--) this.skip();
    else if (code === 0x1c) this.vector();
    else if (code >= 0x28 && code <= 0x3e) {
      this.skip();
      return { offset: this.number(), operands: code >= 0x36 ? [STORED[code - 0x36]!] : [] };
    } else if (code === 0x43) this.p += 4;
    else if (code === 0x44) this.p += 8;
    else if (code === 0xfc) {
      // memory.copy and memory.fill have their lengths checked by the engine; the rest works on registers.
      const sub = this.number();
      if (sub >= 8) this.skip();
      if (sub === 8 || sub === 10 || sub === 12 || sub === 14) this.skip();
    } else if (code === 0xfe) {
      const sub = this.number();
      if (sub === 3) {
        this.p++; // fence
        return {};
      }
      this.skip();
      const offset = this.number();
      if (sub < 0x10) return {}; // notify and wait
      const type = ATOMIC[(sub - 0x10) % 7]!;
      return { offset, operands: sub < 0x17 ? [] : sub < 0x48 ? [type] : [type, type] };
    } else if (code === 0xfd || code === 0x06 || code === 0x1f)
      throw new Error('vector instructions and exceptions are not for kernel code');
    else if (
      code === 0x0c ||
      code === 0x0d ||
      code === Op.CALL ||
      (code >= 0x20 && code <= 0x26) ||
      (code >= 0x3f && code <= 0x42) ||
      code === 0xd0 ||
      code === 0xd2
    )
      this.skip();
    return {};
  }
}

interface Section {
  id: number;
  at: number;
  start: number;
  end: number;
}

interface Imports {
  /** Function imports by name, and how many there are. */
  functions: Map<string, number>;
  globals: Map<string, number>;
  /** Parameters of each function, imports first. */
  parameters: number[];
}

function readImports(r: Reader, sections: readonly Section[]): Imports {
  const functions = new Map<string, number>();
  const globals = new Map<string, number>();
  const arity: number[] = [];
  const parameters: number[] = [];
  for (const { id, start } of sections) {
    r.p = start;
    if (id === 1)
      for (let n = r.number(); n > 0; n--) {
        r.p++;
        arity.push(r.vector().length);
        r.vector();
      }
    if (id === 2)
      for (let n = r.number(); n > 0; n--) {
        r.name();
        const name = r.name();
        const kind = r.bytes[r.p++];
        if (kind === 0) {
          functions.set(name, functions.size);
          parameters.push(arity[r.number()]!);
        } else if (kind === 3) {
          globals.set(name, globals.size);
          r.p += 2;
        } else {
          if (kind === 1) r.p++;
          const limits = r.number();
          r.number();
          if ((limits & 1) !== 0) r.number();
        }
      }
    if (id === 3) for (let n = r.number(); n > 0; n--) parameters.push(arity[r.number()]!);
  }
  return { functions, globals, parameters };
}

/** The module with its checks, and its line table moved along. */
export function instrument(bytes: Uint8Array, rows: Rows): { bytes: Uint8Array; rows: Rows } {
  const r = new Reader(bytes);
  const sections: Section[] = [];
  while (r.p < bytes.length) {
    const at = r.p;
    const id = bytes[r.p++]!;
    const size = r.number();
    sections.push({ id, at, start: r.p, end: r.p + size });
    r.p += size;
  }
  const { functions, globals, parameters } = readImports(r, sections);
  const need = (from: ReadonlyMap<string, number>, name: string): number[] => {
    const index = from.get(name);
    if (index === undefined) throw new Error(`the linked module does not import ${name}`);
    return unsigned(index);
  };
  const sp = globals.get('__stack_pointer');
  const [get_sp] = [unsigned(sp ?? 0)];
  const pending = need(globals, '__lockstep_pending');
  const poll = [
    ...[Op.GLOBAL_GET, ...pending, Op.I32_LOAD, 2, 0],
    ...[Op.IF, NO_RESULT, Op.CALL, ...need(functions, '__lockstep_irq'), Op.END],
  ];
  const bad_access = need(functions, '__lockstep_bad_access');
  const overflow = need(functions, '__lockstep_stack_overflow');

  const code: number[] = [];
  /** Where each instruction lay in the file, and where it lies in `code`. */
  const moved: [from: number, to: number][] = [];
  const old_code = sections.find((s) => s.id === 10);
  if (old_code === undefined) return { bytes, rows };
  r.p = old_code.start;
  const count = r.number();
  push(code, unsigned(count));
  for (let i = 0, index = functions.size; i < count; i++, index++) {
    const size = r.number();
    const start = r.p;
    const end = start + size;
    const groups = r.number();
    let locals = parameters[index]!;
    for (let g = groups; g > 0; g--) {
      locals += r.number();
      r.p++;
    }
    const first = r.p;
    const temps: number[] = [];
    const made: number[] = [];
    const marks: [number, number][] = [];
    let copied = first;
    const flush = (to: number): void => {
      for (; copied < to; copied++) made.push(bytes[copied]!);
    };
    /** Locals of these types, all different. */
    const take = (types: readonly number[]): number[][] => {
      const busy = new Set<number>();
      return types.map((type) => {
        let found = temps.findIndex((t, k) => t === type && !busy.has(k));
        if (found < 0) found = temps.push(type) - 1;
        busy.add(found);
        return unsigned(locals + found);
      });
    };
    while (r.p < end) {
      const at = r.p;
      const { loop, operands, offset = 0, sets } = r.instruction();
      const next = r.p;
      marks.push([at, made.length + (at - copied)]);
      if (operands !== undefined) {
        flush(at);
        const [address, ...values] = take([I32, ...operands]) as [number[], ...number[][]];
        for (const value of values.toReversed()) made.push(Op.LOCAL_SET, ...value);
        made.push(Op.LOCAL_TEE, ...address, Op.I32_CONST, ...signed(NULL_PAGE), Op.I32_LT_U, Op.IF, NO_RESULT);
        made.push(
          Op.LOCAL_GET,
          ...address,
          Op.I32_CONST,
          ...signed(offset | 0),
          Op.I32_ADD,
          Op.CALL,
          ...bad_access,
          Op.END,
          Op.LOCAL_GET,
          ...address,
        );
        for (const value of values) made.push(Op.LOCAL_GET, ...value);
      } else if (sp !== undefined && sets === sp) {
        flush(at);
        const [wanted] = take([I32]) as [number[]];
        made.push(Op.LOCAL_TEE, ...wanted, Op.I32_CONST, 1, Op.I32_SUB);
        made.push(Op.GLOBAL_GET, ...get_sp, Op.I32_CONST, 1, Op.I32_SUB, Op.I32_XOR);
        made.push(Op.I32_CONST, ...signed(-KERNEL_STACK), Op.I32_AND, Op.IF, NO_RESULT);
        made.push(Op.CALL, ...overflow, Op.END, Op.LOCAL_GET, ...wanted);
      } else if (loop) {
        flush(next);
        push(made, poll);
      }
    }
    flush(end);
    const head = [...unsigned(groups + temps.length)];
    r.p = start;
    r.skip();
    for (let p = r.p; p < first; p++) head.push(bytes[p]!);
    for (const type of temps) head.push(1, type);
    push(code, unsigned(head.length + made.length));
    push(code, head);
    for (const [from, to] of marks) moved.push([from, code.length + to]);
    push(code, made);
    r.p = end;
  }
  return assemble(bytes, sections, code, moved, rows);
}

function push(to: number[], more: readonly number[]): void {
  for (const byte of more) to.push(byte);
}

/** The sections with the new code in place of the old; what debuggers read is left out: it would be wrong. */
function assemble(
  bytes: Uint8Array,
  sections: readonly Section[],
  code: readonly number[],
  moved: readonly [number, number][],
  rows: Rows,
): { bytes: Uint8Array; rows: Rows } {
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  let length = 8;
  let code_at = 0;
  const add = (part: Uint8Array): void => {
    parts.push(part);
    length += part.length;
  };
  for (const { id, at, start, end } of sections) {
    if (id === 10) {
      add(Uint8Array.from([10, ...unsigned(code.length)]));
      code_at = length;
      add(Uint8Array.from(code));
    } else if (
      id !== 0 ||
      !Buffer.from(bytes.subarray(start + 1, start + 8))
        .toString()
        .startsWith('.debug_')
    )
      add(bytes.subarray(at, end));
  }
  let k = 0;
  const new_rows = rows.map(([offset, site]): [number, number] => {
    while (k + 1 < moved.length && moved[k + 1]![0] <= offset) k++;
    return [code_at + (moved[k]?.[1] ?? 0), site];
  });
  return { bytes: Buffer.concat(parts), rows: new_rows };
}
