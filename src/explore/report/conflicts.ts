// What in a recorded schedule makes it fail, as far as the order of accesses tells: accesses of one place by different
// contexts (tasks, interrupts) that no order of the whole operations would give, and waits that go round in a circle.
// Heuristics: they rank and phrase, the verdict is the machine's.
import type { RaceAccess, RaceReport } from '../outcome.js';
import type { ReportConflict, ReportStep } from './schedule.js';

/** How many of them a report names. */
const MOST = 3;
/** The failing context's last accesses: what its check has looked at. */
const CHECKED = 8;

interface Access {
  step: ReportStep;
  /** Who: a number for each task, and for each interrupt that arrived. */
  context: number;
  reads: boolean;
  writes: boolean;
}

/** Who made a step. */
export type Who = Pick<ReportStep, 'task' | 'context' | 'cpu'>;
/** `worker/1 on CPU 0`, `the timer interrupt on CPU 1`. */
export function who(step: Who, with_cpu = true): string {
  const interrupt = /^interrupt \((.*)\)$/.exec(step.context)?.[1];
  const name =
    interrupt !== undefined ? `the ${interrupt} interrupt` : step.context === 'task' ? step.task : `a ${step.context}`;
  return with_cpu ? `${name} on CPU ${step.cpu}` : name;
}
/** At the beginning of a sentence; names of tasks stay as they are. */
export const capital = (text: string): string =>
  text.replace(/^(the|a) /, (word) => word[0]!.toUpperCase() + word.slice(1));

/** By step: who makes it. */
export function contexts_of(steps: readonly ReportStep[]): number[] {
  const numbers = new Map<string, number>();
  const entered = new Map<string, number>();
  return steps.map((step) => {
    const on = `${step.cpu}/${step.depth}`;
    if (step.kind === 'enter') entered.set(`${step.cpu}/${step.depth + 1}`, step.index);
    const key =
      step.depth > 0 ? `${on}/${entered.get(on) ?? 0}` : step.context === 'task' ? `task ${step.pid}` : `${step.cpu}`;
    const n = numbers.get(key) ?? numbers.size;
    numbers.set(key, n);
    return n;
  });
}

export function find_conflicts(steps: readonly ReportStep[], verdict: string): ReportConflict[] {
  const contexts = contexts_of(steps);
  const found: { score: number; conflict: ReportConflict }[] = [];
  if (verdict === 'deadlock') {
    const circle = find_circle(steps);
    if (circle !== null) found.push({ score: 1000, conflict: circle });
    const all = circle === null ? all_waiting(steps) : null;
    if (all !== null) found.push({ score: 300, conflict: all });
  }
  const again = find_recursion(steps);
  if (again !== null) found.push({ score: 900, conflict: again });
  const missed = find_missed_wakeup(steps);
  if (missed !== null && verdict !== 'livelock') found.push({ score: 400, conflict: missed });
  const freed = find_use_after_free(steps, contexts);
  if (freed !== null && verdict !== 'deadlock') found.push({ score: 500, conflict: freed });

  const by_place = new Map<number, Access[]>();
  for (const step of steps) {
    if (step.place === null || step.access === null) continue;
    const of = by_place.get(step.place.address) ?? [];
    const reads = step.access !== 'write';
    of.push({ step, context: contexts[step.index]!, reads, writes: step.access !== 'read' });
    by_place.set(step.place.address, of);
  }
  const checked = last_places(steps, contexts);
  for (const [address, accesses] of by_place) {
    if (!accesses.some((a) => a.writes) || new Set(accesses.map((a) => a.context)).size < 2) continue;
    const bonus = checked.has(address) ? 50 : 0;
    for (const { score, conflict } of interleaved(accesses))
      found.push({ score: score + bonus + conflict.steps.at(-1)! / steps.length, conflict });
  }
  if (found.length === 0) {
    const pair = last_unordered(by_place, checked);
    if (pair !== null) found.push({ score: 1, conflict: pair });
  }
  found.sort((a, b) => b.score - a.score);
  const kept: ReportConflict[] = [];
  const best = found[0]?.score ?? 0;
  for (const { score, conflict } of found) {
    if (kept.length === MOST || score < best / 2) break;
    if (!kept.some((k) => k.subject === conflict.subject || k.steps.some((s) => conflict.steps.includes(s))))
      kept.push(conflict);
  }
  return kept;
}

