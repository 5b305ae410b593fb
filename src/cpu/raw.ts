// noinstr: never transformed, never interrupted.
// The raw accessors: every word of the machine's memory that is not reached through a struct's accessors is reached
// through here. The stepped build replaces this file by stepped/raw.ts (same names), which keeps track of what was
// written and needs no atomics.
//
// Addresses are bytes. Names: ld/st plain, a_* sequentially consistent atomics; 8, 16, 64 and f64 give the width,
// none means a 32-bit word, read as a signed number.

export let I32: Int32Array = new Int32Array(0);
export let U32: Uint32Array = new Uint32Array(0);
export let U16: Uint16Array = new Uint16Array(0);
export let U8: Uint8Array = new Uint8Array(0);
export let I64: BigInt64Array = new BigInt64Array(0);
export let F64: Float64Array = new Float64Array(0);
/** Bytes of the attached memory, 0 when none is. */
export let memory_size = 0;

type Attach = (memory: WebAssembly.Memory | null) => void;
const attached: Attach[] = [];

/** Runs `f` at every attach and detach: for holders of views elsewhere (struct accessors). */
export function on_attach(f: Attach): void {
  attached.push(f);
}

/** Makes `memory` the machine that this thread's kernel code works on; null lets go of it. */
export function attach_memory(memory: WebAssembly.Memory | null): void {
  const buffer = memory === null ? new ArrayBuffer(0) : memory.buffer;
  I32 = new Int32Array(buffer);
  U32 = new Uint32Array(buffer);
  U16 = new Uint16Array(buffer);
  U8 = new Uint8Array(buffer);
  I64 = new BigInt64Array(buffer);
  F64 = new Float64Array(buffer);
  memory_size = buffer.byteLength;
  for (const f of attached) f(memory);
}

export const ld = (a: number): number => I32[a >> 2]!;
export const st = (a: number, v: number): void => {
  I32[a >> 2] = v;
};
export const ld8 = (a: number): number => U8[a]!;
export const st8 = (a: number, v: number): void => {
  U8[a] = v;
};
export const ld16 = (a: number): number => U16[a >> 1]!;
export const st16 = (a: number, v: number): void => {
  U16[a >> 1] = v;
};
export const ld64 = (a: number): bigint => I64[a >> 3]!;
export const st64 = (a: number, v: bigint): void => {
  I64[a >> 3] = v;
};
export const ldf64 = (a: number): number => F64[a >> 3]!;
export const stf64 = (a: number, v: number): void => {
  F64[a >> 3] = v;
};

export const a_ld = (a: number): number => Atomics.load(I32, a >> 2);
export const a_st = (a: number, v: number): void => {
  Atomics.store(I32, a >> 2, v);
};
/** These return the old value. */
export const a_add = (a: number, v: number): number => Atomics.add(I32, a >> 2, v);
export const a_sub = (a: number, v: number): number => Atomics.sub(I32, a >> 2, v);
export const a_or = (a: number, v: number): number => Atomics.or(I32, a >> 2, v);
export const a_and = (a: number, v: number): number => Atomics.and(I32, a >> 2, v);
export const a_xor = (a: number, v: number): number => Atomics.xor(I32, a >> 2, v);
export const a_xchg = (a: number, v: number): number => Atomics.exchange(I32, a >> 2, v);
/** Stores `v` if the word is `old`; returns what it was. */
export const a_cas = (a: number, old: number, v: number): number => Atomics.compareExchange(I32, a >> 2, old, v);

