// The strategies by their names. A new one is a file here and a line below.
import { UsageError } from '../../machine/errors.js';
import { MAX_BOUND, MAX_DEPTH } from '../../machine/params.js';
import { Bounded } from './bounded.js';
import { Pct } from './pct.js';
import { Portfolio } from './portfolio.js';
import { Pos } from './pos.js';
import { RandomWalk } from './random-walk.js';
import type { SearchStrategy } from './search-strategy.js';
import { Surw } from './surw.js';

export interface StrategyOptions {
  strategy?: StrategyName;
  /** 1 when not given. */
  seed?: number;
  /** Of PCT: how many orders a bug needs; 3 when not given. */
  depth?: number;
  /** Of the bounded search: the most preemptions; none when not given, 3 in the portfolio. */
  bound?: number;
}

const DEFAULT_DEPTH = 3;

const MADE = {
  portfolio: ({ seed, bound }: Given) => new Portfolio(seed, bound),
  random: ({ seed }: Given) => new RandomWalk(seed),
  pct: ({ seed, depth }: Given) => new Pct(seed, depth ?? DEFAULT_DEPTH),
  pos: ({ seed }: Given) => new Pos(seed),
  surw: ({ seed }: Given) => new Surw(seed),
  bounded: ({ bound }: Given) => new Bounded(bound ?? Infinity),
} satisfies Record<string, (given: Given) => SearchStrategy>;
interface Given {
  seed: number;
  depth: number | null;
  bound: number | null;
}

export type StrategyName = keyof typeof MADE;
export const STRATEGIES = Object.keys(MADE) as StrategyName[];
export const DEFAULT_STRATEGY: StrategyName = 'portfolio';

/** Throws UsageError for options that are wrong, or that the strategy would not look at. */
export function make_strategy(options: StrategyOptions): SearchStrategy {
  const { strategy = DEFAULT_STRATEGY, seed = 1, depth = null, bound = null } = options;
  if (!Object.hasOwn(MADE, strategy))
    throw new UsageError(`there is no strategy '${strategy}'; there are: ${STRATEGIES.join(', ')}`);
  if (!Number.isSafeInteger(seed)) throw new UsageError(`seed: ${seed} is not a whole number`);
  if (depth !== null && strategy !== 'pct')
    throw new UsageError(`depth: it is an option of the strategy pct, not of ${strategy}`);
  if (depth !== null && (!Number.isInteger(depth) || depth < 1 || depth > MAX_DEPTH))
    throw new UsageError(`depth: ${depth} is not a whole number from 1 to ${MAX_DEPTH}`);
  if (bound !== null && strategy !== 'bounded' && strategy !== 'portfolio')
    throw new UsageError(`bound: it is an option of the strategies bounded and portfolio, not of ${strategy}`);
  if (bound !== null && (!Number.isInteger(bound) || bound < 0 || bound > MAX_BOUND))
    throw new UsageError(`bound: ${bound} is not a whole number from 0 to ${MAX_BOUND}`);
  return MADE[strategy]({ seed, depth, bound });
}