/** Addresses that the context which failed looked at last. */
function last_places(steps: readonly ReportStep[], contexts: readonly number[]): Set<number> {
  const places = new Set<number>();
  const last = steps.findLast((s) => s.kind !== 'log' && s.kind !== 'end' && s.kind !== 'leave');
  if (last === undefined) return places;
  for (let i = last.index, n = 0; i >= 0 && n < CHECKED; i--) {
    if (contexts[i] !== contexts[last.index]) continue;
    n++;
    const place = steps[i]!.place;
    if (place !== null) places.add(place.address);
  }
  return places;
}

/**
 * Two accesses of one context, one after the other, with accesses of others between them that do not fit: the five ways
 * in which such a triple is not the same as running one after the other.
 */
function* interleaved(accesses: readonly Access[]): Generator<{ score: number; conflict: ReportConflict }> {
  const previous = new Map<number, number>();
  for (const [at, second] of accesses.entries()) {
    const before = previous.get(second.context);
    previous.set(second.context, at);
    if (before === undefined || before === at - 1) continue;
    const first = accesses[before]!;
    const between = accesses.slice(before + 1, at);
    const writes = between.filter((a) => a.writes);
    const name = second.step.place!.name;
    const made = (kind: ReportConflict['kind'], score: number, text: string) => ({
      score,
      conflict: {
        kind,
        subject: name,
        steps: [first, ...ends(between), second].map((a) => a.step.index),
        text,
      },
    });
    const a = first.step;
    const b = second.step;
    const other = writes.at(-1)?.step;
    if (!first.writes && other !== undefined && b.access === 'write') {
      const by = writes.at(-1)!.context;
      const before_it = accesses.slice(0, accesses.indexOf(writes.at(-1)!)).findLast((x) => x.context === by);
      const theirs = before_it !== undefined && !before_it.writes ? before_it.step : null;
      const text = lost_update(a, b, writes, theirs);
      const lost = made('lost update', other.before === other.after ? 60 : 100, text);
      if (theirs !== null && theirs.index < a.index && theirs.before === a.before)
        lost.conflict.steps.unshift(theirs.index);
      yield lost;
    } else if (!first.writes && other !== undefined && b.access === 'update') {
      const text = `${capital(who(a))} read ${name} = ${a.before}, but before it changed it ${who(other)} had made it ${other.after}.`;
      yield made('stale check', 55, text);
    } else if (!first.writes && !second.writes && other !== undefined && a.before !== b.before && !same_site(a, b)) {
      const text = `${capital(who(a))} read ${name} = ${a.before} and then ${b.before}: ${who(other)} changed it in between.`;
      yield made('changed between reads', 40, text);
    } else if (first.writes && !second.writes && other !== undefined && b.before !== a.after && !same_site(a, b)) {
      const text = `${capital(who(a))} set ${name} to ${a.after} and then found ${b.before} there: ${who(other)} had changed it.`;
      yield made('overwritten', 20, text);
    } else if (a.access === 'write' && b.access === 'write' && writes.length === 0) {
      const reader = between[0]!.step;
      const text = `${capital(who(reader))} read ${name} = ${reader.before} between two writes of ${who(a)}: it saw the work half done.`;
      yield made('seen half done', 10, text);
    }
  }
}
/** Of many accesses the first two and the last two: what lies between them says no more. */
const ends = (between: readonly Access[]): readonly Access[] =>
  between.length <= 6 ? between : [...between.slice(0, 2), ...between.slice(-2)];
const same_site = (a: ReportStep, b: ReportStep): boolean =>
  a.site !== null && b.site !== null && a.site.line === b.site.line && a.site.column === b.site.column;

