// Used by the loader on every CPU too: no imports here, a CPU's thread must start fast. No state.

/** True for the iterators of arrays, strings, maps and sets: the only ones in a module that are not sleepers. */
export function isBuiltinIterator(value: object): boolean {
  return BUILTIN.has(Object.getPrototypeOf(value) as object);
}
const BUILTIN = new Set<object>(
  [[].values(), ''[Symbol.iterator](), new Map().values(), new Set().values(), ''.matchAll(/x/g)].map(
    (i) => Object.getPrototypeOf(i) as object,
  ),
);
