// A priority queue in the machine's memory: a pairing heap whose nodes are part of what they order (run queues by
// virtual runtime, timers by expiry). Insert and minimum are O(1), removal O(log n) amortised.
// The caller holds the lock of the queue. A node is 24 bytes, 8-aligned:
//
//   +0 first child   +4 next sibling   +8 previous: sibling, or parent of a first child   +16 key (f64)
//
// The root's address lies in a word of the caller's, 0 when empty. Equal keys come out in the order of the heap's
// shape, which is determined by the calls.
import { ld, ldf64, st } from '../cpu/raw.js';

const CHILD = 0;
const NEXT = 4;
const PREVIOUS = 8;
const KEY = 16;

/** Links two roots; the one with the larger key becomes the first child of the other. */
function meld(a: number, b: number): number {
  if (a === 0) return b;
  if (b === 0) return a;
  if (ldf64(b + KEY) < ldf64(a + KEY)) {
    const t = a;
    a = b;
    b = t;
  }
  const child = ld(a + CHILD);
  st(b + NEXT, child);
  st(b + PREVIOUS, a);
  if (child !== 0) st(child + PREVIOUS, b);
  st(a + CHILD, b);
  return a;
}

/** Melds a list of siblings pairwise from the left, then the results from the right. */
function meld_siblings(first: number): number {
  let pairs = 0; // chained through NEXT, last pair first
  while (first !== 0) {
    const a = first;
    const b = ld(a + NEXT);
    first = b === 0 ? 0 : ld(b + NEXT);
    st(a + NEXT, 0);
    if (b !== 0) st(b + NEXT, 0);
    const root = meld(a, b);
    st(root + NEXT, pairs);
    pairs = root;
  }
  let root = 0;
  while (pairs !== 0) {
    const next = ld(pairs + NEXT);
    st(pairs + NEXT, 0);
    root = meld(root, pairs);
    pairs = next;
  }
  return root;
}

/** The key must have been written. */
export function pq_insert(root: number, node: number): void {
  st(node + CHILD, 0);
  st(node + NEXT, 0);
  st(node + PREVIOUS, 0);
  st(root, meld(ld(root), node));
}

export const pq_first = (root: number): number => ld(root);
export const pq_key = (node: number): number => ldf64(node + KEY);

export function pq_pop(root: number): number {
  const first = ld(root);
  if (first !== 0) remove_root(root, first);
  return first;
}

function remove_root(root: number, first: number): void {
  const rest = meld_siblings(ld(first + CHILD));
  if (rest !== 0) st(rest + PREVIOUS, 0);
  st(root, rest);
}

/** The node must be in the queue. */
export function pq_remove(root: number, node: number): void {
  if (ld(root) === node) {
    remove_root(root, node);
    return;
  }
  const previous = ld(node + PREVIOUS);
  const next = ld(node + NEXT);
  if (ld(previous + CHILD) === node) st(previous + CHILD, next);
  else st(previous + NEXT, next);
  if (next !== 0) st(next + PREVIOUS, previous);
  const rest = meld_siblings(ld(node + CHILD));
  if (rest !== 0) {
    st(rest + PREVIOUS, 0);
    st(root, meld(ld(root), rest));
  }
}

/** A node for which `f` is true, 0 if there is none; the order is that of the heap's shape. */
export function pq_find(root: number, f: (node: number) => boolean): number {
  let node = ld(root);
  while (node !== 0) {
    if (f(node)) return node;
    let next = ld(node + CHILD);
    while (next === 0 && node !== 0) {
      next = ld(node + NEXT);
      if (next === 0) {
        // Up: the previous link of a first child is the parent, of others a sibling.
        let up = node;
        let before = ld(up + PREVIOUS);
        while (before !== 0 && ld(before + CHILD) !== up) {
          up = before;
          before = ld(up + PREVIOUS);
        }
        node = before;
      }
    }
    node = next;
  }
  return 0;
}
