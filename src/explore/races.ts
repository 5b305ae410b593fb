// The race detector as a session drives it: turned on for a schedule, asked what it found, and, when the schedule is run
// once more for a report, told to watch the two accesses. The detector itself runs in the stepped kernel (src/detect).
import type { RaceAccess, RaceContext, RaceReport } from '../detect/race-report.js';
import { At } from '../detect/clocks.js';
import type { Kind } from '../detect/shadow.js';
import type { Suppression } from './outcome.js';
import { Suppressions } from './suppressions.js';
import type { Site } from '../stepped/transform/context.js';
import type { SteppedGraph } from './graph.js';

const KINDS: Record<Kind, { kind: RaceAccess['kind']; marked: boolean; by: string }> = {
  0: { kind: 'read', marked: false, by: '' },
  1: { kind: 'write', marked: false, by: '' },
  2: { kind: 'read', marked: true, by: '' },
  3: { kind: 'write', marked: true, by: '' },
  4: { kind: 'read', marked: true, by: 'ASSERT_EXCLUSIVE_WRITER' },
  5: { kind: 'write', marked: true, by: '' },
};

/** What the watched run saw of an access. */
type Seen = Pick<RaceAccess, 'stack' | 'locks' | 'disabled' | 'before' | 'after'> & { who: Who };
type Who = Pick<RaceAccess, 'context' | 'cpu' | 'task' | 'pid'>;
interface Watched {
  race: RaceReport;
  seen: [Seen | null, Seen | null];
  allocated: string;
  /** By context: addresses of the locks that it holds. */
  held: Map<number, number[]>;
  /** Whose value after the access is still to be read. */
  unfinished: Seen | null;
}

export class RaceDetector {
  readonly suppressions: Suppressions;
  #watched: Watched | null = null;
  /** Schedules that were too large to be looked at as a whole. */
  lost = 0;

  constructor(
    private readonly k: SteppedGraph,
    private readonly site: (id: number) => Site | undefined,
    suppressions: readonly Suppression[],
  ) {
    this.suppressions = new Suppressions(suppressions);
  }

