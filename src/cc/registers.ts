// noinstr: never transformed, never interrupted.
// What C has for registers on this CPU: the stack pointer and asyncify's state, wasm globals that all C modules import,
// so that a sleep goes through calls between modules. Written by JavaScript a global costs 25 ns an access, eight of
// which a switch would need; a call into wasm costs a few: so a small module of its own, put together below, sets them.

const word = (): WebAssembly.Global => new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
export const stack_pointer = word();
/** 0 the code runs as written, 1 it returns and leaves its locals, 2 it goes back to where it left them. */
export const asyncify_state = word();
/** Address of two words: where the next locals go or come from, and the end of the buffer (which nobody checks). */
export const asyncify_data = word();

/** Bytes behind their number, as wasm has its sections and vectors; all of it is shorter than 128. */
const sized = (...bytes: number[]): number[] => [bytes.length, ...bytes];
const vector = (...items: number[][]): number[] => [items.length, ...items.flat()];
const section = (id: number, content: number[]): number[] => [id, ...sized(...content)];
const name = (text: string): number[] => sized(...Buffer.from(text));
const I32 = 0x7f;
const get_local = (n: number): number[] => [0x20, n];
const get_global = (n: number): number[] => [0x23, n];
const set_global = (n: number): number[] => [0x24, n];
const constant = (n: number): number[] => [0x41, n];
const body = (...code: number[][]): number[] => sized(0, ...code.flat(), 0x0b);
// Globals in the order of the imports.
const SP = 0;
const STATE = 1;
const DATA = 2;
const imported = (n: string): number[] => [...name('r'), ...name(n), 3, I32, 1];
const exported = (n: string, index: number): number[] => [...name(n), 0, index];

const CODE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, vector([0x60, 2, I32, I32, 0], [0x60, 1, I32, 0], [0x60, 0, 1, I32])),
  ...section(2, vector(imported('sp'), imported('state'), imported('data'))),
  ...section(3, vector([0], [1], [2])),
  ...section(7, vector(exported('rewind', 0), exported('unwind', 1), exported('stop', 2))),
  ...section(
    10,
    vector(
      body(get_local(0), set_global(SP), get_local(1), set_global(DATA), constant(2), set_global(STATE)),
      body(get_local(0), set_global(DATA), constant(1), set_global(STATE)),
      body(constant(0), set_global(STATE), get_global(SP)),
    ),
  ),
]);

interface Registers {
  /** The next C function called goes back to where it was suspended: its stack pointer, and its frames' words. */
  rewind: (sp: number, data: number) => void;
  /** From the return to C on, the C functions return one after the other and leave their frames at `data`. */
  unwind: (data: number) => void;
  /** C runs as written again. Return: the stack pointer. */
  stop: () => number;
}
export const { rewind, unwind, stop } = new WebAssembly.Instance(new WebAssembly.Module(CODE), {
  r: { sp: stack_pointer, state: asyncify_state, data: asyncify_data },
}).exports as unknown as Registers;
