// Where a key leads in the page of a report: no DOM, so that tests can ask.

/** What stepping needs to know of a schedule. */
export interface Steps {
  /** By step: whether it is on the page, and not folded away. */
  visible: readonly boolean[];
  /** Steps at which another CPU or another context goes on, and steps that conflict; ascending. */
  switches: readonly number[];
  conflicts: readonly number[];
}

/** What a key or a button does. */
export type Move =
  'next' | 'previous' | 'first' | 'last' | 'next switch' | 'previous switch' | 'next conflict' | 'previous conflict';

const KEYS: Readonly<Record<string, Move>> = {
  ArrowDown: 'next',
  ArrowRight: 'next',
  j: 'next',
  ArrowUp: 'previous',
  ArrowLeft: 'previous',
  k: 'previous',
  Home: 'first',
  End: 'last',
  n: 'next switch',
  p: 'previous switch',
  c: 'next conflict',
  C: 'previous conflict',
};
/** Null for keys that do nothing here. */
export const move_of = (key: string): Move | null => KEYS[key] ?? null;

/** The step that a move leads to; the same one where there is no further. */
export function go(steps: Steps, at: number, move: Move): number {
  const all = steps.visible.flatMap((shown, i) => (shown ? [i] : []));
  const after = (list: readonly number[]): number => list.find((i) => i > at) ?? at;
  const before = (list: readonly number[]): number => list.findLast((i) => i < at) ?? at;
  switch (move) {
    case 'next':
      return after(all);
    case 'previous':
      return before(all);
    case 'first':
      return all[0] ?? at;
    case 'last':
      return all.at(-1) ?? at;
    case 'next switch':
      return after(steps.switches.filter((i) => steps.visible[i]));
    case 'previous switch':
      return before(steps.switches.filter((i) => steps.visible[i]));
    case 'next conflict':
      return after(steps.conflicts);
    case 'previous conflict':
      return before(steps.conflicts);
  }
}
