// <linux/kallsyms.h>: names of functions and static data.
import { symbol_text } from '../kernel/text.js';
import { sprintf } from './sprintf.js';
export { kallsyms_lookup_name, symbol_text } from '../kernel/text.js';

/** Bytes that sprint_symbol() may write. */
export const KSYM_SYMBOL_LEN = 640;
/**
 * Writes `name+0x4/0x10 [module]` into `buffer`, or the address if no symbol covers it; a function, whose address is a
 * handle, has neither offset nor size. Context: any. Return: the bytes written, without the NUL.
 */
export const sprint_symbol = (buffer: number | { readonly '@addr': number }, address: number): number =>
  sprintf(buffer as number, '%s', symbol_text(address));
/** The name alone. */
export const sprint_symbol_no_offset = (buffer: number | { readonly '@addr': number }, address: number): number =>
  sprintf(buffer as number, '%s', symbol_text(address, false));
