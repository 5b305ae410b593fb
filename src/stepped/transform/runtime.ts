// noinstr: what transformed code calls. One object for the whole thread: the stepped machine puts its own `s` (and `l`)
// in, and reports what the checks here throw as it reports any other exception of kernel code: an oops.

type AnyFunction = ((...args: never[]) => unknown) & { $g?: unknown; $y?: unknown; $p?: boolean };

/** What modules get wrong about sleeping or callbacks; an oops like any other exception. */
export class StepError extends Error {
  override name = 'StepError';
}

/** `lock$g` is the twin of `lock`: reports name the function as its source does. */
export const source_name = (name: string): string => name.replace(/\$[gy]$/, '');

const named = (f: unknown): string =>
  typeof f === 'function' && f.name !== '' ? source_name(f.name) : 'a function without a name';

export interface Runtime {
  /**
   * A step, before an access or a primitive at `place`: whether the machine wants the CPU to pause here. For traces it is
   * told what is accessed (a view, or an address), or the first two arguments of the primitive.
   */
  s(site: number, place: number, a?: unknown, b?: unknown): boolean;
  /** The place that a primitive touches: what its first argument points to. 0 if that is no object. */
  a(object: unknown, code: number): number;
  /** A step at a loop's back-edge. */
  l(site: number): boolean;
  /** Attaches the twin of an ordinary function. */
  f<F>(plain: F, twin: unknown, name?: string): F;
  /** Attaches the twin of a generator function. */
  y<F>(plain: F, twin: unknown, name?: string): F;
  /** Attaches the twin methods `m$g` and `m$y` of a class to its methods. */
  methods<C>(made: C): C;
  undelegated(site: number, f: unknown): never;
  /** Looks at what a plain call returned: a generator there is a sleeping call without `yield*`. */
  result(site: number, f: unknown, value: unknown): unknown;
  /** Looks at what is delegated to that is not a twin. */
  sleeper(site: number, f: unknown, value: unknown): unknown;
  /** A function is about to be handed to `f`, which has no twin: refused unless the kernel exports `f`. */
  callback(site: number, f: unknown): void;
  /** Views from this address on are of memory that is allocated and freed: `view` is told when a primitive is given one. */
  objects: number;
  view(f: unknown, view: unknown): void;
  /** What `for … of` may walk: an array, the characters of a string, a kernel list cursor. */
  iter(site: number, value: unknown, what: string): unknown;
  /** What an array pattern or `...` may take apart: an array or a string. */
  list(site: number, value: unknown): unknown[];
  /** What `...` may copy into an object literal. */
  own(site: number, value: unknown): unknown;
  /**
   * Throws what V8 throws where a pattern meets null or undefined; `what` is the value's source, PARAMETER, or '' within
   * a pattern.
   */
  object(value: unknown, what: string, property: string): unknown;
  /** The generator that has ended: what a twin hands on when it has nothing to wait for. */
  nothing: unknown;
  not_callable(what: string): never;
  refused(site: number, what: string): never;
}

/** Arrays, strings, maps and sets have the only iterators in a module that are no sleepers. */
const builtin = new Set<unknown>(
  [[].values(), ''[Symbol.iterator](), new Map().values(), new Set().values(), ''.matchAll(/x/g)].map((i) =>
    Object.getPrototypeOf(i),
  ),
);
/** A view of shared memory is let through before `next` is looked at: that may be a field. */
const is_iterator = (v: unknown): boolean =>
  typeof v === 'object' &&
  v !== null &&
  (v as { '@addr'?: unknown })['@addr'] === undefined &&
  typeof (v as { next?: unknown }).next === 'function' &&
  (v as { $cursor?: boolean }).$cursor !== true &&
  !builtin.has(Object.getPrototypeOf(v));

/** Functions of JavaScript's own that keep or compare what they are given, and do not call it. */
const KEEPS = new Set<unknown>([
  ...(['push', 'unshift', 'splice', 'fill', 'concat', 'indexOf', 'lastIndexOf', 'includes', 'with'] as const).map(
    (name) => (Array.prototype as unknown as Record<string, unknown>)[name],
  ),
  ...(['get', 'set', 'has', 'delete'] as const).map((name) => Map.prototype[name]),
  ...(['add', 'has', 'delete'] as const).map((name) => Set.prototype[name]),
  Array.of,
  Array.isArray,
  Object.is,
  Object.freeze,
  Boolean,
]);

function attach<F>(key: '$g' | '$y', plain: F, twin: unknown, name: string | undefined): F {
  (plain as AnyFunction)[key] = twin;
  // A function that is an argument of this call gets no name of its own from where it stands in the source.
  if (name !== undefined) Object.defineProperty(plain, 'name', { value: name, configurable: true });
  return plain;
}

