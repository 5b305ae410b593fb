// noinstr: never transformed, never interrupted.
// See cpu/order.ts.

/** What a marked access orders. */
export const enum Order {
  RELAXED = 0,
  ACQUIRE = 1,
  RELEASE = 2,
  /** A read whose value is an address: what is reached by it comes after it. */
  DEPENDENCY = 4,
  /** A read-modify-write that returns a value: a full barrier before and after it. */
  FULL = 7,
}
