// noinstr: never transformed, never interrupted.
// What the race detector remembers of accesses: for each place that was accessed, the last access of each kind by each
// context, as long as a later one may race with it. Part of the stepped kernel; forgotten at each restore.
//
// A place is a word and the bytes of it that are accessed together. Places of one word are chained: a byte and the word
// around it are two. An access that is not ordered after one remembered, conflicts with it and is not marked as it is
// (see `RACES`) is a data race.
import { memory_size, own_words } from '../stepped/raw.js';
import { steps } from '../stepped/clock.js';
import { RACE_ACCESSES, RACE_PLACES } from '../machine/params.js';
import {
  at,
  At,
  clock_of,
  CONTEXT_BITS,
  CONTEXT_MASK,
  is_before,
  is_before_dependent,
  lose,
  marked_left,
  off,
  sections,
} from './clocks.js';

export const enum Kind {
  READ = 0,
  WRITE = 1,
  MARKED_READ = 2,
  MARKED_WRITE = 3,
  /** ASSERT_EXCLUSIVE_WRITER, ASSERT_EXCLUSIVE_ACCESS; the latter also for memory that is freed. */
  NO_WRITERS = 4,
  NOBODY = 5,
}
const bits = (...kinds: Kind[]): number => kinds.reduce((sum, kind) => sum | (1 << kind), 0);
const ALL = 0x3f;
/** By kind: those that race with it. */
const RACES = Int32Array.from([
  bits(Kind.WRITE, Kind.MARKED_WRITE, Kind.NOBODY),
  ALL,
  bits(Kind.WRITE, Kind.NOBODY),
  bits(Kind.READ, Kind.WRITE, Kind.NO_WRITERS, Kind.NOBODY),
  bits(Kind.WRITE, Kind.MARKED_WRITE),
  // An assertion that nobody writes is itself no access.
  ALL & ~bits(Kind.NO_WRITERS),
]);

const enum Place {
  WORD = 0,
  /** Of its bytes. */
  MASK = 1,
  /** The next place of the word, 0 for none. */
  NEXT = 2,
  /** The first access. */
  FIRST = 3,
  SIZE = 4,
}
const enum Access {
  EPOCH = 0,
  KIND = 1,
  SITE = 2,
  STEP = 3,
  NEXT = 4,
  WHERE = 5,
  SIZE = 6,
}
const place_of = new Int32Array(memory_size >> 2);
const places = new Int32Array(RACE_PLACES * Place.SIZE);
const accesses = new Int32Array(RACE_ACCESSES * Access.SIZE);
const used = own_words(4);
const enum Used {
  PLACES,
  ACCESSES,
  /** Accesses that were given back, by NEXT. */
  FREE,
}

/** The race that was found: both accesses, the earlier one first. */
export const race = {
  address: 0,
  size: 0,
  kinds: [Kind.READ, Kind.READ] as [Kind, Kind],
  sites: [0, 0] as [number, number],
  steps: [0, 0] as [number, number],
  contexts: [0, 0] as [number, number],
  /** Index in `fields` (linux/view.ts) of what one of them accessed, 0 if unknown. */
  where: 0,
};
/** Set by the host. */
export const host = {
  /** Whether the race that was just written to `race` is meant, and not reported. */
  suppressed: (): boolean => false,
  /** Told of each access while At.WATCHED is set. */
  watch: (_a: number, _size: number, _kind: Kind): void => {},
  /** Told of locks that are taken and released meanwhile, and of memory that is handed out. */
  lock: (_a: number, _taken: boolean): void => {},
  allocated: (_a: number, _size: number): void => {},
};

function new_access(): number {
  const free = used[Used.FREE]!;
  if (free !== 0) {
    used[Used.FREE] = accesses[free + Access.NEXT]!;
    return free;
  }
  const n = used[Used.ACCESSES]! + Access.SIZE;
  if (n >= RACE_ACCESSES * Access.SIZE) {
    lose();
    return 0;
  }
  used[Used.ACCESSES] = n;
  return n;
}
function new_place(word: number, mask: number): number {
  const n = used[Used.PLACES]! + Place.SIZE;
  if (n >= RACE_PLACES * Place.SIZE) {
    lose();
    return 0;
  }
  used[Used.PLACES] = n;
  places[n + Place.WORD] = word;
  places[n + Place.MASK] = mask;
  places[n + Place.NEXT] = place_of[word]!;
  places[n + Place.FIRST] = 0;
  place_of[word] = n;
  return n;
}

