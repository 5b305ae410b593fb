// The serial console: what printk stores also goes to ttyS0, byte by byte. Off until `serial_console_init`; `run` and
// `stress` read the log ring instead, which is faster. Context: any. Lock: LOCK_CONSOLE, with interrupts off, so that
// lines don't mix; a printk from within (an NMI, a report about this very lock) is not written here, only to the log.
import { cpu } from '../../cpu/context.js';
import { in_nmi } from '../../cpu/preempt.js';
import { ld, st } from '../../cpu/raw.js';
import { arch_spin_init, lock_irqsave, spin_holder, unlock_irqrestore } from '../../cpu/spinlock.js';
import { stamp } from '../../kernel/log-lines.js';
import { encode_utf8 } from '../../kernel/utf8.js';
import { COM1, inb, outb } from '../../linux/io.js';
import { Mach } from '../../machine/memory-map.js';
import { UART_TRIES } from '../../machine/params.js';
import {
  Uart,
  UART_DLL,
  UART_DLM,
  UART_FCR,
  UART_FCR_ENABLE_FIFO,
  UART_IER,
  UART_IIR,
  UART_LCR,
  UART_LCR_DLAB,
  UART_LCR_WLEN8,
  UART_LSR,
  UART_LSR_THRE,
  UART_MCR,
  UART_MCR_DTR,
  UART_MCR_RTS,
  UART_SCR,
  UART_THR,
} from './uart16550.js';

/** Is there a 16550A at this port? Context: boot. */
export function probe_16550a(port: number): boolean {
  outb(0x5a, port + UART_SCR);
  if (inb(port + UART_SCR) !== 0x5a) return false;
  outb(UART_FCR_ENABLE_FIFO, port + UART_FCR);
  return inb(port + UART_IIR) >> 6 === 3;
}

/**
 * Sets the port to 115200 baud, 8 bits, no parity, and sends it all records of a level below `level` (8: all).
 * Context: boot, or a task. Return: false if there is no port.
 */
export function serial_console_init(level: number): boolean {
  if (!probe_16550a(COM1)) return false;
  arch_spin_init(Mach.LOCK_CONSOLE);
  outb(0, COM1 + UART_IER);
  outb(UART_LCR_DLAB, COM1 + UART_LCR);
  outb(1, COM1 + UART_DLL);
  outb(0, COM1 + UART_DLM);
  outb(UART_LCR_WLEN8, COM1 + UART_LCR);
  outb(UART_MCR_DTR | UART_MCR_RTS, COM1 + UART_MCR);
  st(Uart.CONSOLE_LEVEL, level);
  return true;
}

/** Does a record of this level go to the console? Asked by printk before it calls `console_write`. */
export const console_wants = (level: number): boolean => level < ld(Uart.CONSOLE_LEVEL);

/** Waits a bounded time for room; then the byte is given up and counted. */
function put(byte: number): void {
  for (let tries = 0; (inb(COM1 + UART_LSR) & UART_LSR_THRE) === 0; tries++) {
    if (tries >= UART_TRIES || ld(Uart.OVERRUN) !== 0) {
      st(Uart.OVERRUN, ld(Uart.OVERRUN) + 1);
      return;
    }
  }
  st(Uart.OVERRUN, 0);
  outb(byte, COM1 + UART_THR);
}
function put_text(text: string): void {
  encode_utf8(text, (byte) => {
    if (byte === 10) put(13);
    put(byte);
  });
}

/** Writes a record: `ts` nanoseconds since boot. A continuation goes on with the line; an open one doesn't end it. */
export function console_write(text: string, ts: number, cont: boolean, open: boolean): void {
  if (in_nmi() || spin_holder(Mach.LOCK_CONSOLE) === cpu) return;
  const flags = lock_irqsave(Mach.LOCK_CONSOLE);
  const goes_on = cont && ld(Uart.CONSOLE_COLUMN) !== 0;
  if (!goes_on) put_text((ld(Uart.CONSOLE_COLUMN) !== 0 ? '\n' : '') + stamp(ts));
  put_text(text + (open ? '' : '\n'));
  st(Uart.CONSOLE_COLUMN, open ? 1 : 0);
  unlock_irqrestore(Mach.LOCK_CONSOLE, flags);
}
