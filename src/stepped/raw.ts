// noinstr: never transformed, never interrupted.
// Stands in for cpu/raw.ts in the stepped build: same names. All CPUs run in this thread, so atomics are plain accesses,
// and every write notes the block it touches: a restore then costs what the schedule wrote.
//
// A block is 32 bytes. `stamp[block] === count[EPOCH]` means that the block is in the list of dirty blocks.
//
// The memory is made when this file is loaded, `?memory=BYTES` in its address, and is the only one: its views are
// constants, which halves the code of every access. A machine of another size has a kernel of its own.
import { STEPPED_MEMORY } from '../machine/params.js';

export const memory_size = Number(new URL(import.meta.url).searchParams.get('memory') ?? STEPPED_MEMORY);
const pages = memory_size >>> 16;
export const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
export const I32 = new Int32Array(memory.buffer);
export const U32 = new Uint32Array(memory.buffer);
export const U16 = new Uint16Array(memory.buffer);
export const U8 = new Uint8Array(memory.buffer);
export const I64 = new BigInt64Array(memory.buffer);
export const F64 = new Float64Array(memory.buffer);

const BLOCK_SHIFT = 5;
const BLOCK_BYTES = 1 << BLOCK_SHIFT;
const BLOCK_WORDS = 1 << (BLOCK_SHIFT - 2);
const stamp = new Int32Array(memory_size >> BLOCK_SHIFT);
const dirty = new Int32Array(memory_size >> BLOCK_SHIFT);
const snapshot = new Int32Array(memory_size >> 2);
/**
 * Words of this thread's own. In an array, because the compiler loads and checks a variable of a module as an object at
 * each use; and in one of more than 64 bytes, because a smaller one may be moved by the collector, and then its address
 * and length are loaded at each use.
 */
export const own_words = (n: number): Int32Array => new Int32Array(Math.max(n, 32));
export const own_bytes = (n: number): Uint8Array => new Uint8Array(Math.max(n, 128));
export const own_floats = (n: number): Float64Array => new Float64Array(Math.max(n, 16));
const count = own_words(2);
const enum Count {
  EPOCH = 0,
  DIRTY = 1,
}

type Attach = (memory: WebAssembly.Memory | null) => void;
const attached: Attach[] = [];
export function on_attach(f: Attach): void {
  attached.push(f);
}

/** Forgets what was written to the last machine. */
export function attach_memory(given: WebAssembly.Memory | null): void {
  if (given !== null && given !== memory) throw new Error('the stepped kernel has a memory of its own');
  stamp.fill(0);
  count[Count.EPOCH] = 1;
  count[Count.DIRTY] = 0;
  for (const f of attached) f(memory);
}

function touch(block: number): void {
  stamp[block] = count[Count.EPOCH]!;
  dirty[count[Count.DIRTY]!++] = block;
}
/** Notes that the word at `a` is about to be written. */
export const mark = (a: number): void => {
  const block = a >> BLOCK_SHIFT;
  if (stamp[block] !== count[Count.EPOCH]) touch(block);
};

/** From here a restore comes back to this. */
export function take_snapshot(): void {
  snapshot.set(I32);
  count[Count.EPOCH]!++;
  count[Count.DIRTY] = 0;
}
/** Puts back every block that was written since the snapshot. */
export function restore_snapshot(): void {
  const words = I32;
  const saved = snapshot;
  for (let i = 0; i < count[Count.DIRTY]!; i++) {
    const from = dirty[i]! << (BLOCK_SHIFT - 2);
    // Unrolled: this is a good part of what a short schedule costs.
    words[from] = saved[from]!;
    words[from + 1] = saved[from + 1]!;
    words[from + 2] = saved[from + 2]!;
    words[from + 3] = saved[from + 3]!;
    words[from + 4] = saved[from + 4]!;
    words[from + 5] = saved[from + 5]!;
    words[from + 6] = saved[from + 6]!;
    words[from + 7] = saved[from + 7]!;
  }
  count[Count.DIRTY] = 0;
  count[Count.EPOCH]!++;
}
export const dirty_blocks = (): number => count[Count.DIRTY]!;

