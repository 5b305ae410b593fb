// What the kernel tells about itself, as text in the manner of /proc: read on demand by `serve_request` for the host.
// Everything is a look without locks, as in Linux: numbers of different lines need not belong to the same moment.
// Context: task.
import { LOCK_STAT, LOCK_STAT_ENTRIES, Mach, Pcpu, PERCPU, PERCPU_SIZE, percpu_base } from '../machine/memory-map.js';
import { HZ } from '../machine/params.js';
import { clock_ns } from '../cpu/clock.js';
import { LOCK_KINDS, LockStat } from '../cpu/lock-stat.js';
import { ld, ldf64 } from '../cpu/raw.js';
import { Softirq } from '../cpu/softirq.js';
import { lock_text } from '../cpu/spinlock.js';
import { VECTOR_NAMES } from '../cpu/vectors.js';
import { nr_free_pages, totalram_pages } from '../mm/page_alloc.js';
import { buddyinfo_text, slabinfo_text } from '../mm/slabinfo.js';
import { blocked_text, for_each_task } from '../sched/debug.js';
import { Task, TASK_DEAD, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from '../sched/task-layout.js';
import { loaded_modules } from './module.js';
import { task_comm, task_pid } from './panic.js';
import { symbol_text } from './text.js';

const SOFTIRQS = [
  'HI',
  'TIMER',
  'NET_TX',
  'NET_RX',
  'BLOCK',
  'IRQ_POLL',
  'TASKLET',
  'SCHED',
  'HRTIMER',
  'RCU',
] as const;

const each_cpu = <T>(f: (area: number, cpu: number) => T): T[] =>
  Array.from({ length: ld(Mach.CPUS) }, (_, cpu) => f(percpu_base(cpu), cpu));

/** Columns to the right, the first and the last to the left. */
function table(rows: readonly (readonly (string | number)[])[]): string {
  const width: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (width[i] = Math.max(width[i] ?? 0, String(cell).length)));
  let text = '';
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 || i === width.length - 1 ? String(cell).padEnd(width[i]!) : String(cell).padStart(width[i]!),
    );
    text += `${cells.join('  ').trimEnd()}\n`;
  }
  return text;
}

function counts(of: number, n: number, name: (i: number) => string): string {
  const rows: (string | number)[][] = [['', ...each_cpu((_, cpu) => `CPU${cpu}`), '']];
  for (let i = 0; i < n; i++) {
    const row = each_cpu((area) => ld(area + of + i * 4) >>> 0);
    if (row.some((count) => count !== 0)) rows.push([`${i}:`, ...row, name(i)]);
  }
  return table(rows);
}
const interrupts = (): string =>
  counts(Pcpu.IRQ_COUNTS, 32, (v) => VECTOR_NAMES[v] ?? symbol_text(ld(Mach.VECTOR_HANDLERS + v * 4)));
const softirqs = (): string => counts(Pcpu.SOFTIRQ_COUNTS, Softirq.NR, (nr) => SOFTIRQS[nr] ?? String(nr));

/** The kernel's own locks have no symbols. */
function lock_name(a: number): string {
  const own: Readonly<Record<number, string>> = {
    [Mach.LOCK_TASKLIST]: 'the list of tasks',
    [Mach.LOCK_MODULES]: 'the list of modules',
    [Mach.LOCK_CONSOLE]: 'the console',
    [Mach.LOCK_MM]: 'the page allocator',
  };
  if (own[a] !== undefined) return own[a];
  const cpu = Math.floor((a - PERCPU) / PERCPU_SIZE);
  if (cpu >= 0 && cpu < ld(Mach.CPUS)) {
    if (a === percpu_base(cpu) + Pcpu.RQ_LOCK) return `the run queue of CPU ${cpu}`;
    if (a === percpu_base(cpu) + Pcpu.TIMER_LOCK) return `the timers of CPU ${cpu}`;
  }
  return lock_text(a);
}

