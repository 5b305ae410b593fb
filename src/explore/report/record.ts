// Records one schedule: every step with what it reads or writes, locks held, interrupts, waits, switches, log lines, in
// the order in which they happened. A step is told of before its access is made; what it did is looked up when the next
// thing happens, which is after it, since one thing at a time happens in a stepped machine.
import { readFileSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPORT_STEPS } from '../../machine/params.js';
import { Note, type Running, type Tracer } from '../../stepped/core.js';
import type { Site } from '../../stepped/transform.js';
import type { Outcome } from '../outcome.js';
import type { Session, Watched } from '../session.js';
import { access_of, function_name, is_marked, is_view, Places, type Place } from './places.js';
import type { ReportSource, ReportStep, ReportTask, StepKind } from './schedule.js';

/** The package's root: sites of the kernel are relative to it. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Recording {
  outcome: Outcome;
  /** The steps of the machine by their number in the schedule, from 1. */
  numbered: ReadonlyMap<number, ReportStep>;
  /** Calls that free something, with its address; in their order. */
  freed: readonly { readonly step: ReportStep; readonly address: number }[];
  left_out: number;
  steps: ReportStep[];
  tasks: ReportTask[];
  sources: ReportSource[];
}

/** Runs a schedule with a recorder watching. */
export function record(session: Session, run: () => Outcome): Recording {
  let recorder: Recorder | null = null;
  let failure: { error: unknown } | null = null;
  // What the recorder throws would be an oops of the code that it watches.
  const guarded = (f: () => void): void => {
    if (failure !== null) return;
    try {
      f();
    } catch (error) {
      failure = { error };
    }
  };
  session.trace((machine) => {
    const made = new Recorder(machine, session.compiled.file);
    recorder = made;
    return {
      stands: (site, a, b) => guarded(() => made.stands(site, a, b)),
      step: (site) => guarded(() => made.step(site)),
      note: (what, text) => guarded(() => made.note(what, text)),
    };
  });
  try {
    const outcome = run();
    if (failure !== null) throw (failure as { error: unknown }).error;
    return { outcome, ...recorder!.finish() };
  } finally {
    session.trace(null);
  }
}

/** Who acts: a task, or an interrupt on a CPU. */
const context_key = (now: Running & { cpu: number }): string =>
  now.depth > 0 ? `${now.cpu}/${now.depth}` : `task ${now.pid}`;

interface Standing {
  place: Place | null;
  /** The first argument of a call, as reports name it. */
  about: string;
  /** The same, for locks: what `lock_text` would name. */
  address: number;
}
const NOTHING: Standing = { place: null, about: '', address: 0 };

class Recorder implements Tracer {
  #steps: ReportStep[] = [];
  #left_out = 0;
  readonly #places: Places;
  readonly #sources: ReportSource[] = [];
  readonly #source_index = new Map<string, number>();
  readonly #standing = new Map<string, Standing>();
  /** The last step of each context. */
  readonly #last_of = new Map<string, ReportStep>();
  /** Locks taken for reading, which nobody can be asked for: by context. */
  readonly #read_locks = new Map<string, string[]>();
  readonly #tasks = new Map<number, ReportTask>();
  /** The step whose access is not made yet, with its place. */
  #open: { step: ReportStep; place: Place | null } | null = null;
  #log_position: number;
  #logged: number;
  readonly #names = new Map<number, string>();
  readonly #numbered = new Map<number, ReportStep>();
  readonly #freed: { step: ReportStep; address: number }[] = [];
  #count = 0;

  constructor(
    private readonly machine: Watched,
    main: string,
  ) {
    this.#places = new Places(machine);
    this.#log_position = machine.log_position();
    this.#logged = machine.log().length;
    this.#source(main);
  }

