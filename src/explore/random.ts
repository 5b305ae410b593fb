// The one source of randomness of exploration: xorshift32, seeded by a seed and the number of the schedule, so that any
// schedule of a search can be made again by itself.

export class Random {
  #state = 1;

  seed(seed: number, stream: number): void {
    // Two rounds of a finaliser over both words: neighbouring seeds and schedules must not resemble each other.
    let x = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) | 0;
    for (let i = 0; i < 2; i++) {
      x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
      x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
      x ^= x >>> 15;
    }
    this.#state = x === 0 ? 0x6d2b79f5 : x;
  }

  /** 32 random bits, as an unsigned number. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
  /** A whole number from 0 to n - 1; n is at most 65536. */
  below(n: number): number {
    return ((this.next() >>> 16) * n) >>> 16;
  }
  /** From 0 up to, and never, 1. */
  unit(): number {
    return this.next() / 0x100000000;
  }
  /** How often a coin falls heads before the first tails; at most 32. */
  halves(): number {
    return Math.clz32(this.next());
  }
}
