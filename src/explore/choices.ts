// What a schedule is made of, in its two forms: every choice that was made, as the machine records them, and only those
// that deviate from the usual continuation (continuation.ts), as a token holds them.
import type { Action } from '../stepped/strategy.js';

/** One decision of a schedule and how far the CPU came with it. */
export interface Choice {
  cpu: number;
  action: Action;
  /** Steps of the CPU beyond the one that it stood before. */
  steps: number;
  /** It would have gone on: the decision had no more steps for it. */
  cut: boolean;
}

/** A decision that is not what the usual continuation would make. */
export interface Deviation {
  /** So many usual decisions come between the deviation before and this one. */
  after: number;
  /** The decision before this one ends after so many steps (as in Choice), -1 if it comes to its own end. */
  cut: number;
  cpu: number;
  action: Action;
}

export const ACTIONS = 4;

/** One choice as one number: what the machine records costs no object. */
export const encode_choice = (cpu: number, action: Action, steps: number, cut: boolean, cpus: number): number =>
  ((steps * cpus + cpu) * ACTIONS + action) * 2 + (cut ? 1 : 0);
export function decode_choice(n: number, cpus: number): Choice {
  const what = Math.floor(n / 2);
  const rest = Math.floor(what / ACTIONS);
  return { action: what % ACTIONS, cpu: rest % cpus, steps: Math.floor(rest / cpus), cut: n % 2 === 1 };
}
