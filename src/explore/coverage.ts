// What a search has covered, for one that found nothing: how many behaviours it saw, how fast new ones still came, and
// what a bounded search has been through. Takes memory of a fixed size, however long the search is.
import { BEHAVIOURS_KEPT } from '../machine/params.js';

/** What a bounded search has covered. */
export interface BoundCoverage {
  /** All schedules with at most so many preemptions were tried; -1 if not even those with none. */
  completed: number;
  /** The bound that is being searched, null if that is over. */
  searching: number | null;
  /** More preemptions give no other schedules: all there are were tried. */
  all: boolean;
}

/** Of what was counted, by some notion of being alike. */
export interface Variety {
  /** How many differ. */
  distinct: number;
  /** Of these, first seen in the last half of the schedules. */
  recent: number;
  /** The chance that the next schedule shows a new one, by Good and Turing: how many were seen once, of all seen. */
  chance_of_new: number;
  /** False: more than can be kept, so all is estimated from a sample. */
  exact: boolean;
}

/**
 * Counts distinct signatures. When there are too many to keep, only those whose hash ends in a zero are, then in two:
 * each is still kept or not whenever it comes, so what is kept is a fair sample.
 */
export class Distinct {
  readonly #seen = new Map<number, { first: number; again: boolean }>();
  #mask = 0;
  #total = 0;

  add(signature: number): void {
    const at = this.#total++;
    if ((hash(signature) & this.#mask) !== 0) return;
    const known = this.#seen.get(signature);
    if (known !== undefined) {
      known.again = true;
      return;
    }
    this.#seen.set(signature, { first: at, again: false });
    if (this.#seen.size <= BEHAVIOURS_KEPT) return;
    this.#mask = 2 * this.#mask + 1;
    for (const kept of this.#seen.keys()) if ((hash(kept) & this.#mask) !== 0) this.#seen.delete(kept);
  }

  get variety(): Variety {
    let recent = 0;
    let once = 0;
    for (const { first, again } of this.#seen.values()) {
      if (2 * first >= this.#total) recent++;
      if (!again) once++;
    }
    const each = this.#mask + 1;
    return {
      distinct: this.#seen.size * each,
      recent: recent * each,
      chance_of_new: this.#total === 0 ? 1 : Math.min(1, (once * each) / this.#total),
      exact: this.#mask === 0,
    };
  }
}

function hash(signature: number): number {
  const x = Math.imul(signature ^ (signature / 0x100000000), 0x2c1b3c6d);
  return x ^ (x >>> 15);
}

/** A number for a text, for `Distinct`. */
export function text_signature(text: string): number {
  let low = 0x811c9dc5;
  let high = 0;
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high + text.charCodeAt(i), 0x85ebca6b) ^ (high >>> 13);
  }
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0);
}

export interface Coverage {
  strategy: string;
  /** Null: no bounded search took part. */
  bound: BoundCoverage | null;
  /** By the order in which the module's steps touched what they share. */
  behaviours: Variety;
  /** By what can be told from outside: the log and the verdict. */
  outcomes: Variety;
  /** There was nothing to choose: the module has one interleaving, whatever the strategy. */
  no_choice: boolean;
}
