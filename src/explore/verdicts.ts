// Which verdict a finding is, by what the kernel says of it: most of its checks are BUGs and reports alike.
import type { VerdictKind } from './outcome.js';

const BY_MESSAGE: readonly (readonly [RegExp, VerdictKind])[] = [
  [/^BUG: KASAN: \S*use-after-free/, 'use after free'],
  [/^BUG: KASAN: \S*out-of-bounds|array-index-out-of-bounds/, 'out of bounds'],
  [/^BUG: \S+\(.*\): double free/, 'double free'],
  [/^BUG: (sleeping function called from invalid context|scheduling while atomic)/, 'sleep in atomic'],
  [/^BUG: spin lock recursion/, 'deadlock'],
  [/^BUG: module \S+ (is unloaded, but|leaked)/, 'leak'],
];

/** Null: the message alone does not say. */
export const verdict_of_message = (message: string): VerdictKind | null =>
  BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1] ?? null;
