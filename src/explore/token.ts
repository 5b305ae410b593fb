// Tokens: one schedule, printable and short. `LS2.` and the base64url of:
//
//   4 bytes   hash of the kernel build         4 bytes   hash of the module's sources
//   1 byte    CPUs - 1; bit 6: LIMITS, bit 7: PARAMETERS
//   LIMITS      varint step limit, varint memory in 64 KiB pages; without them those of params.ts
//   PARAMETERS  varint how many, each as two strings (varint length, UTF-8)
//   1 byte    bit 0: what follows is deflated, bit 1: data races are looked for
//   then the deviations from the usual continuation (continuation.ts), each as
//     varint  after * 2 + (1 if it cuts the decision before)
//     varint  cut, if so
//     varint  cpu * 4 + action
//
//   3 bytes   CRC-24 of all that
//
// What a strategy is, or how it draws, is nowhere in it: it says what happened. There is one token for each schedule:
// another spelling of the same bytes is refused like any other damage.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MAX_CPUS, MAX_STEPS, STEPPED_MEMORY } from '../machine/params.js';
import { UsageError } from '../machine/errors.js';
import { ACTIONS, type Deviation } from './choices.js';

export interface Token {
  /** First 8 hex digits of the hashes. */
  kernel: string;
  module: string;
  cpus: number;
  max_steps: number;
  /** Bytes. */
  memory: number;
  parameters: [string, string][];
  /** Data races are looked for. */
  races: boolean;
  deviations: Deviation[];
}

const PREFIX = 'LS2.';
/** A schedule of 20,000 steps, each of them a deviation, is shorter. */
const LONGEST = 1 << 20;
const CPUS = 0x3f;
const LIMITS = 0x40;
const PARAMETERS = 0x80;
const DEFLATED = 1;
const RACES = 2;

