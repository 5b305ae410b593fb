// noinstr: never transformed, never interrupted.
// <linux/unaligned.h>: numbers at any address, in either byte order, and the pointer forms of <asm/byteorder.h>. A pointer
// is an address or a view. 16 and 32 bits are numbers, 64 bits bigints; results are unsigned.
// Each is one step but, as in Linux, not atomic: another CPU may see a part of it. Context: any.
import { check_address, poll } from '../cpu/heap.js';
import { ld8, st8 } from '../cpu/raw.js';
import { swab16, swab32, swab64 } from './swab.js';

type Pointer = number | { readonly '@addr': number };

function at(p: Pointer, size: number, where: string, write: boolean): number {
  poll();
  const a = typeof p === 'number' ? p : p['@addr'];
  check_address(a, 1, where, write);
  check_address(a + size - 1, 1, where, write);
  return a;
}
const load16 = (a: number): number => ld8(a) | (ld8(a + 1) << 8);
const load32 = (a: number): number => (load16(a) | (load16(a + 2) << 16)) >>> 0;
const load64 = (a: number): bigint => BigInt(load32(a)) | (BigInt(load32(a + 4)) << 32n);
function store16(a: number, v: number): void {
  st8(a, v & 0xff);
  st8(a + 1, (v >>> 8) & 0xff);
}
function store32(a: number, v: number): void {
  store16(a, v);
  store16(a + 2, v >>> 16);
}
function store64(a: number, v: bigint): void {
  store32(a, Number(BigInt.asUintN(32, v)));
  store32(a + 4, Number(BigInt.asUintN(32, v >> 32n)));
}

export function get_unaligned_le16(p: Pointer): number {
  return load16(at(p, 2, 'get_unaligned_le16', false));
}
export function get_unaligned_le32(p: Pointer): number {
  return load32(at(p, 4, 'get_unaligned_le32', false));
}
export function get_unaligned_le64(p: Pointer): bigint {
  return load64(at(p, 8, 'get_unaligned_le64', false));
}
export function get_unaligned_be16(p: Pointer): number {
  return swab16(load16(at(p, 2, 'get_unaligned_be16', false)));
}
export function get_unaligned_be32(p: Pointer): number {
  return swab32(load32(at(p, 4, 'get_unaligned_be32', false)));
}
export function get_unaligned_be64(p: Pointer): bigint {
  return swab64(load64(at(p, 8, 'get_unaligned_be64', false)));
}
/** Three bytes: 0 to 0xffffff. */
export function get_unaligned_le24(p: Pointer): number {
  const a = at(p, 3, 'get_unaligned_le24', false);
  return load16(a) | (ld8(a + 2) << 16);
}
export function get_unaligned_be24(p: Pointer): number {
  const a = at(p, 3, 'get_unaligned_be24', false);
  return (ld8(a) << 16) | swab16(load16(a + 1));
}

// The value comes first, as in Linux.
export function put_unaligned_le16(v: number, p: Pointer): void {
  store16(at(p, 2, 'put_unaligned_le16', true), v);
}
export function put_unaligned_le32(v: number, p: Pointer): void {
  store32(at(p, 4, 'put_unaligned_le32', true), v);
}
export function put_unaligned_le64(v: bigint, p: Pointer): void {
  store64(at(p, 8, 'put_unaligned_le64', true), v);
}
export function put_unaligned_be16(v: number, p: Pointer): void {
  store16(at(p, 2, 'put_unaligned_be16', true), swab16(v));
}
export function put_unaligned_be32(v: number, p: Pointer): void {
  store32(at(p, 4, 'put_unaligned_be32', true), swab32(v));
}
export function put_unaligned_be64(v: bigint, p: Pointer): void {
  store64(at(p, 8, 'put_unaligned_be64', true), swab64(v));
}
export function put_unaligned_le24(v: number, p: Pointer): void {
  const a = at(p, 3, 'put_unaligned_le24', true);
  store16(a, v);
  st8(a + 2, (v >>> 16) & 0xff);
}
export function put_unaligned_be24(v: number, p: Pointer): void {
  const a = at(p, 3, 'put_unaligned_be24', true);
  st8(a, (v >>> 16) & 0xff);
  store16(a + 1, swab16(v));
}