/** `theirs` is what the last of the others read before it wrote, if it did. */
function lost_update(
  read: ReportStep,
  write: ReportStep,
  others: readonly Access[],
  theirs: ReportStep | null,
): string {
  const name = write.place!.name;
  const other = others.at(-1)!.step;
  if (theirs?.before === read.before && other.after === write.after) {
    const both =
      read.cpu === other.cpu ? `${who(read, false)} and ${who(other, false)}` : `${who(read)} and ${who(other)}`;
    return /^(true|false)$/.test(write.after ?? '')
      ? `${capital(both)} both read ${name} = ${read.before}, then both made it ${write.after}: neither saw the other.`
      : `${capital(both)} both read ${name} = ${read.before}, then both wrote ${write.after}: one update is lost.`;
  }
  const head = `${capital(who(read))} read ${name} = ${read.before}; before it wrote ${write.after},`;
  const cpus = new Set(others.map((x) => x.step.cpu));
  const names = [...new Set(others.map((x) => who(x.step, cpus.size > 1)))];
  if (cpus.size === 1) names.push(`${names.pop()} on CPU ${other.cpu}`);
  if (others.length === 1) return `${head} ${names[0]} wrote ${other.after}: that update is lost.`;
  const all =
    names.length > 3 ? 'others' : `${names.slice(0, -1).join(', ')}${names.length > 1 ? ' and ' : ''}${names.at(-1)}`;
  return `${head} ${all} had made it ${other.after}: ${others.length} updates are lost.`;
}

/** The last two conflicting accesses without a lock in common, where nothing more telling was found. */
function last_unordered(by_place: ReadonlyMap<number, Access[]>, checked: ReadonlySet<number>): ReportConflict | null {
  let best: ReportConflict | null = null;
  const loads = /^(insmod|rmmod)$/;
  for (const [address, accesses] of by_place) {
    for (const [i, second] of accesses.entries()) {
      const first = accesses[i - 1];
      if (first === undefined || first.context === second.context || !(first.writes || second.writes)) continue;
      if (loads.test(first.step.task) || loads.test(second.step.task)) continue;
      if (first.step.locks.some((l) => second.step.locks.includes(l))) continue;
      const last = second.step.index;
      if (best !== null && last < best.steps[1]! && !checked.has(address)) continue;
      const [a, b] = [first.step, second.step];
      const text = `${capital(who(a))} ${verb(a)}, then ${who(b)} ${verb(b)}, and no lock orders the two.`;
      best = { kind: 'unordered', subject: b.place!.name, steps: [a.index, last], text };
    }
  }
  return best;
}
const verb = (s: ReportStep): string =>
  s.access === 'read'
    ? `read ${s.place!.name} = ${s.before}`
    : s.access === 'write'
      ? `wrote ${s.place!.name} = ${s.after}`
      : `changed ${s.place!.name} from ${s.before} to ${s.after}`;

/** An access to an object that another context has freed before. */
function find_use_after_free(steps: readonly ReportStep[], contexts: readonly number[]): ReportConflict | null {
  const freed = new Map<string, ReportStep>();
  for (const step of steps) {
    if (step.kind === 'call' && step.argument !== null && /^(kfree|kvfree|vfree|kmem_cache_free)/.test(step.text)) {
      const before = freed.get(step.argument);
      if (before !== undefined && before.text === step.text)
        return {
          kind: 'use after free',
          subject: step.argument,
          steps: [before.index, step.index],
          text: `${capital(who(before))} freed ${step.argument}, and ${who(step)} freed it again.`,
        };
      freed.set(step.argument, step);
    }
    if (step.place === null) continue;
    for (const [object, free] of freed)
      if (step.place.name.startsWith(`${object}.`) && step.own)
        return {
          kind: 'use after free',
          subject: object,
          steps: [free.index, step.index],
          text:
            contexts[free.index] === contexts[step.index]
              ? `${capital(who(free))} freed ${object} and then ${verb(step)}.`
              : `${capital(who(free))} freed ${object}, then ${who(step)} ${verb(step)}.`,
        };
  }
  return null;
}

/** The last thing that happens is that somebody takes a spin lock which the CPU holds already. */
function find_recursion(steps: readonly ReportStep[]): ReportConflict | null {
  const last = steps.findLast((s) => s.kind !== 'log' && s.kind !== 'end');
  const lock = last?.argument ?? null;
  if (
    last?.kind !== 'call' ||
    lock === null ||
    !last.locks.includes(lock) ||
    !/^(raw_)?(spin|read|write)_lock/.test(last.text)
  )
    return null;
  const taken = steps.findLast(
    (s) => s.cpu === last.cpu && s.index < last.index && s.locks_after.includes(lock) && !s.locks.includes(lock),
  );
  if (taken === undefined) return null;
  const entered = steps.findLast((s) => s.kind === 'enter' && s.cpu === last.cpu && s.index < last.index);
  const nested = entered !== undefined && entered.index > taken.index && last.context !== 'task';
  const marked = nested ? [taken.index, entered.index, last.index] : [taken.index, last.index];
  const text = nested
    ? `${taken.task} took ${lock} on CPU ${last.cpu} with interrupts on; ${who(last, false)} came on top of it and wants the same lock, which can never be released now.`
    : `${capital(who(last))} takes ${lock} again, which it holds already.`;
  return { kind: 'deadlock', subject: lock, steps: marked, text };
}