class Writer {
  readonly bytes: number[] = [];
  varint(n: number): void {
    while (n >= 0x80) {
      this.bytes.push((n % 0x80) | 0x80);
      n = Math.floor(n / 0x80);
    }
    this.bytes.push(n);
  }
  text(s: string): void {
    const utf8 = Buffer.from(s);
    this.varint(utf8.length);
    this.bytes.push(...utf8);
  }
}
class Reader {
  #at = 0;
  constructor(private readonly bytes: Uint8Array) {}
  get end(): boolean {
    return this.#at >= this.bytes.length;
  }
  byte(): number {
    const b = this.bytes[this.#at++];
    if (b === undefined) throw damaged('it ends too early');
    return b;
  }
  varint(): number {
    let n = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const b = this.byte();
      n += (b & 0x7f) * factor;
      if (b < 0x80) return n;
      if (factor > 2 ** 42) throw damaged('a number is too large');
    }
  }
  take(n: number): Uint8Array {
    if (this.#at + n > this.bytes.length) throw damaged('it ends too early');
    return this.bytes.subarray(this.#at, (this.#at += n));
  }
  text(): string {
    return Buffer.from(this.take(this.varint())).toString();
  }
  rest(): Uint8Array {
    return this.take(this.bytes.length - this.#at);
  }
}
const damaged = (why: string): UsageError =>
  new UsageError(`the token is damaged: ${why}; copy the whole of it, from ${PREFIX} on`);

export function encode_token(token: Token): string {
  const limits = token.max_steps !== MAX_STEPS || token.memory !== STEPPED_MEMORY;
  const w = new Writer();
  w.bytes.push(...Buffer.from(token.kernel, 'hex'), ...Buffer.from(token.module, 'hex'));
  w.bytes.push((token.cpus - 1) | (limits ? LIMITS : 0) | (token.parameters.length > 0 ? PARAMETERS : 0));
  if (limits) {
    w.varint(token.max_steps);
    w.varint(token.memory >>> 16);
  }
  if (token.parameters.length > 0) {
    w.varint(token.parameters.length);
    for (const [name, value] of token.parameters) {
      w.text(name);
      w.text(value);
    }
  }
  const d = new Writer();
  for (const { after, cut, cpu, action } of token.deviations) {
    d.varint(after * 2 + (cut >= 0 ? 1 : 0));
    if (cut >= 0) d.varint(cut);
    d.varint(cpu * ACTIONS + action);
  }
  const plain = Buffer.from(d.bytes);
  const deflated = deflateRawSync(plain, { level: 9 });
  const smaller = deflated.length < plain.length;
  w.bytes.push((smaller ? DEFLATED : 0) | (token.races ? RACES : 0));
  const body = Buffer.concat([Buffer.from(w.bytes), smaller ? deflated : plain]);
  const sum = Buffer.alloc(3);
  sum.writeUIntBE(crc24(body), 0, 3);
  return PREFIX + Buffer.concat([body, sum]).toString('base64url');
}

/** Throws UsageError for what is no token, or was damaged. */
export function decode_token(text: string): Token {
  const trimmed = text.trim();
  if (trimmed === '') throw new UsageError(`the token is empty: tokens begin with ${PREFIX}`);
  if (trimmed.length > LONGEST)
    throw new UsageError(`${trimmed.length.toLocaleString('en-US')} characters are no token: none is that long`);
  if (!trimmed.startsWith('LS'))
    throw new UsageError(`'${trimmed.slice(0, 20)}' is no token: tokens begin with ${PREFIX}`);
  if (!trimmed.startsWith(PREFIX)) {
    const kind = /^LS\d+\./.exec(trimmed)?.[0];
    throw kind === undefined
      ? damaged('its beginning is wrong')
      : new UsageError(`tokens of the kind '${kind.slice(0, -1)}' are not known here: this version reads ${PREFIX}`);
  }
  const coded = trimmed.slice(PREFIX.length);
  const strange = /[^A-Za-z0-9_-]/.exec(coded);
  if (strange !== null) throw damaged(`it has the character '${strange[0]}', which no token has`);
  const whole = Buffer.from(coded, 'base64url');
  const bytes = whole.subarray(0, -3);
  if (whole.length < 13) throw damaged('it ends too early');
  if (whole.toString('base64url') !== coded || whole.readUIntBE(bytes.length, 3) !== crc24(bytes))
    throw damaged('its checksum is wrong');
  const r = new Reader(bytes);
  const kernel = Buffer.from(r.take(4)).toString('hex');
  const module = Buffer.from(r.take(4)).toString('hex');
  const flags = r.byte();
  const cpus = (flags & CPUS) + 1;
  if (cpus > MAX_CPUS) throw damaged(`${cpus} CPUs`);
  const max_steps = (flags & LIMITS) !== 0 ? r.varint() : MAX_STEPS;
  const memory = (flags & LIMITS) !== 0 ? r.varint() * 65536 : STEPPED_MEMORY;
  const named = (flags & PARAMETERS) !== 0 ? r.varint() : 0;
  const parameters = Array.from({ length: named }, (): [string, string] => [r.text(), r.text()]);
  const how = r.byte();
  if (how > (DEFLATED | RACES)) throw damaged('it asks for something that this version does not know');
  const deviations = read_deviations(r, cpus, (how & DEFLATED) !== 0);
  return { kernel, module, cpus, max_steps, memory, parameters, races: (how & RACES) !== 0, deviations };
}

function read_deviations(r: Reader, cpus: number, deflated: boolean): Deviation[] {
  let body: Uint8Array;
  try {
    body = deflated ? inflateRawSync(r.rest(), { maxOutputLength: 64 * LONGEST }) : r.rest();
  } catch (error) {
    throw damaged((error as Error).message);
  }
  const d = new Reader(body);
  const deviations: Deviation[] = [];
  while (!d.end) {
    const head = d.varint();
    const cut = head % 2 === 1 ? d.varint() : -1;
    const what = d.varint();
    const cpu = Math.floor(what / ACTIONS);
    if (cpu >= cpus) throw damaged(`CPU ${cpu} of ${cpus}`);
    deviations.push({ after: Math.floor(head / 2), cut, cpu, action: what % ACTIONS });
  }
  return deviations;
}

/** As OpenPGP has it: any change within 24 neighbouring bits is seen. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const b of bytes) {
    crc ^= b << 16;
    for (let i = 0; i < 8; i++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}