// ---- <asm/byteorder.h>: what takes a pointer. The value at it has the alignment of its type. ----------------------
function aligned(p: Pointer, size: number, write: boolean): number {
  poll();
  const a = typeof p === 'number' ? p : p['@addr'];
  check_address(a, size, 'byteorder', write);
  return a;
}
export function cpu_to_le16p(p: Pointer): number {
  return load16(aligned(p, 2, false));
}
export function cpu_to_le32p(p: Pointer): number {
  return load32(aligned(p, 4, false));
}
export function cpu_to_le64p(p: Pointer): bigint {
  return load64(aligned(p, 8, false));
}
export function cpu_to_be16p(p: Pointer): number {
  return swab16(load16(aligned(p, 2, false)));
}
export function cpu_to_be32p(p: Pointer): number {
  return swab32(load32(aligned(p, 4, false)));
}
export function cpu_to_be64p(p: Pointer): bigint {
  return swab64(load64(aligned(p, 8, false)));
}
/** In place: the machine is little-endian, so there is nothing to do but to look at the address. */
export function cpu_to_le16s(p: Pointer): void {
  aligned(p, 2, true);
}
export function cpu_to_le32s(p: Pointer): void {
  aligned(p, 4, true);
}
export function cpu_to_le64s(p: Pointer): void {
  aligned(p, 8, true);
}
/** In place. */
export function cpu_to_be16s(p: Pointer): void {
  const a = aligned(p, 2, true);
  store16(a, swab16(load16(a)));
}
export function cpu_to_be32s(p: Pointer): void {
  const a = aligned(p, 4, true);
  store32(a, swab32(load32(a)));
}
export function cpu_to_be64s(p: Pointer): void {
  const a = aligned(p, 8, true);
  store64(a, swab64(load64(a)));
}
export {
  cpu_to_le16p as le16_to_cpup,
  cpu_to_le32p as le32_to_cpup,
  cpu_to_le64p as le64_to_cpup,
  cpu_to_be16p as be16_to_cpup,
  cpu_to_be32p as be32_to_cpup,
  cpu_to_be64p as be64_to_cpup,
  cpu_to_le16s as le16_to_cpus,
  cpu_to_le32s as le32_to_cpus,
  cpu_to_le64s as le64_to_cpus,
  cpu_to_be16s as be16_to_cpus,
  cpu_to_be32s as be32_to_cpus,
  cpu_to_be64s as be64_to_cpus,
};
/** Adds to a number that is kept in that byte order; it wraps. */
export function le16_add_cpu(p: Pointer, n: number): void {
  const a = aligned(p, 2, true);
  store16(a, load16(a) + n);
}
export function le32_add_cpu(p: Pointer, n: number): void {
  const a = aligned(p, 4, true);
  store32(a, (load32(a) + n) | 0);
}
export function le64_add_cpu(p: Pointer, n: bigint): void {
  const a = aligned(p, 8, true);
  store64(a, load64(a) + n);
}
export function be16_add_cpu(p: Pointer, n: number): void {
  const a = aligned(p, 2, true);
  store16(a, swab16((swab16(load16(a)) + n) & 0xffff));
}
export function be32_add_cpu(p: Pointer, n: number): void {
  const a = aligned(p, 4, true);
  store32(a, swab32((swab32(load32(a)) + n) | 0));
}
export function be64_add_cpu(p: Pointer, n: bigint): void {
  const a = aligned(p, 8, true);
  store64(a, swab64(BigInt.asUintN(64, swab64(load64(a)) + n)));
}
