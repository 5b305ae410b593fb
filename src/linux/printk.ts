// <linux/printk.h>. Formats are the kernel's: %d %u %x %s %p %pS %pe %*ph and so on; see kernel/vsprintf.ts.
import { printk } from '../kernel/printk.js';
export { printk };
import { first_time } from '../kernel/panic.js';
import { may_print } from '../kernel/ratelimit.js';
export { dump_stack } from '../kernel/panic.js';
export {
  DUMP_PREFIX_ADDRESS,
  DUMP_PREFIX_NONE,
  DUMP_PREFIX_OFFSET,
  print_hex_dump,
  print_hex_dump_bytes,
  print_hex_dump_debug,
} from './hexdump.js';

export const KERN_SOH = '\x01';
export const KERN_EMERG = '\x010';
export const KERN_ALERT = '\x011';
export const KERN_CRIT = '\x012';
export const KERN_ERR = '\x013';
export const KERN_WARNING = '\x014';
export const KERN_NOTICE = '\x015';
export const KERN_INFO = '\x016';
export const KERN_DEBUG = '\x017';
export const KERN_CONT = '\x01c';
/** A module that wants a prefix puts it into its formats: there is no pr_fmt, which is a macro. */
export const pr_emerg = (fmt: string, ...args: unknown[]): number => printk(KERN_EMERG + fmt, ...args);
export const pr_alert = (fmt: string, ...args: unknown[]): number => printk(KERN_ALERT + fmt, ...args);
export const pr_crit = (fmt: string, ...args: unknown[]): number => printk(KERN_CRIT + fmt, ...args);
export const pr_err = (fmt: string, ...args: unknown[]): number => printk(KERN_ERR + fmt, ...args);
export const pr_warn = (fmt: string, ...args: unknown[]): number => printk(KERN_WARNING + fmt, ...args);
export const pr_notice = (fmt: string, ...args: unknown[]): number => printk(KERN_NOTICE + fmt, ...args);
export const pr_info = (fmt: string, ...args: unknown[]): number => printk(KERN_INFO + fmt, ...args);
export const pr_debug = (fmt: string, ...args: unknown[]): number => printk(KERN_DEBUG + fmt, ...args);
export const pr_cont = (fmt: string, ...args: unknown[]): number => printk(KERN_CONT + fmt, ...args);
/** At warning level, as a format without a level is. */
export const KERN_DEFAULT = '';
/** Only with DEBUG in Linux: here never. */
export const pr_devel = (_fmt: string, ..._args: unknown[]): number => 0;
export const no_printk = pr_devel;
/** Each place prints once since boot. */
export const printk_once = (fmt: string, ...args: unknown[]): boolean => once(fmt, args);
export const pr_emerg_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_EMERG + fmt, args);
export const pr_alert_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_ALERT + fmt, args);
export const pr_crit_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_CRIT + fmt, args);
export const pr_err_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_ERR + fmt, args);
export const pr_warn_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_WARNING + fmt, args);
export const pr_notice_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_NOTICE + fmt, args);
export const pr_info_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_INFO + fmt, args);
export const pr_debug_once = (fmt: string, ...args: unknown[]): boolean => once(KERN_DEBUG + fmt, args);
function once(fmt: string, args: unknown[]): boolean {
  const first = first_time(3); // this, pr_*_once, and who calls it
  if (first) printk(fmt, ...args);
  return first;
}

/**
 * Each place prints ten times in five seconds at most, and says how often it did not. Return: the characters printed, 0 if
 * it did not print.
 */
export const printk_ratelimited = (fmt: string, ...args: unknown[]): number => limited(fmt, args);
export const pr_emerg_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_EMERG + fmt, args);
export const pr_alert_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_ALERT + fmt, args);
export const pr_crit_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_CRIT + fmt, args);
export const pr_err_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_ERR + fmt, args);
export const pr_warn_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_WARNING + fmt, args);
export const pr_notice_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_NOTICE + fmt, args);
export const pr_info_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_INFO + fmt, args);
export const pr_debug_ratelimited = (fmt: string, ...args: unknown[]): number => limited(KERN_DEBUG + fmt, args);
const limited = (fmt: string, args: unknown[]): number => (may_print() ? printk(fmt, ...args) : 0);