/** A hash over all that differs from the snapshot: equal memories of two runs of one schedule have equal hashes. */
export function hash_memory(hash: number): number {
  for (let i = 0; i < count[Count.DIRTY]!; i++) {
    const from = dirty[i]! << (BLOCK_SHIFT - 2);
    hash = Math.imul(hash ^ from, 0x01000193);
    for (let w = from; w < from + BLOCK_WORDS; w++) hash = Math.imul(hash ^ I32[w]!, 0x01000193);
  }
  return hash;
}

export const ld = (a: number): number => I32[a >> 2]!;
export const st = (a: number, v: number): void => {
  const block = a >> BLOCK_SHIFT;
  if (stamp[block] !== count[Count.EPOCH]) touch(block);
  I32[a >> 2] = v;
};
export const ld8 = (a: number): number => U8[a]!;
export const st8 = (a: number, v: number): void => {
  mark(a);
  U8[a] = v;
};
export const ld16 = (a: number): number => U16[a >> 1]!;
export const st16 = (a: number, v: number): void => {
  mark(a);
  U16[a >> 1] = v;
};
export const ld64 = (a: number): bigint => I64[a >> 3]!;
export const st64 = (a: number, v: bigint): void => {
  mark(a);
  I64[a >> 3] = v;
};
export const ldf64 = (a: number): number => F64[a >> 3]!;
export const stf64 = (a: number, v: number): void => {
  mark(a);
  F64[a >> 3] = v;
};

export const a_ld = ld;
export const a_st = st;
export const a_add = (a: number, v: number): number => {
  const old = I32[a >> 2]!;
  st(a, old + v);
  return old;
};
export const a_sub = (a: number, v: number): number => {
  const old = I32[a >> 2]!;
  st(a, old - v);
  return old;
};
export const a_or = (a: number, v: number): number => {
  const old = I32[a >> 2]!;
  st(a, old | v);
  return old;
};
export const a_and = (a: number, v: number): number => {
  const old = I32[a >> 2]!;
  st(a, old & v);
  return old;
};
export const a_xor = (a: number, v: number): number => {
  const old = I32[a >> 2]!;
  st(a, old ^ v);
  return old;
};
export const a_xchg = (a: number, v: number): number => {
  const old = I32[a >> 2]!;
  st(a, v);
  return old;
};
export const a_cas = (a: number, old: number, v: number): number => {
  const is = I32[a >> 2]!;
  if (is === (old | 0)) st(a, v);
  return is;
};
export const a_ld8 = ld8;
export const a_st8 = st8;
export const a_cas8 = (a: number, old: number, v: number): number => {
  const is = U8[a]!;
  if (is === (old & 0xff)) st8(a, v);
  return is;
};
export const a_ld16 = ld16;
export const a_st16 = st16;
export const a_cas16 = (a: number, old: number, v: number): number => {
  const is = U16[a >> 1]!;
  if (is === (old & 0xffff)) st16(a, v);
  return is;
};
export const a_ld64 = ld64;
export const a_st64 = st64;
export const a_add64 = (a: number, v: bigint): bigint => {
  const old = I64[a >> 3]!;
  st64(a, old + v);
  return old;
};
export const a_sub64 = (a: number, v: bigint): bigint => {
  const old = I64[a >> 3]!;
  st64(a, old - v);
  return old;
};
export const a_or64 = (a: number, v: bigint): bigint => {
  const old = I64[a >> 3]!;
  st64(a, old | v);
  return old;
};
export const a_and64 = (a: number, v: bigint): bigint => {
  const old = I64[a >> 3]!;
  st64(a, old & v);
  return old;
};
export const a_xor64 = (a: number, v: bigint): bigint => {
  const old = I64[a >> 3]!;
  st64(a, old ^ v);
  return old;
};
export const a_xchg64 = (a: number, v: bigint): bigint => {
  const old = I64[a >> 3]!;
  st64(a, v);
  return old;
};
export const a_cas64 = (a: number, old: bigint, v: bigint): bigint => {
  const is = I64[a >> 3]!;
  if (is === BigInt.asIntN(64, old)) st64(a, v);
  return is;
};

