import { beforeEach, describe, expect, test } from 'vitest';
import { I32, U16 } from '../dist/cpu/raw.js';
import { console_wants, console_write, probe_16550a, serial_console_init } from '../dist/drivers/serial/console.js';
import { drain_uart } from '../dist/drivers/serial/uart-host.js';
import { printk } from '../dist/kernel/printk.js';
import { COM1, inb, outb } from '../dist/linux/io.js';
import { enter_cpu, power_on } from './mm-setup.js';

beforeEach(() => power_on());
const line = (): string => Buffer.from(drain_uart(I32, U16)).toString();
const [THR, IER, FCR, LCR, LSR, SCR] = [0, 1, 2, 3, 5, 7].map((r) => COM1 + r) as [
  number,
  number,
  number,
  number,
  number,
  number,
];
const THRE = 0x20;
const TEMT = 0x40;

describe('the 16550A', () => {
  test('has a scratch register and a FIFO, so the driver finds it; at another port there is nothing', () => {
    expect(probe_16550a(COM1)).toBe(true);
    expect(probe_16550a(0x2f8)).toBe(false);
    expect(inb(0x2f8)).toBe(0xff);
  });
  test('keeps the divisor behind DLAB, apart from the data registers', () => {
    outb(0x80, LCR);
    outb(0x0c, THR);
    outb(0x01, IER);
    expect([inb(THR), inb(IER)]).toEqual([0x0c, 1]);
    outb(0x03, LCR);
    outb(0x02, IER);
    expect([inb(IER), inb(LCR), line()]).toEqual([2, 3, '']);
    outb(0xa5, SCR);
    expect(inb(SCR)).toBe(0xa5);
  });
  test('sends what is written to THR; TEMT says when all of it has left', () => {
    expect(inb(LSR)).toBe(THRE | TEMT);
    for (const c of 'hi\0\xff') outb(c.charCodeAt(0), THR);
    expect(inb(LSR)).toBe(THRE);
    expect(Array.from(drain_uart(I32, U16))).toEqual([104, 105, 0, 255]);
    expect(inb(LSR)).toBe(THRE | TEMT);
    expect(line()).toBe('');
  });
  test('clears THRE while the line is full and then loses what is written; afterwards it goes on', () => {
    let n = 0;
    while ((inb(LSR) & THRE) !== 0) outb(n++ & 0xff, THR);
    outb(1, THR);
    const sent = drain_uart(I32, U16);
    expect(sent.length).toBe(n);
    expect(sent.every((b, i) => b === (i & 0xff))).toBe(true);
    outb(65, THR);
    expect(line()).toBe('A');
  });
  test('names the transmitter in IIR when its interrupt is enabled', () => {
    outb(1, FCR);
    expect(inb(FCR)).toBe(0xc1);
    outb(2, IER);
    expect(inb(FCR)).toBe(0xc2);
  });
});

describe('the serial console', () => {
  test('is off until it is set up', () => {
    printk('\x016nobody reads this\n');
    expect([console_wants(0), line()]).toEqual([false, '']);
  });
  test('prints records of levels below its own, with a time and a carriage return', () => {
    expect(serial_console_init(5)).toBe(true);
    printk('\x014shown %d é\n', 7);
    printk('\x015not shown\n');
    expect(line()).toMatch(/^\[ *-?\d+\.\d{6}\] shown 7 é\r\n$/);
  });
  test('goes on with an open line only for a continuation', () => {
    serial_console_init(8);
    console_write('one ', 0, false, true);
    console_write('two', 0, true, false);
    console_write('three', 0, false, true);
    console_write('four\nfive', 1e9, false, false);
    expect(line()).toBe('[    0.000000] one two\r\n[    0.000000] three\r\n[    1.000000] four\r\nfive\r\n');
  });
  test('gives up on a host that reads nothing, counts what it dropped, and goes on when the host is back', () => {
    serial_console_init(8);
    for (let i = 0; i < 1000; i++) console_write('x'.repeat(100), 0, false, false);
    expect(I32[(0x80000 + 32) >> 2]).toBeGreaterThan(50_000);
    line();
    console_write('back', 0, false, false);
    expect(line()).toBe('[    0.000000] back\r\n');
  });
  test('a CPU that holds the console lock does not wait for itself', () => {
    serial_console_init(8);
    I32[0x2100 >> 2] = 1; // CPU 0 holds it
    console_write('lost here', 0, false, false);
    expect(line()).toBe('');
    I32[0x2100 >> 2] = 0;
    enter_cpu(1);
    console_write('fine', 0, false, false);
    expect(line()).toBe('[    0.000000] fine\r\n');
  });
});
