// noinstr: never transformed, never interrupted.
// Stands in for kernel/trace.ts: the explorer knows every step anyway, and pays nothing for events, but for those that say
// where memory came from, and those of locks that modules take, which the race detector is told: what a writer has
// released is at the lock's address, what readers have in the word after it.
import { Mach } from '../machine/memory-map.js';
import { lock_released, lock_taken, order_acquire } from '../cpu/order.js';
import { ld, st } from '../cpu/raw.js';
import { Event } from '../kernel/trace-layout.js';
import { kasan_note } from '../mm/kasan.js';

export function trace_event(): void {}
export function trace_event_at(): void {}
export function trace_fast(event: Event, a: number): void {
  if (event === Event.KMALLOC || event === Event.KMEM_CACHE_ALLOC) kasan_note(a, 'allocated');
}
export function trace_begin(event: Event, a: number): void {
  lock_taken(a);
  if (event === Event.WRITE_LOCK || event === Event.DOWN_WRITE) order_acquire(a + 4);
}
export function trace_end(event: Event, a: number): void {
  if (event === Event.KFREE || event === Event.KMEM_CACHE_FREE) return kasan_note(a, 'freed');
  if (event < Event.SPIN_LOCK || event > Event.UP_WRITE) return;
  lock_released(a, event === Event.READ_UNLOCK || event === Event.UP_READ ? a + 4 : a);
}
export function trace_switch(): void {}
export function trace_printk(): void {}
export function trace_finding(): void {
  tracing_off();
}
export function trace_init(): void {}
// These are what a module can ask for.
export function tracing_off(): void {
  st(Mach.TRACE_OFF, 1);
}
export function tracing_on(): void {
  st(Mach.TRACE_OFF, 0);
}
export const tracing_is_on = (): number => (ld(Mach.TRACE_OFF) === 0 ? 1 : 0);