const nothing = {
  done: true,
  value: undefined,
  next: () => nothing,
  [Symbol.iterator]: () => nothing,
};

export const runtime: Runtime = {
  nothing,
  s: () => false,
  a: (object, code) => {
    const address =
      typeof object === 'number'
        ? object
        : typeof object === 'object'
          ? (object as { '@addr'?: number } | null)?.['@addr']
          : undefined;
    return address === undefined ? 0 : 2 * address + code;
  },
  l: () => false,
  objects: Infinity,
  view: () => {},
  f: (plain, twin, name) => attach('$g', plain, twin, name),
  y: (plain, twin, name) => attach('$y', plain, twin, name),
  methods(made) {
    for (const on of [made, (made as { prototype: unknown }).prototype] as Record<string, AnyFunction>[]) {
      for (const name of Object.getOwnPropertyNames(on)) {
        const key = name.slice(-2);
        if (name.length < 3 || (key !== '$g' && key !== '$y')) continue;
        on[name.slice(0, -2)]![key] = on[name];
      }
    }
    return made;
  },
  undelegated(_site, f) {
    // In the words of kernel/loader.ts, which finds the same in the free-running build.
    const name = named(f);
    throw new StepError(
      `BUG: sleeping function called without yield*: ${name}() may sleep; write \`yield* ${name}(...)\` in a generator function`,
    );
  },
  result(site, f, value) {
    return is_iterator(value) ? runtime.undelegated(site, f) : value;
  },
  sleeper(_site, f, value) {
    if (is_iterator(value)) return value;
    throw new StepError(`yield* on ${named(f)}, which does not sleep: call it without yield*`);
  },
  callback(_site, f) {
    if ((f as AnyFunction | undefined)?.$p !== undefined || KEEPS.has(f)) return;
    throw new StepError(
      `a function is handed to ${named(f)}, which is JavaScript's own and cannot be stepped: write a loop instead`,
    );
  },
  iter(_site, value, what) {
    if (Array.isArray(value)) return value;
    if (typeof value === 'string') return Array.from(value);
    if ((value as { $cursor?: boolean } | null | undefined)?.$cursor === true) return value;
    if (typeof (value as { [Symbol.iterator]?: unknown } | null | undefined)?.[Symbol.iterator] !== 'function')
      throw new TypeError(`${what} is not iterable`);
    throw new StepError('for … of walks arrays, strings and kernel lists only');
  },
  list(_site, value) {
    if (Array.isArray(value)) return value as unknown[];
    if (typeof value === 'string') return Array.from(value);
    throw new StepError('only arrays and strings can be spread or taken apart by position');
  },
  own(_site, value) {
    if ((value as { $shared?: boolean } | null | undefined)?.$shared === true)
      throw new StepError('the fields of a shared struct cannot be copied by spreading: name them');
    return value;
  },
  object(value, what, property) {
    if (value !== undefined && value !== null) return value;
    const v = String(value);
    if (what === '') throw new TypeError(`Cannot read properties of ${v} (reading '${property}')`);
    const shown = what !== PARAMETER ? what : value === null ? 'object null' : v;
    throw new TypeError(
      property === ''
        ? `Cannot destructure '${shown}' as it is ${v}.`
        : `Cannot destructure property '${property}' of '${shown}' as it is ${v}.`,
    );
  },
  not_callable(what) {
    throw new TypeError(`${what} is not a function`);
  },
  refused(_site, what) {
    throw new StepError(what);
  },
};

/** What `object` is told of a pattern in a parameter list. */
export const PARAMETER = 'parameter';

const waiting: { names: Record<string, unknown>; pure: ReadonlySet<string> | true }[] = [];
const is_class = (f: unknown): boolean => Object.getOwnPropertyDescriptor(f, 'prototype')?.writable === false;

/**
 * Marks what a header exports as kernel primitives: `$p` is true where a pause goes before a call, false for those that
 * touch nothing shared. Headers import each other in circles, so a name may not have its value yet: it is tried again.
 */
export function exported(names: Record<string, unknown>, pure: readonly string[] | true): void {
  waiting.push({ names, pure: pure === true ? true : new Set(pure) });
  settle();
}
/** Marks what is left. Return: names that still have no value. */
export function settle(): string[] {
  const left: string[] = [];
  for (const one of waiting.splice(0)) {
    let whole = true;
    for (const name of Reflect.ownKeys(one.names)) {
      if (typeof name !== 'string') continue;
      try {
        const f = one.names[name] as AnyFunction;
        if (typeof f === 'function' && f.$p === undefined && !is_class(f))
          f.$p = one.pure !== true && !one.pure.has(name);
      } catch {
        whole = false;
        left.push(name);
      }
    }
    if (!whole) waiting.push(one);
  }
  return left;
}
