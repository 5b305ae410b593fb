// The benchmarks of `lockstep bench`: each measures one thing on a machine, by a module of modules/bench/ that prints
// `bench: KEY numbers`. The figures of one group are comparable with each other.
import type { Machine } from '../machine/machine.js';
import type { Figure } from './figure.js';

/** Runs a bench module. Return: the numbers of its lines, by key. */
export type Run = (module: string, parameters: Record<string, number>) => Promise<Record<string, number[][]>>;

export interface Point extends Pick<Figure, 'id' | 'group' | 'label' | 'series' | 'cpus' | 'unit' | 'better'> {
  measure(run: Run, machine: Machine, calibration: Calibration): Promise<{ value: number; beside?: string }>;
}
export interface Calibration {
  /** Turns of the modules' busy loop in a microsecond on this host. */
  turns_per_us: number;
}

const CPUS = [1, 2, 4, 8, 16];
const MS = 60;
const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);

// ---- one lock that all CPUs want --------------------------------------------------------------------------------------
const LOCKS: readonly [name: string, kind: number][] = [
  ['spin_lock', 0],
  ['spin_lock_irqsave', 1],
  ['mutex_lock', 2],
  ['write_lock', 3],
  ['write_seqlock', 4],
];
/** Length of a critical section in microseconds. */
const SECTIONS = [0.1, 10];

function locks(): Point[] {
  const points: Point[] = [];
  for (const us of SECTIONS)
    for (const [name, kind] of LOCKS)
      for (const cpus of CPUS)
        points.push({
          id: `locks/${name}/${us}us/${cpus}`,
          group: `One lock, sections of ${us} us`,
          label: `${name}, ${cpus} CPU${cpus === 1 ? '' : 's'}`,
          series: name,
          cpus,
          unit: 'sections/ms',
          better: 'higher',
          async measure(run, machine, { turns_per_us }) {
            const { done = [] } = await run('locks', {
              kind,
              inside: Math.max(1, Math.round(turns_per_us * us)),
              outside: Math.max(1, Math.round(turns_per_us * 0.1)),
              ms: MS,
            });
            const counts = done.map(([n]) => n!);
            const all = sum(counts);
            const worst = Math.max(...machine.statistics().map((cpu) => cpu.worst_wait_ms));
            return {
              value: all / MS,
              beside:
                cpus === 1
                  ? ''
                  : `least served ${((Math.min(...counts) * counts.length * 100) / all).toFixed(0)} % of its share, worst wait ${worst.toFixed(1)} ms`,
            };
          },
        });
  return points;
}

// ---- mostly reads -----------------------------------------------------------------------------------------------------
const READS: readonly [name: string, kind: number][] = [
  ['rwlock', 1],
  ['RCU', 3],
  ['seqlock', 2],
];
const reads = (): Point[] =>
  READS.flatMap(([name, kind]) =>
    [1, 2, 4, 8].map((cpus) => ({
      id: `reads/${name}/${cpus}`,
      group: 'Shared data, 95 % reads',
      label: `${name}, ${cpus} CPU${cpus === 1 ? '' : 's'}`,
      series: name,
      cpus,
      unit: 'accesses/ms',
      better: 'higher' as const,
      async measure(run: Run) {
        const { done = [] } = await run('reads', { kind, ms: MS });
        return { value: sum(done.map(([n]) => n!)) / MS };
      },
    })),
  );

// ---- single operations ------------------------------------------------------------------------------------------------
function each(what: number, name: string, group: string): Point[] {
  return [1, 2, 4].map((cpus) => ({
    id: `each/${name}/${cpus}`,
    group,
    label: `${name}, ${cpus} CPU${cpus === 1 ? '' : 's'} at once`,
    series: name,
    cpus,
    unit: 'pairs/ms',
    better: 'higher' as const,
    async measure(run) {
      const { done = [] } = await run('each', { what, ms: MS });
      return { value: sum(done.map(([n, us]) => (n! * 1000) / us!)) };
    },
  }));
}

const wakeup = (other: number): Point => ({
  id: `wakeup/${other === 0 ? 'same' : 'other'}`,
  group: 'From a wake-up to running',
  label: other === 0 ? 'on the same CPU' : 'on another CPU, which idles',
  series: null,
  cpus: other === 0 ? 1 : 2,
  unit: 'ns',
  better: 'lower',
  async measure(run) {
    const { wakeup: lines = [] } = await run('wakeup', { other, rounds: other === 0 ? 5000 : 500 });
    return { value: lines[0]?.[0] ?? NaN };
  },
});

const work: Point = {
  id: 'work/queue-to-run',
  group: 'From queue_work to running',
  label: 'on the same CPU',
  series: null,
  cpus: 1,
  unit: 'ns',
  better: 'lower',
  async measure(run) {
    const { work: lines = [] } = await run('work', { rounds: 2000 });
    return { value: lines[0]?.[0] ?? NaN };
  },
};

export function points(): Point[] {
  return [
    ...locks(),
    ...reads(),
    wakeup(0),
    wakeup(1),
    work,
    ...each(0, 'kmalloc(64) + kfree', 'The allocator'),
    ...each(1, 'mod_timer + del_timer', 'Timers'),
  ];
}
