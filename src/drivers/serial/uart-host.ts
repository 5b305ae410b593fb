// Host side: the other end of the serial line. One reader at a time; works on plain arrays over the machine's memory.
import { UART_RING, UART_RING_ENTRIES } from '../../machine/memory-map.js';
import { RING_MASK, SENT, Uart } from './uart16550.js';

const HEAD = Uart.HEAD >> 2;
const TAIL = Uart.TAIL >> 2;

/** Takes what was sent off the line. Return: the bytes, none if there are none. */
export function drain_uart(I32: Int32Array, U16: Uint16Array): Uint8Array {
  const tail = Atomics.load(I32, TAIL);
  const most = Math.min(UART_RING_ENTRIES, Math.max(0, (Atomics.load(I32, HEAD) - tail) | 0));
  const bytes = new Uint8Array(most);
  let n = 0;
  for (; n < most; n++) {
    const at = (UART_RING >> 1) + ((tail + n) & RING_MASK);
    const entry = Atomics.load(U16, at);
    if ((entry & SENT) === 0) break; // reserved, not written yet: its writer will ring
    bytes[n] = entry & 0xff;
    Atomics.store(U16, at, 0);
  }
  // Only now may a CPU have the entries.
  Atomics.store(I32, TAIL, (tail + n) | 0);
  return bytes.subarray(0, n);
}

/** Int32 index and value to wait on: store 1, drain once more, then `Atomics.waitAsync` while it is 1. */
export const UART_BELL = Uart.BELL >> 2;