function mark_range(a: number, n: number): void {
  if (n <= 0) return;
  for (let block = a >> BLOCK_SHIFT; block <= (a + n - 1) >> BLOCK_SHIFT; block++)
    if (stamp[block] !== count[Count.EPOCH]) touch(block);
}
/** Words to 0. A block that is all 0 already, as most of a new object is, is neither written nor to be restored. */
function clear_blocks(a: number, n: number): void {
  const words = I32;
  const end = (a + n) >> 2;
  for (let w = a >> 2; w < end; w += 4) {
    if ((words[w]! | words[w + 1]! | words[w + 2]! | words[w + 3]!) === 0) continue;
    mark(w << 2);
    words[w] = 0;
    words[w + 1] = 0;
    words[w + 2] = 0;
    words[w + 3] = 0;
  }
}
export function fill_bytes(a: number, value: number, n: number): void {
  if (value === 0 && ((a | n) & (BLOCK_BYTES - 1)) === 0) return clear_blocks(a, n);
  mark_range(a, n);
  if (((a | n) & 3) === 0 && n <= 256) {
    const word = value * 0x01010101;
    for (let w = a >> 2; w < (a + n) >> 2; w++) I32[w] = word;
  } else U8.fill(value, a, a + n);
}
export function copy_bytes(to: number, from: number, n: number): void {
  mark_range(to, n);
  U8.copyWithin(to, from, from + n);
}

/** One thread: there is nobody to wait for or to wake. */
export const futex_wait = (_a: number, _v: number, _ms: number): 'ok' | 'not-equal' | 'timed-out' => 'timed-out';
export const futex_wake = (_a: number, _n: number): number => 0;

const write = (array: string, shift: number) => (a: string, v: string) =>
  `heap.mark(${a}); heap.${array}[${shift === 0 ? a : `(${a}) >> ${shift}`}] = ${v}`;
export const ACCESS: Record<string, { read: (a: string) => string; write: (a: string, v: string) => string }> = {
  i8: { read: (a) => `heap.U8[${a}] << 24 >> 24`, write: write('U8', 0) },
  u8: { read: (a) => `heap.U8[${a}]`, write: write('U8', 0) },
  i16: { read: (a) => `heap.U16[(${a}) >> 1] << 16 >> 16`, write: write('U16', 1) },
  u16: { read: (a) => `heap.U16[(${a}) >> 1]`, write: write('U16', 1) },
  i32: { read: (a) => `heap.I32[(${a}) >> 2]`, write: write('I32', 2) },
  u32: { read: (a) => `heap.I32[(${a}) >> 2] >>> 0`, write: write('I32', 2) },
  i64: { read: (a) => `heap.I64[(${a}) >> 3]`, write: write('I64', 3) },
  u64: { read: (a) => `BigInt.asUintN(64, heap.I64[(${a}) >> 3])`, write: write('I64', 3) },
  f64: { read: (a) => `heap.F64[(${a}) >> 3]`, write: write('F64', 3) },
};
export const ACCESS_POLL = '';
/** Tells the race detector, if it is on. `where`: index of the field in `fields`, linux/view.ts. */
export const ACCESS_NOTE = (size: number, write: boolean, where: number): string =>
  `if (heap.races[0] !== 0) heap.note_${write ? 'write' : 'read'}(a, ${size}, ${where});`;
export const STEPPED: boolean = true;