/** An access of the bytes `mask` of a word, by context `t`. */
function look(t: number, word: number, mask: number, kind: Kind, where: number): void {
  let own = 0;
  for (let p = place_of[word]!; p !== 0; p = places[p + Place.NEXT]!) {
    if ((places[p + Place.MASK]! & mask) === 0) continue;
    if (places[p + Place.MASK] === mask) own = p;
    const races = RACES[kind]!;
    for (let r = places[p + Place.FIRST]!; r !== 0; r = accesses[r + Access.NEXT]!) {
      if ((races & (1 << accesses[r + Access.KIND]!)) === 0) continue;
      const epoch = accesses[r + Access.EPOCH]!;
      if ((epoch & CONTEXT_MASK) !== t && !is_before(epoch, t)) found(t, word, p, mask, r, kind, where);
    }
  }
  if (own === 0) own = new_place(word, mask);
  remember(own, t, kind, where);
}
function remember(p: number, t: number, kind: Kind, where: number): void {
  const first = places[p + Place.FIRST]!;
  let mine = 0;
  if (kind === Kind.WRITE) {
    // Whatever races with what is forgotten here races with this too, or comes after it.
    mine = first;
    const rest = mine === 0 ? 0 : accesses[mine + Access.NEXT]!;
    if (rest !== 0) give_back(rest);
    if (mine !== 0) accesses[mine + Access.NEXT] = 0;
  } else
    for (let r = first; r !== 0; r = accesses[r + Access.NEXT]!)
      if (accesses[r + Access.KIND] === kind && (accesses[r + Access.EPOCH]! & CONTEXT_MASK) === t) {
        mine = r;
        break;
      }
  if (mine === 0) {
    mine = new_access();
    accesses[mine + Access.NEXT] = first;
    places[p + Place.FIRST] = mine;
  }
  accesses[mine + Access.EPOCH] = (clock_of(t) << CONTEXT_BITS) | t;
  accesses[mine + Access.KIND] = kind;
  accesses[mine + Access.SITE] = at[At.SITE]!;
  accesses[mine + Access.STEP] = steps();
  accesses[mine + Access.WHERE] = where;
}
function give_back(chain: number): void {
  let last = chain;
  while (accesses[last + Access.NEXT] !== 0) last = accesses[last + Access.NEXT]!;
  accesses[last + Access.NEXT] = used[Used.FREE]!;
  used[Used.FREE] = chain;
}

function found(t: number, word: number, p: number, mask: number, r: number, kind: Kind, where: number): void {
  if (at[At.FOUND] !== 0) return;
  const both = places[p + Place.MASK]! & mask;
  const low = 31 - Math.clz32(both & -both);
  const address = (word << 2) + low;
  if (is_before_dependent(accesses[r + Access.EPOCH]!, t, address)) return;
  race.address = address;
  race.size = 32 - Math.clz32(both) - low;
  race.kinds[0] = accesses[r + Access.KIND]!;
  race.kinds[1] = kind;
  race.sites[0] = accesses[r + Access.SITE]!;
  race.sites[1] = at[At.SITE]!;
  race.steps[0] = accesses[r + Access.STEP]!;
  race.steps[1] = steps();
  race.contexts[0] = accesses[r + Access.EPOCH]! & CONTEXT_MASK;
  race.contexts[1] = t;
  race.where = where !== 0 ? where : accesses[r + Access.WHERE]!;
  if (!host.suppressed()) at[At.FOUND] = 1;
}

/** An access of `size` bytes by context `t`. */
export function access(t: number, a: number, size: number, kind: Kind, where: number): void {
  if (t === 0 || (off[t]! | sections[t]! | marked_left[t]!) !== 0) {
    if (t === 0 || off[t]! !== 0) return;
    // In a section of a sequence counter plain accesses count as marked ones.
    if (kind <= Kind.WRITE) {
      kind += Kind.MARKED_READ;
      if (marked_left[t]! > 0) marked_left[t]!--;
    }
  }
  if (at[At.WATCHED] !== 0) host.watch(a, size, kind);
  const word = a >> 2;
  const first = a & 3;
  if (first + size <= 4) return look(t, word, ((1 << size) - 1) << first, kind, where);
  const end = a + size;
  look(t, word, (0xf << first) & 0xf, kind, where);
  for (let w = word + 1; w < end >> 2; w++) look(t, w, 0xf, kind, where);
  if ((end & 3) !== 0) look(t, end >> 2, (1 << (end & 3)) - 1, kind, where);
}

/** The memory is another's from now on. With `t`, whatever is not ordered before that is a race. */
export function forget_memory(t: number, a: number, size: number): void {
  for (let w = a >> 2; w < (a + size + 3) >> 2; w++) {
    if (place_of[w] === 0) continue;
    if (t !== 0) look(t, w, 0xf, Kind.NOBODY, 0);
    place_of[w] = 0;
  }
}

export function reset_shadow(): void {
  for (let p = used[Used.PLACES]!; p > 0; p -= Place.SIZE) place_of[places[p + Place.WORD]!] = 0;
  used.fill(0);
}
