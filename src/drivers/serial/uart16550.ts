// noinstr: never transformed, never interrupted.
// The model of a 16550A serial port, as far as a transmitter needs it. A register access is one atomic event, from any
// CPU and any context; who may send is for the driver to settle.
//
//   offset   write             read                   with LCR.DLAB
//     0      THR: send         RBR: nothing there     DLL
//     1      IER               IER                    DLM
//     2      FCR               IIR
//     3      LCR               LCR
//     4      MCR               MCR
//     5      -                 LSR: THRE, TEMT
//     6      -                 MSR: always ready
//     7      SCR               SCR
//
// What is sent goes into a ring in the memory, which the host empties (uart-host.ts): the line is as fast as the host.
// While the ring has no room THRE is clear, as when a slow line holds up a real FIFO. An entry is 16 bits: the byte and
// SENT. HEAD is moved by compare-and-swap, so each byte has an entry of its own; TAIL by the host.
import { a_cas, a_ld, a_st16, a_xchg, futex_wake, ld, st } from '../../cpu/raw.js';
import { UART, UART_RING, UART_RING_ENTRIES } from '../../machine/memory-map.js';

/** The words at UART. */
export const enum Uart {
  IER = UART,
  FCR = UART + 4,
  LCR = UART + 8,
  MCR = UART + 12,
  SCR = UART + 16,
  /** Divisor latch, 16 bits. */
  DIVISOR = UART + 20,
  /** Log levels below this go to the serial console; 0: it is off. See console.ts. */
  CONSOLE_LEVEL = UART + 24,
  /** Characters of the console's line that is not ended yet. Under LOCK_CONSOLE. */
  CONSOLE_COLUMN = UART + 28,
  /** Bytes given up because the port stayed full. Under LOCK_CONSOLE. */
  OVERRUN = UART + 32,
  HEAD = UART + 0x80,
  TAIL = UART + 0x100,
  /** 1 while the host sleeps until there is something to send. */
  BELL = UART + 0x180,
}
export const SENT = 0x100;
export const RING_MASK = UART_RING_ENTRIES - 1;

export const UART_THR = 0;
export const UART_DLL = 0;
export const UART_IER = 1;
export const UART_DLM = 1;
export const UART_IIR = 2;
export const UART_FCR = 2;
export const UART_LCR = 3;
export const UART_MCR = 4;
export const UART_LSR = 5;
export const UART_MSR = 6;
export const UART_SCR = 7;
export const UART_LCR_DLAB = 0x80;
export const UART_LCR_WLEN8 = 3;
export const UART_IER_THRI = 2;
export const UART_IIR_NO_INT = 1;
export const UART_IIR_THRI = 2;
export const UART_FCR_ENABLE_FIFO = 1;
export const UART_MCR_DTR = 1;
export const UART_MCR_RTS = 2;
/** The transmitter's FIFO has room. */
export const UART_LSR_THRE = 0x20;
/** All that was sent has left. */
export const UART_LSR_TEMT = 0x40;

const on_the_line = (): number => (a_ld(Uart.HEAD) - a_ld(Uart.TAIL)) | 0;

/** A byte is written to a register. Context: any. */
export function uart_write(register: number, value: number): void {
  const dlab = (ld(Uart.LCR) & UART_LCR_DLAB) !== 0;
  const byte = value & 0xff;
  switch (register) {
    case UART_THR:
      if (dlab) st(Uart.DIVISOR, (ld(Uart.DIVISOR) & 0xff00) | byte);
      else send(byte);
      break;
    case UART_IER:
      if (dlab) st(Uart.DIVISOR, (ld(Uart.DIVISOR) & 0xff) | (byte << 8));
      else st(Uart.IER, byte & 0xf);
      break;
    case UART_FCR:
      st(Uart.FCR, byte);
      break;
    case UART_LCR:
      st(Uart.LCR, byte);
      break;
    case UART_MCR:
      st(Uart.MCR, byte & 0x1f);
      break;
    case UART_SCR:
      st(Uart.SCR, byte);
      break;
  }
}

/** A register is read: a byte. Context: any. */
export function uart_read(register: number): number {
  const dlab = (ld(Uart.LCR) & UART_LCR_DLAB) !== 0;
  switch (register) {
    case UART_THR:
      return dlab ? ld(Uart.DIVISOR) & 0xff : 0;
    case UART_IER:
      return dlab ? ld(Uart.DIVISOR) >> 8 : ld(Uart.IER);
    case UART_IIR: {
      const fifo = (ld(Uart.FCR) & UART_FCR_ENABLE_FIFO) !== 0 ? 0xc0 : 0;
      const wants = (ld(Uart.IER) & UART_IER_THRI) !== 0 && on_the_line() < UART_RING_ENTRIES;
      return fifo | (wants ? UART_IIR_THRI : UART_IIR_NO_INT);
    }
    case UART_LCR:
      return ld(Uart.LCR);
    case UART_MCR:
      return ld(Uart.MCR);
    case UART_LSR: {
      const n = on_the_line();
      return (n < UART_RING_ENTRIES ? UART_LSR_THRE : 0) | (n === 0 ? UART_LSR_TEMT : 0);
    }
    case UART_MSR:
      return 0xb0; // carrier, data set ready, clear to send
    case UART_SCR:
      return ld(Uart.SCR);
    default:
      return 0xff;
  }
}

/** A byte written while THRE is clear is lost, as on the hardware. */
function send(byte: number): void {
  for (;;) {
    const head = a_ld(Uart.HEAD);
    if (((head - a_ld(Uart.TAIL)) | 0) >= UART_RING_ENTRIES) return;
    if (a_cas(Uart.HEAD, head, (head + 1) | 0) !== head) continue;
    a_st16(UART_RING + (head & RING_MASK) * 2, byte | SENT);
    break;
  }
  if (a_ld(Uart.BELL) === 1 && a_xchg(Uart.BELL, 0) === 1) futex_wake(Uart.BELL, 1);
}