function lock_stat(): string {
  const rows: { name: string; kind: string; contended: number; waited: number; longest: number }[] = [];
  for (let i = 0; i < LOCK_STAT_ENTRIES; i++) {
    const entry = LOCK_STAT + i * LockStat.SIZE;
    const key = ld(entry + LockStat.ADDRESS);
    if (key === 0) continue;
    rows.push({
      name: lock_name(key & ~3),
      kind: LOCK_KINDS[ld(entry + LockStat.KIND)] ?? '?',
      contended: ld(entry + LockStat.CONTENDED) >>> 0,
      waited: ld(entry + LockStat.WAITED) >>> 0,
      longest: ld(entry + LockStat.LONGEST) >>> 0,
    });
  }
  rows.sort((a, b) => b.waited - a.waited);
  return table([
    ['kind', 'contentions', 'waited us', 'mean us', 'longest us', 'lock'],
    ...rows.map((r) => [r.kind, r.contended, r.waited, (r.waited / r.contended).toFixed(1), r.longest, r.name]),
  ]);
}

function schedstat(): string {
  const now = clock_ns();
  return table([
    ['CPU', 'queued', 'switches', 'migrations', 'ticks', 'parks', 'busy since ms', 'running'],
    ...each_cpu((area, cpu) => {
      const task = ld(area + Pcpu.RQ_CURR);
      return [
        cpu,
        ld(area + Pcpu.RQ_NR),
        ld(area + Pcpu.STAT_SWITCHES) >>> 0,
        ld(area + Pcpu.STAT_MIGRATIONS) >>> 0,
        ld(area + Pcpu.STAT_TICKS) >>> 0,
        ld(area + Pcpu.STAT_PARKS) >>> 0,
        task === 0 ? '-' : ((now - ldf64(area + Pcpu.CURR_SINCE)) / 1e6).toFixed(1),
        task === 0 ? 'idle' : `${task_comm(task)}/${task_pid(task)}`,
      ];
    }),
  ]);
}

function state_text(task: number): string {
  const state = ld(task + Task.STATE);
  if (state === 0) return ld(task + Task.ON_CPU) !== 0 ? 'R+' : 'R';
  if ((state & TASK_DEAD) !== 0) return 'X';
  return (state & TASK_UNINTERRUPTIBLE) !== 0 ? 'D' : (state & TASK_INTERRUPTIBLE) !== 0 ? 'S' : '?';
}
function tasks(): string {
  const rows: (string | number)[][] = [];
  for_each_task((task) => {
    rows.push([
      `${task_comm(task)}/${task_pid(task)}`,
      state_text(task),
      ld(task + Task.CPU),
      (ldf64(task + Task.SUM_EXEC) / 1e6).toFixed(3),
      ld(task + Task.NVCSW),
      ld(task + Task.NIVCSW),
      ld(task + Task.MIGRATIONS),
      ld(task + Task.STATE) === 0 ? '' : blocked_text(task),
    ]);
  });
  return table([['task', 'state', 'CPU', 'ran ms', 'voluntary', 'preempted', 'migrations', 'waits for'], ...rows]);
}

function meminfo(): string {
  const kib = (pages: number): string => `${pages * 4} kB`;
  return table([
    ['MemTotal:', kib(totalram_pages()), ''],
    ['MemFree:', kib(nr_free_pages()), ''],
    ['Memory:', `${ld(Mach.MEMORY) >>> 10} kB`, ''],
  ]);
}

function uptime(): string {
  return `${(clock_ns() / 1e9).toFixed(2)} s, jiffies ${ld(Mach.JIFFIES) >>> 0} (HZ ${HZ})\n`;
}
const modules = (): string =>
  table([['module', 'used by', 'state'], ...loaded_modules().map((m) => [m.name, m.references, m.state])]);

const FILES: Readonly<Record<string, () => string>> = {
  buddyinfo: buddyinfo_text,
  interrupts,
  lock_stat,
  meminfo,
  modules,
  schedstat,
  slabinfo: slabinfo_text,
  softirqs,
  tasks,
  uptime,
};
export const PROC_NAMES: readonly string[] = Object.keys(FILES);
/** The text of /proc/`name`; null if there is none. */
export const proc_text = (name: string): string | null => FILES[name]?.() ?? null;