  // ---- what the machine tells ----------------------------------------------------------------------------------------
  stands(id: number, a: unknown, b: unknown): void {
    const site = this.machine.site(id);
    if (site.kind === 'loop') return;
    const first = is_view(a) ? a : is_view(b) ? b : null;
    this.#standing.set(context_key(this.machine.running()), {
      place: this.#places.of(site, a, b),
      about:
        first !== null
          ? this.#places.object_name(first)
          : typeof a === 'number' && /free|put/.test(site.name)
            ? this.#places.address_name(a)
            : '',
      address: first !== null ? first['@addr'] >>> 0 : typeof a === 'number' ? a >>> 0 : 0,
    });
  }

  step(id: number): void {
    this.#count++;
    const site = this.machine.site(id);
    if (site.kind === 'loop') return;
    const now = this.machine.running();
    const standing = this.#standing.get(context_key(now)) ?? NOTHING;
    const { place } = standing;
    if (standing.about !== '' && site.kind === 'call') this.#names.set(standing.address, standing.about);
    const step = this.#begin(site.kind as StepKind, now, site);
    this.#numbered.set(this.#count, step);
    step.access = site.kind === 'call' ? access_of(function_name(site)) : (site.kind as 'read' | 'write');
    step.marked = site.kind === 'call' && step.access !== null && is_marked(function_name(site));
    step.place = place && { name: place.name, address: place.address, size: place.size };
    step.before = place && this.#places.value(place);
    step.argument = site.kind === 'call' && standing.about !== '' ? standing.about : null;
    // An element of an array is read and written by a method, which is no primitive of the kernel.
    const is_access = site.kind !== 'call' || (place !== null && !step.marked);
    step.text = !is_access
      ? `${site.name}(${place?.name ?? standing.about})`
      : `${step.access} ${place?.name ?? site.name}`;
    if (/free/.test(site.name) && standing.address !== 0) this.#freed.push({ step, address: standing.address });
    this.#open = { step, place };
    this.#note_read_lock(context_key(now), site.name, standing.about);
  }

  note(what: Note, text: string): void {
    const now = this.machine.running();
    const kind = NOTE_KINDS[what]!;
    const step = this.#begin(kind, now, null);
    step.text = kind === 'enter' ? text : kind === 'exit' ? 'end of the interrupt' : text;
    const task = this.#tasks.get(now.pid);
    if (task === undefined || now.depth > 0) return;
    if (kind === 'end') task.state = 'ended';
    else if (kind === 'wait' || (kind === 'leave' && !/^(is preempted|gives way)/.test(text))) {
      task.state = 'waiting';
      task.waits = this.#named(text);
    }
  }

  // ---- making steps --------------------------------------------------------------------------------------------------
  #begin(kind: StepKind, now: Running & { cpu: number }, site: Site | null): ReportStep {
    this.#close();
    this.#take_log(now);
    const key = context_key(now);
    const locks = this.#locks(key, now);
    const last = this.#last_of.get(key);
    if (last !== undefined) {
      const taken = locks.filter((l) => !last.locks.includes(l));
      last.locks_after = locks;
      if (last.kind === 'call' && taken.length > 0) last.kind = 'lock';
      else if (last.kind === 'call' && last.locks.some((l) => !locks.includes(l))) last.kind = 'unlock';
      else if (last.kind === 'wait' && taken.length > 0) {
        last.locks_after = last.locks;
        const got = this.#add('acquired', now, null, last.locks);
        got.site = last.site;
        got.text = `has ${taken.join(', ')} now`;
        got.locks_after = locks;
      }
    }
    const step = this.#add(kind, now, site, locks);
    if (kind === 'wait' && last !== undefined) step.site = last.site;
    this.#last_of.set(key, step);
    if (now.depth === 0) {
      const { task, pid, cpu } = now;
      const known = this.#tasks.get(pid);
      this.#tasks.set(pid, {
        task,
        pid,
        cpu,
        last_step: step.index,
        site: step.site ?? known?.site ?? null,
        state: 'running',
        waits: '',
      });
    }
    return step;
  }
  #add(kind: StepKind, now: Running & { cpu: number }, site: Site | null, locks: string[]): ReportStep {
    const source = site === null ? 0 : this.#source(site.file);
    const step: ReportStep = {
      index: this.#left_out + this.#steps.length,
      kind,
      cpu: now.cpu,
      task: now.task,
      pid: now.pid,
      context: now.context === '' ? 'task' : now.context,
      depth: now.depth,
      site: site && { source, line: site.line, column: site.column },
      own: site === null || this.#sources[source]!.own,
      text: '',
      argument: null,
      place: null,
      before: null,
      after: null,
      access: null,
      marked: false,
      locks,
      locks_after: locks,
      irqs_off: now.irqs_off,
      preempt_count: now.preempt_count,
      time_ns: now.ns,
    };
    this.#steps.push(step);
    if (this.#steps.length >= 2 * REPORT_STEPS) {
      this.#left_out += REPORT_STEPS;
      this.#steps = this.#steps.slice(REPORT_STEPS);
    }
    return step;
  }

  /** The access of the last step has been made: what it left behind. */
  #close(): void {
    if (this.#open === null) return;
    const { step, place } = this.#open;
    this.#open = null;
    if (place === null) return;
    step.after = this.#places.value(place);
    const { before, after } = step;
    if (step.access === 'read') step.text += ` = ${before}`;
    else if (step.access === 'write') step.text += ` = ${after}`;
    else if (step.access === 'update') step.text += before === after ? `: still ${after}` : `: ${before} → ${after}`;
  }

  #take_log(now: Running & { cpu: number }): void {
    const position = this.machine.log_position();
    if (position === this.#log_position) return;
    this.#log_position = position;
    const records = this.machine.log();
    for (const record of records.slice(this.#logged)) {
      const step = this.#add('log', { ...now, cpu: record.cpu }, null, []);
      step.task = this.#tasks.get(record.pid)?.task ?? (record.pid === now.pid ? now.task : '');
      step.pid = record.pid;
      step.text = record.text;
      step.time_ns = record.ts;
    }
    this.#logged = records.length;
  }

  // ---- locks ---------------------------------------------------------------------------------------------------------
  #locks(key: string, now: Running): string[] {
    const { spin, sleeping } = this.machine.locks();
    const held = [...sleeping.reverse(), ...spin].map((a) => this.#lock_name(a));
    if (now.rcu_nesting > 0) held.push('RCU (reading)');
    return [...held, ...(this.#read_locks.get(key) ?? [])];
  }
  #lock_name(address: number): string {
    return this.#names.get(address) ?? this.#places.address_name(address);
  }
  #note_read_lock(key: string, name: string, about: string): void {
    const held = this.#read_locks.get(key) ?? [];
    if (/^(read_lock|down_read)(_|$)/.test(name)) held.push(`${about} (reading)`);
    else if (/^(read_unlock|up_read)(_|$)/.test(name)) {
      const at = held.lastIndexOf(`${about} (reading)`);
      if (at >= 0) held.splice(at, 1);
    } else return;
    this.#read_locks.set(key, [...held]);
  }
  /** Texts of the machine name locks by symbol and offset: as reports do. */
  #named(text: string): string {
    return text.replace(
      /([A-Za-z_]\w*)\+0x([0-9a-f]+)\/0x[0-9a-f]+( \[\w+\])?/g,
      (whole, name: string, offset: string) => {
        for (const [address, known] of this.#names) {
          const symbol = this.machine.symbol(address);
          if (symbol?.name === name && address - symbol.value === parseInt(offset, 16)) return known;
        }
        return offset === '0' ? name : whole;
      },
    );
  }

  // ---- sources -------------------------------------------------------------------------------------------------------
  #source(file: string): number {
    const known = this.#source_index.get(file);
    if (known !== undefined) return known;
    const path = isAbsolute(file) ? file : resolve(ROOT, file);
    let text = '';
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      // An installed package has no sources of the kernel: the report does without.
    }
    const own = isAbsolute(file);
    const shown = relative(process.cwd(), path);
    this.#sources.push({ file: own ? (shown.startsWith('..') ? path : shown) : file, own, text });
    this.#source_index.set(file, this.#sources.length - 1);
    return this.#sources.length - 1;
  }

  finish(): Omit<Recording, 'outcome'> {
    this.#close();
    this.#take_log(this.machine.running());
    const rename = (text: string): string => this.#places.renamed(text);
    // Tasks of one name are told apart as in the kernel's own messages.
    const names = new Map<string, number>();
    for (const { task } of this.#tasks.values()) names.set(task, (names.get(task) ?? 0) + 1);
    const told_apart = (task: string, pid: number): string => ((names.get(task) ?? 0) > 1 ? `${task}/${pid}` : task);
    for (const step of this.#steps) {
      step.index -= this.#left_out;
      step.task = told_apart(step.task, step.pid);
      step.argument = step.argument && rename(step.argument);
      step.text = rename(step.kind === 'log' ? step.text : this.#named(step.text));
      step.locks = step.locks.map(rename);
      step.locks_after = step.locks_after.map(rename);
      if (step.place !== null) step.place.name = rename(step.place.name);
    }
    const tasks = [...this.#tasks.values()];
    for (const task of tasks) {
      task.task = told_apart(task.task, task.pid);
      task.waits = rename(task.waits);
      task.last_step = Math.max(-1, task.last_step - this.#left_out);
    }
    return {
      left_out: this.#left_out,
      steps: this.#steps,
      tasks,
      sources: this.#sources,
      numbered: this.#numbered,
      freed: this.#freed,
    };
  }
}

const NOTE_KINDS: Readonly<Record<Note, StepKind>> = {
  [Note.WAITS]: 'wait',
  [Note.LEAVES]: 'leave',
  [Note.ENDS]: 'end',
  [Note.ENTERS]: 'enter',
  [Note.EXITS]: 'exit',
};
