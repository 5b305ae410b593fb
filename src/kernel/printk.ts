// printk: formats, stamps and stores a record in the log ring. Context: any, interrupts and all; never sleeps.
import { cpu, current_task } from '../cpu/context.js';
import { clock_ns } from '../cpu/clock.js';
import { ld } from '../cpu/raw.js';
import { Task } from '../sched/task-layout.js';
import { format } from './vsprintf.js';
import { log_store } from './log.js';
import { console_wants, console_write } from '../drivers/serial/console.js';

const DEFAULT_LEVEL = 4;
/** Start of header: KERN_ERR is '\x013', as in Linux. */
const SOH = 1;

/**
 * Logs a message. A KERN_ prefix of the format gives the level; without one it is KERN_WARNING. KERN_CONT goes on with
 * the record before. Return: the number of characters.
 */
export function printk(fmt: string, ...args: unknown[]): number {
  let level = DEFAULT_LEVEL;
  let text = format(fmt, args);
  let cont = false;
  while (text.charCodeAt(0) === SOH) {
    const kind = text.charCodeAt(1);
    if (kind >= 0x30 && kind <= 0x37) level = kind - 0x30;
    else if (kind === 0x63) cont = true;
    text = text.slice(2);
  }
  // Without a newline a KERN_CONT may follow: the reader holds the record until the next one comes.
  const open = !text.endsWith('\n');
  if (!open) text = text.slice(0, -1);
  emit(level, text, cont, open);
  return text.length;
}

function emit(level: number, text: string, cont: boolean, open: boolean): void {
  const task = current_task();
  const ts = clock_ns();
  log_store(level, text, { cpu, pid: task === 0 ? 0 : ld(task + Task.PID), ts, cont, open });
  if (console_wants(level)) console_write(text, ts, cont, open);
}

/** A record of the kernel's own: no formatting. */
export function printk_emit(level: number, text: string): void {
  emit(level, text, false, false);
}
