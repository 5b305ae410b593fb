// Figures of benchmarks: samples, their spread, what makes them mean nothing, and the comparison of two runs.

export interface Figure {
  /** What was measured, unique in a run: `locks/spin/0.1us/rate`. */
  id: string;
  group: string;
  /** A line of the table. */
  label: string;
  /** The curve that it is a point of, and where on it; null: a figure by itself. */
  series: string | null;
  cpus: number;
  unit: string;
  better: 'lower' | 'higher';
  samples: number[];
  /** How many of the samples were taken while the host had put the threads on one core. */
  misplaced: number;
  /** Figures that are shown beside it: worst wait, fairness. */
  beside: string;
}

export interface Report {
  version: 1;
  when: string;
  node: string;
  host: string;
  cores: number;
  load: number;
  figures: Figure[];
}

export interface Summary {
  median: number;
  /** A tenth of the samples are below, and above. */
  low: number;
  high: number;
  min: number;
  max: number;
}
export function summary(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  return { median: at(0.5), low: at(0.1), high: at(0.9), min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** Above this a figure is marked as noisy. */
export const SPREAD_LIMIT = 0.5;
export const spread = ({ median, low, high }: Summary): number => (high - low) / median;

/** Why a figure means nothing, '' if it does mean something. */
export function doubt(figure: Figure): string {
  if (figure.samples.length === 0) return 'not measured';
  if (figure.cpus > 1 && figure.misplaced * 2 > figure.samples.length) return 'threads shared a core';
  if (spread(summary(figure.samples)) > SPREAD_LIMIT) return 'noisy';
  return '';
}

export interface Difference {
  figure: Figure;
  before: Summary;
  after: Summary;
  /** After divided by before, of the medians. */
  ratio: number;
  verdict: 'faster' | 'slower' | 'no difference beyond the noise' | 'means nothing';
}
/** Medians that differ by less are not called different, however steady they are. */
const LEAST = 0.05;

/**
 * Figures that both runs have. Different means that all samples of one lie on one side of all of the other's, and the
 * medians differ by 5 % or more.
 */
export function compare(before: Report, after: Report): Difference[] {
  const old = new Map(before.figures.map((figure) => [figure.id, figure]));
  return after.figures.flatMap((figure) => {
    const was = old.get(figure.id);
    if (was === undefined || was.samples.length === 0 || figure.samples.length === 0) return [];
    const a = summary(was.samples);
    const b = summary(figure.samples);
    const ratio = b.median / a.median;
    const apart = (b.min > a.max || b.max < a.min) && Math.abs(ratio - 1) >= LEAST;
    const verdict =
      doubt(was) !== '' || doubt(figure) !== ''
        ? 'means nothing'
        : !apart
          ? 'no difference beyond the noise'
          : ratio > 1 === (figure.better === 'higher')
            ? 'faster'
            : 'slower';
    return [{ figure, before: a, after: b, ratio, verdict } as const];
  });
}

/** Four digits, thousands apart. */
export function digits(x: number): string {
  if (!Number.isFinite(x)) return '-';
  const abs = Math.abs(x);
  return abs >= 1000
    ? Math.round(x).toLocaleString('en-US')
    : abs >= 100
      ? x.toFixed(0)
      : abs >= 10
        ? x.toFixed(1)
        : x.toFixed(2);
}
