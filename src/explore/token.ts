// Tokens: the decisions of one schedule, printable and short. `LS1.` and the base64url of:
//
//   4 bytes   hash of the kernel build         4 bytes   hash of the module's sources
//   varint    CPUs                             varint    step limit
//   varint    memory in 64 KiB pages
//   varint    parameters, each as two strings (varint length, UTF-8)
//   then the decisions, deflated when that is shorter (flag byte first): for each a varint of
//   steps * (CPUs * 4) + cpu * 4 + action
//
//   2 bytes   checksum of all that, big-endian
//
// Only decisions that were choices are in it, so that a schedule with few of them is a short token.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MAX_CPUS } from '../machine/params.js';
import type { Action } from '../stepped/strategy.js';
import { UsageError } from '../machine/errors.js';

export interface Choice {
  cpu: number;
  action: Action;
  steps: number;
}
export interface Token {
  /** First 8 hex digits of the hashes. */
  kernel: string;
  module: string;
  cpus: number;
  max_steps: number;
  /** Bytes. */
  memory: number;
  parameters: [string, string][];
  choices: Choice[];
}

const PREFIX = 'LS1.';
const ACTIONS = 4;

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
/** One choice as one number. */
export const encode_choice = (cpu: number, action: Action, steps: number, cpus: number): number =>
  (steps * cpus + cpu) * ACTIONS + action;
export function decode_choice(n: number, cpus: number): Choice {
  const rest = Math.floor(n / ACTIONS);
  return { action: n % ACTIONS, cpu: rest % cpus, steps: Math.floor(rest / cpus) };
}
const damaged = (why: string): UsageError =>
  new UsageError(`the token is damaged: ${why}; copy the whole of it, from ${PREFIX} on`);

export function encode_token(token: Token): string {
  const w = new Writer();
  w.bytes.push(...Buffer.from(token.kernel, 'hex'), ...Buffer.from(token.module, 'hex'));
  w.varint(token.cpus);
  w.varint(token.max_steps);
  w.varint(token.memory >>> 16);
  w.varint(token.parameters.length);
  for (const [name, value] of token.parameters) {
    w.text(name);
    w.text(value);
  }
  const d = new Writer();
  for (const { cpu, action, steps } of token.choices) d.varint(encode_choice(cpu, action, steps, token.cpus));
  const plain = Buffer.from(d.bytes);
  const deflated = deflateRawSync(plain, { level: 9 });
  const smaller = deflated.length < plain.length;
  w.bytes.push(smaller ? 1 : 0);
  const body = Buffer.concat([Buffer.from(w.bytes), smaller ? deflated : plain]);
  const sum = checksum(body);
  return PREFIX + Buffer.concat([body, Buffer.from([sum >> 8, sum & 0xff])]).toString('base64url');
}

/** Throws UsageError for what is no token, or was damaged. */
export function decode_token(text: string): Token {
  const trimmed = text.trim();
  if (!trimmed.startsWith('LS'))
    throw new UsageError(`'${trimmed.slice(0, 20)}' is no token: tokens begin with ${PREFIX}`);
  if (!trimmed.startsWith(PREFIX))
    throw new UsageError(
      `tokens of the kind '${trimmed.split('.')[0]}' are not known here: this version reads ${PREFIX}`,
    );
  const coded = trimmed.slice(PREFIX.length);
  if (!/^[A-Za-z0-9_-]+$/.test(coded)) throw damaged('it has characters that no token has');
  const whole = Buffer.from(coded, 'base64url');
  const bytes = whole.subarray(0, -2);
  if (whole.length < 3 || whole.readUInt16BE(bytes.length) !== checksum(bytes)) throw damaged('its checksum is wrong');
  const r = new Reader(bytes);
  const kernel = Buffer.from(r.take(4)).toString('hex');
  const module = Buffer.from(r.take(4)).toString('hex');
  const cpus = r.varint();
  if (cpus < 1 || cpus > MAX_CPUS) throw damaged(`${cpus} CPUs`);
  const max_steps = r.varint();
  const memory = r.varint() * 65536;
  const parameters = Array.from({ length: r.varint() }, (): [string, string] => [r.text(), r.text()]);
  const packed = r.byte() === 1;
  let body: Uint8Array;
  try {
    body = packed ? inflateRawSync(r.rest(), { maxOutputLength: 64 << 20 }) : r.rest();
  } catch (error) {
    throw damaged((error as Error).message);
  }
  const d = new Reader(body);
  const choices: Choice[] = [];
  while (!d.end) choices.push(decode_choice(d.varint(), cpus));
  return { kernel, module, cpus, max_steps, memory, parameters, choices };
}

function checksum(bytes: Uint8Array): number {
  let sum = 0x5a5a;
  for (const b of bytes) sum = (Math.imul(sum, 31) + b + (sum >>> 7)) & 0xffff;
  return sum;
}
