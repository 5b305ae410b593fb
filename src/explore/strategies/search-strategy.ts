// What a search asks of a strategy beside its decisions.
import type { Strategy } from '../../stepped/strategy.js';
import type { BoundCoverage } from '../coverage.js';

export interface SearchStrategy extends Strategy {
  /**
   * Schedules below this number are those that it learns from: whoever makes a later one has made them, in their order.
   * What it decides depends on the seed, the number of the schedule, and what it learned; the bounded search's on all
   * schedules before.
   */
  readonly learns: number;
  /** There is no schedule with this number any more. */
  skips?(schedule: number): boolean;
  /** No further schedule would show anything new. */
  readonly exhausted?: boolean;
  readonly coverage?: BoundCoverage;
}