  /** Before the restore: the schedule that follows is looked at. */
  begin(): void {
    const { clocks, shadow, text } = this.k;
    clocks.at[At.WANTED] = 1;
    clocks.symbols.at = text.kallsyms_lookup;
    shadow.host.suppressed = () => this.#suppressed();
    if (this.#watched !== null) this.#begin_watch();
  }
  end(): void {
    const { at } = this.k.clocks;
    if (at[At.LOST] !== 0) this.lost++;
    at[At.WANTED] = 0;
    at[At.WATCHED] = 0;
    at[At.ON] = 0;
  }
  get found(): boolean {
    return this.k.clocks.at[At.FOUND] !== 0;
  }

  /** The schedules that follow are those in which `race` was found: everything about it is noted. Null ends it. */
  watch(race: RaceReport | null): void {
    this.#watched =
      race === null ? null : { race, seen: [null, null], allocated: '', held: new Map(), unfinished: null };
  }
  /** Part of `begin`. */
  #begin_watch(): void {
    const { clocks, shadow } = this.k;
    const w = this.#watched!;
    w.seen = [null, null];
    w.held.clear();
    w.unfinished = null;
    clocks.at[At.WATCHED] = 1;
    shadow.host.watch = (a, size, kind) => this.#see(w, a, size, kind);
    shadow.host.lock = (a, taken) => {
      const t = clocks.here();
      const held = w.held.get(t) ?? [];
      w.held.set(t, taken ? [...held, a] : held.filter((other) => other !== a));
    };
    shadow.host.allocated = (a, size) => {
      if (w.race.address < a || w.race.address >= a + size) return;
      const { task, pid } = this.k.core.running_now();
      w.allocated = `allocated by ${task}/${pid}: ${this.#stack()[0] ?? 'by the kernel'}`;
    };
  }
  #see(w: Watched, a: number, size: number, _kind: Kind): void {
    const { clocks, core, context } = this.k;
    this.#finish();
    const { race } = w;
    if (a >= race.address + race.size || a + size <= race.address) return;
    const i = race.accesses.findIndex((x) => x.step === core.total_steps());
    if (i < 0) return;
    const now = core.running_now();
    const t = clocks.here();
    const kind: RaceContext = !now.interrupt ? 'task' : now.context === 'softirq' ? 'softirq' : 'hardirq';
    const seen: Seen = {
      stack: this.#stack(),
      locks: (w.held.get(t) ?? []).map((lock) => this.k.text.symbol_text(lock)),
      disabled: core.disabled_text(),
      before: this.#value(),
      after: null,
      who: { context: kind, cpu: context.cpu, task: now.task, pid: now.pid },
    };
    w.seen[i as 0 | 1] = seen;
    w.unfinished = seen;
  }
  /** The access that was seen last has been made. */
  #finish(): void {
    const w = this.#watched;
    if (w === null || w.unfinished === null) return;
    w.unfinished.after = this.#value();
    w.unfinished = null;
  }
  /** At the next step, in a watched schedule. */
  stepped(): void {
    this.#finish();
  }
  #stack(): string[] {
    return this.k.stack
      .stack_lines(new Error().stack)
      .filter((line) => /:\d+:\d+\)$/.test(line) && !line.includes('(lockstep/') && !/\((src|dist)\//.test(line));
  }
  /** What the racing place holds, as its field has it. */
  #value(): string | null {
    const { race } = this.#watched!;
    const { where } = this.k.shadow.race;
    const type = this.k.view.fields[where === 0 ? this.#where : where]!;
    const { I32, U8, U16, I64, F64 } = this.k.raw;
    const a = race.address;
    if (race.size === 8) return type.access === 'f64' ? String(F64[a >> 3]) : String(I64[a >> 3]);
    if (race.size === 4) return String(type.access === 'i32' ? I32[a >> 2]! : I32[a >> 2]! >>> 0);
    if (race.size === 2) return String(U16[a >> 1]!);
    if (race.size === 1) return type.bool ? String(U8[a] !== 0) : String(U8[a]!);
    return null;
  }
  #where = 0;

  /** A race that is not meant ends the schedule. */
  #suppressed(): boolean {
    const { race } = this.k.shadow;
    const answer = this.suppressions.match(
      race.sites.map((s) => this.site(s)),
      this.#names(),
    );
    if (!answer) {
      this.#where = race.where;
      this.k.core.stop_here();
    }
    return answer;
  }

  /** `struct.field`, and the variable that it is in. */
  #names(): string[] {
    const { race } = this.k.shadow;
    const { where } = this.k.view.fields[race.where]!;
    const variable = this.k.text.kallsyms_lookup(race.address);
    return [where, variable === null || !variable.data ? '' : variable.name].filter((n) => n !== '');
  }
  #object(): string {
    const [first, second] = this.#names();
    if (first === undefined) return `0x${this.k.shadow.race.address.toString(16).padStart(8, '0')}`;
    return second === undefined || first === second || first.startsWith(`${second}.`) || first === `${second}[]`
      ? first
      : `${first} of ${second}`;
  }

  /** What is known of the race that was found: all of it after a run with `watch`. */
  report(): RaceReport {
    this.#finish();
    const { race } = this.k.shadow;
    const accesses = [0, 1].map((i) => this.#access(i as 0 | 1)) as [RaceAccess, RaceAccess];
    return {
      address: race.address,
      size: race.size,
      object: this.#object(),
      allocated: this.#watched?.allocated ?? '',
      accesses,
      other_order: other_order(accesses),
    };
  }
  #access(i: 0 | 1): RaceAccess {
    const { race } = this.k.shadow;
    const site = this.site(race.sites[i]);
    const of = KINDS[race.kinds[i]];
    const seen = this.#watched?.seen[i] ?? null;
    const frame = seen === null ? null : /\(([^()]*):(\d+):(\d+)\)$/.exec(seen.stack[0] ?? '');
    return {
      ...of,
      by: of.by !== '' ? of.by : site?.kind === 'call' ? site.name : '',
      step: race.steps[i],
      ...(seen?.who ?? this.#who_was(race.contexts[i])),
      file: frame?.[1] ?? site?.file ?? '',
      line: frame === null ? (site?.line ?? 0) : Number(frame[2]),
      column: frame === null ? (site?.column ?? 0) : Number(frame[3]),
      stack: seen?.stack ?? [],
      locks: seen?.locks ?? [],
      disabled: seen?.disabled ?? '',
      before: seen?.before ?? null,
      after: seen?.after ?? null,
    };
  }
  #who_was(context: number): Who {
    const { clocks, core } = this.k;
    const { task, level, cpu } = clocks.context_origin(context);
    return level < 0
      ? { context: 'task', cpu, ...core.name_of(task) }
      : { context: level === 0 ? 'softirq' : 'hardirq', cpu, ...core.name_of(0) };
  }
}

/** What both values say of the other order. */
function other_order([first, second]: [RaceAccess, RaceAccess]): RaceReport['other_order'] {
  const writes = (a: RaceAccess): boolean => a.kind !== 'read';
  if (first.before === null || second.before === null || first.after === null || second.after === null)
    return { differs: true, text: 'in the other order they may give something else' };
  if (writes(first) && writes(second))
    return first.after === second.after
      ? { differs: false, text: `in the other order the value is ${second.after} too` }
      : { differs: true, text: `in the other order the value is ${first.after} at the end, not ${second.after}` };
  const read = writes(first) ? second : first;
  const other = writes(first) ? first.before : second.after;
  return other === read.before
    ? { differs: false, text: `in the other order the read gives ${other} too` }
    : { differs: true, text: `in the other order the read gives ${other}, not ${read.before}` };
}