/** A task sleeps for good, and the wake-up that it needs came after it had looked and before it slept. */
function find_missed_wakeup(steps: readonly ReportStep[]): ReportConflict | null {
  const last = new Map<number, ReportStep>();
  for (const step of steps) if (step.kind !== 'log' && step.depth === 0) last.set(step.pid, step);
  for (const slept of last.values()) {
    if (slept.kind !== 'leave' || !/^(waits|sleeps)/.test(slept.text)) continue;
    const own = steps.filter((s) => s.pid === slept.pid && s.depth === 0 && s.index < slept.index);
    const looked = own.findLast((s) => s.access === 'read');
    if (looked === undefined) continue;
    // A completion and a semaphore remember it, a wait queue and a task do not.
    const queue = own.findLast((s) => s.argument !== null)?.argument ?? '';
    const wake = steps.findLast(
      (s) =>
        s.pid !== slept.pid &&
        s.index > looked.index &&
        s.index < slept.index &&
        (/^(wake_up_process|kthread_stop)\(/.test(s.text) || (/^wake_up/.test(s.text) && s.argument === queue)),
    );
    if (wake === undefined) continue;
    return {
      kind: 'missed wake-up',
      subject: queue,
      steps: [looked.index, wake.index, slept.index],
      text: `${capital(who(slept))} looked at ${looked.place!.name} (${looked.before}), then ${who(wake)} called ${wake.text}, and only then ${slept.task} went to sleep: nobody wakes it again.`,
    };
  }
  return null;
}

interface Waiter {
  step: ReportStep;
  /** What it waits for, '' if that has no name. */
  lock: string;
  holds: string[];
}
/** Tasks and interrupts that wait at the end. */
function waiters_of(steps: readonly ReportStep[]): Waiter[] {
  const waiters: Waiter[] = [];
  const last = new Map<string, { step: ReportStep; call: ReportStep | null }>();
  for (const step of steps) {
    if (step.kind === 'log') continue;
    const key = step.depth > 0 ? `${step.cpu}/${step.depth}` : `task ${step.pid}`;
    const before = last.get(key);
    last.set(key, { step, call: step.argument !== null ? step : (before?.call ?? null) });
  }
  for (const { step, call } of last.values())
    if (step.kind === 'wait' || (step.kind === 'leave' && /^(waits|sleeps)/.test(step.text)))
      waiters.push({ step, lock: call?.argument ?? '', holds: step.locks_after });
  return waiters;
}

/** All that wait at the end, where they do not wait for locks in a circle: for each other otherwise. */
function all_waiting(steps: readonly ReportStep[]): ReportConflict | null {
  const all = waiters_of(steps);
  // Who loads and unloads the module waits for those that are to blame; a worker without work sleeps by schedule().
  const idle = /^(kworker|ksoftirqd)/;
  const blamed = all.filter(
    ({ step }) => !/^(insmod|rmmod)$/.test(step.task) && !(idle.test(step.task) && step.text.startsWith('sleeps')),
  );
  const stuck = blamed.length > 0 ? blamed : all;
  if (stuck.length === 0) return null;
  const parts = stuck.slice(0, 3).map(({ step, holds }) => {
    const has = holds.length === 0 ? '' : `, which holds ${holds.join(' and ')},`;
    return `${who(step)}${has} ${step.text}`;
  });
  if (stuck.length > 3) parts.push(`${stuck.length - 3} more wait too`);
  const end =
    stuck.length === 1 ? 'nobody is left to end that' : stuck.length === 2 ? 'neither can go on' : 'none can go on';
  const subject = [...new Set(stuck.map((w) => w.lock).filter((l) => l !== ''))].join(', ');
  const marked = stuck.map((w) => w.step.index).sort((a, b) => a - b);
  return { kind: 'deadlock', subject, steps: marked, text: `${capital(parts.join('; '))}: ${end}.` };
}

/** Who waits at the end for a lock that another one holds, followed round. */
function find_circle(steps: readonly ReportStep[]): ReportConflict | null {
  const waiters = waiters_of(steps);
  const taken_at = (lock: string, holder: ReportStep): number[] =>
    steps
      .filter(
        (s) =>
          s.index < holder.index &&
          (s.kind === 'lock' || s.kind === 'acquired') &&
          s.locks_after.includes(lock) &&
          !s.locks.includes(lock),
      )
      .slice(-1)
      .map((s) => s.index);
  for (const start of waiters) {
    const circle: Waiter[] = [];
    for (let at: Waiter | undefined = start; at !== undefined && !circle.includes(at);) {
      circle.push(at);
      const wanted: string = at.lock;
      at = waiters.find((w) => w.holds.includes(wanted));
    }
    const end = circle.at(-1)!;
    if (end.lock === '' || !start.holds.includes(end.lock)) continue;
    const marked = circle.flatMap((w) => [...w.holds.flatMap((l) => taken_at(l, w.step)), w.step.index]);
    const steps_marked = [...new Set(marked)].sort((a, b) => a - b);
    const subject = [...new Set(circle.map((w) => w.lock))].join(', ');
    if (circle.length === 1) {
      const text =
        start.step.depth > 0
          ? `${capital(who(start.step))} waits for ${start.lock}, which ${start.step.task} held when the interrupt came on top of it: neither can go on.`
          : `${capital(who(start.step))} waits for ${start.lock}, which it holds itself.`;
      return { kind: 'deadlock', subject, steps: steps_marked, text };
    }
    const parts = circle.map((w) => {
      const wanted = circle.map((x) => x.lock).filter((l) => w.holds.includes(l));
      return `${who(w.step)} holds ${wanted.join(' and ')} and waits for ${w.lock}`;
    });
    const none = circle.length === 2 ? 'neither can go on' : 'none can go on';
    return { kind: 'deadlock', subject, steps: steps_marked, text: `${capital(parts.join(', while '))}: ${none}.` };
  }
  return null;
}

/** The race that the detector found, as a conflict: it is proven, the others are guessed. */
export function race_conflict(race: RaceReport, step_of: (access: RaceAccess) => ReportStep | null): ReportConflict {
  const found = race.accesses.map(step_of);
  const name = found.find((s) => s?.place)?.place?.name ?? race.object;
  const said = (a: RaceAccess): string => {
    const by = a.by === '' ? '' : ` (${a.by})`;
    const value =
      a.kind === 'read' ? (a.before === null ? '' : ` = ${a.before}`) : a.after === null ? '' : ` = ${a.after}`;
    const verb = a.kind === 'read' ? 'reads' : a.kind === 'write' ? 'writes' : 'changes';
    const who = a.context === 'task' ? a.task : `a ${a.context === 'hardirq' ? 'hardware interrupt' : 'softirq'}`;
    return `${who} on CPU ${a.cpu} ${verb} ${name}${value}${by}`;
  };
  const [first, second] = race.accesses;
  const other = race.other_order.differs ? ` What comes of it differs: ${race.other_order.text}.` : '';
  const steps = found.flatMap((s) => s?.index ?? []);
  return {
    kind: 'data race',
    subject: name,
    steps: [...new Set(steps)].sort((a, b) => a - b),
    text: `${capital(said(first))}, ${said(second)}, and nothing orders the two.${other}`,
  };
}

/** The access that the address checks refused, and the call that had freed the object. */
export function freed_conflict(
  message: string,
  steps: readonly ReportStep[],
  freed: readonly { readonly step: ReportStep; readonly address: number }[],
): ReportConflict | null {
  const object = /use-after-free.*object at 0x([0-9a-f]+)/.exec(message)?.[1];
  const free = freed.findLast((f) => f.address === parseInt(object ?? '', 16))?.step;
  const said = steps.find((s) => s.kind === 'log' && s.text.includes('use-after-free'));
  const last = steps.findLast((s) => s.index < (said?.index ?? 0) && s.kind !== 'log');
  if (free === undefined || last === undefined || last === free) return null;
  const text = `${capital(who(free))} called ${free.text}, then ${who(last)} went on to use what was freed there (${last.text}).`;
  return { kind: 'use after free', subject: free.argument ?? '', steps: [free.index, last.index], text };
}
