// <linux/io.h>: port input and output. The machine's only device on ports is the serial port at 0x3f8; reads of
// others give all ones, writes go nowhere. Context: any.
import { uart_read, uart_write } from '../drivers/serial/uart16550.js';

/** The first serial port, ttyS0: eight registers. */
export const COM1 = 0x3f8;

/** Writes a byte. The order of the arguments is Linux's. */
export function outb(value: number, port: number): void {
  if (port >= COM1 && port < COM1 + 8) uart_write(port - COM1, value);
}
export function inb(port: number): number {
  return port >= COM1 && port < COM1 + 8 ? uart_read(port - COM1) : 0xff;
}