export const a_ld8 = (a: number): number => Atomics.load(U8, a);
export const a_st8 = (a: number, v: number): void => {
  Atomics.store(U8, a, v);
};
export const a_cas8 = (a: number, old: number, v: number): number => Atomics.compareExchange(U8, a, old, v);
export const a_ld16 = (a: number): number => Atomics.load(U16, a >> 1);
export const a_st16 = (a: number, v: number): void => {
  Atomics.store(U16, a >> 1, v);
};
export const a_cas16 = (a: number, old: number, v: number): number => Atomics.compareExchange(U16, a >> 1, old, v);
export const a_ld64 = (a: number): bigint => Atomics.load(I64, a >> 3);
export const a_st64 = (a: number, v: bigint): void => {
  Atomics.store(I64, a >> 3, v);
};
/** As the 32-bit ones: they return the old value. */
export const a_add64 = (a: number, v: bigint): bigint => Atomics.add(I64, a >> 3, v);
export const a_sub64 = (a: number, v: bigint): bigint => Atomics.sub(I64, a >> 3, v);
export const a_or64 = (a: number, v: bigint): bigint => Atomics.or(I64, a >> 3, v);
export const a_and64 = (a: number, v: bigint): bigint => Atomics.and(I64, a >> 3, v);
export const a_xor64 = (a: number, v: bigint): bigint => Atomics.xor(I64, a >> 3, v);
export const a_xchg64 = (a: number, v: bigint): bigint => Atomics.exchange(I64, a >> 3, v);
export const a_cas64 = (a: number, old: bigint, v: bigint): bigint => Atomics.compareExchange(I64, a >> 3, old, v);

/** Notes that the word at `a` is about to be written: nothing to do in this build. For generated accessors. */
export const mark = (_a: number): void => {};

/** Fills `n` bytes; `a` and `n` need no alignment. */
export function fill_bytes(a: number, value: number, n: number): void {
  U8.fill(value, a, a + n);
}
/** Copies `n` bytes; the ranges may overlap. */
export function copy_bytes(to: number, from: number, n: number): void {
  U8.copyWithin(to, from, from + n);
}

/** Sleeps while the word is `v`, at most `ms`. Only for parking (cpu/park.ts). */
export const futex_wait = (a: number, v: number, ms: number): 'ok' | 'not-equal' | 'timed-out' =>
  Atomics.wait(I32, a >> 2, v, ms);
export const futex_wake = (a: number, n: number): number => Atomics.notify(I32, a >> 2, n);

/**
 * What struct accessors are made of: JavaScript source that reads or writes at a byte address, given as source too.
 * The generated code sees one object, `heap`, that holds the arrays below by name; see linux/types.ts.
 */
export const ACCESS: Record<string, { read: (a: string) => string; write: (a: string, v: string) => string }> = {
  i8: { read: (a) => `heap.U8[${a}] << 24 >> 24`, write: (a, v) => `heap.U8[${a}] = ${v}` },
  u8: { read: (a) => `heap.U8[${a}]`, write: (a, v) => `heap.U8[${a}] = ${v}` },
  i16: { read: (a) => `heap.U16[(${a}) >> 1] << 16 >> 16`, write: (a, v) => `heap.U16[(${a}) >> 1] = ${v}` },
  u16: { read: (a) => `heap.U16[(${a}) >> 1]`, write: (a, v) => `heap.U16[(${a}) >> 1] = ${v}` },
  i32: { read: (a) => `heap.I32[(${a}) >> 2]`, write: (a, v) => `heap.I32[(${a}) >> 2] = ${v}` },
  u32: { read: (a) => `heap.I32[(${a}) >> 2] >>> 0`, write: (a, v) => `heap.I32[(${a}) >> 2] = ${v}` },
  i64: { read: (a) => `heap.I64[(${a}) >> 3]`, write: (a, v) => `heap.I64[(${a}) >> 3] = ${v}` },
  u64: { read: (a) => `BigInt.asUintN(64, heap.I64[(${a}) >> 3])`, write: (a, v) => `heap.I64[(${a}) >> 3] = ${v}` },
  f64: { read: (a) => `heap.F64[(${a}) >> 3]`, write: (a, v) => `heap.F64[(${a}) >> 3] = ${v}` },
};

/** Code that a struct accessor runs first: the poll for interrupts. Empty in the stepped build. */
export const ACCESS_POLL = 'if (heap.I32[heap.pending] !== 0) heap.step_slow();';
/** What it runs directly before its load or store at `a`: nothing here. See stepped/raw.ts. */
export const ACCESS_NOTE = (_size: number, _write: boolean, _where: number): string => '';
/** True in the stepped build: all CPUs in this thread, every step a choice. */
export const STEPPED: boolean = false;
