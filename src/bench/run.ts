// Runs benchmarks: for each number of CPUs one machine after the other, all points in turn, several passes, so that what
// disturbs the host hits all alike.
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { MachineFailure } from '../machine/errors.js';
import { Machine } from '../machine/machine.js';
import { compileModule, type CompiledModule } from '../module/compile.js';
import { points, type Calibration, type Point, type Run } from './catalog.js';
import type { Figure, Report } from './figure.js';
import { end_placement, placement, type Placement } from './placement.js';

const MODULE_MS = 60_000;
const FOLDER = fileURLToPath(new URL('../../modules/bench/', import.meta.url));

export interface BenchOptions {
  /** Samples of each figure. */
  passes: number;
  /** Only figures whose id or label contains it. */
  filter: string;
  /** Told what is measured now. */
  progress?: (done: number, of: number, what: string) => void;
  /** Called between two samples; throws to end the run. */
  check?: () => void;
}

/** Turns of the modules' busy loop in a microsecond on this host. */
export function turns_per_us(): number {
  let v = 1;
  let best = Infinity;
  for (let r = 0; r < 10; r++) {
    const began = performance.now();
    for (let i = 0; i < 1e6; i++) v = (v * 31 + i) | 0;
    best = Math.min(best, performance.now() - began);
  }
  return 1e6 / (best * 1000) + 0 * v;
}

export const chosen = (filter: string): Point[] =>
  points().filter((p) => p.id.includes(filter) || p.label.includes(filter) || p.group.includes(filter));

/** Throws MachineFailure when a bench module does not do what it should. */
export async function bench({
  passes,
  filter,
  progress,
  check,
}: BenchOptions): Promise<{ report: Report; placements: Placement[] }> {
  const wanted = chosen(filter);
  const figures = new Map<string, Figure>(
    wanted.map((p) => [
      p.id,
      {
        id: p.id,
        group: p.group,
        label: p.label,
        series: p.series,
        cpus: p.cpus,
        unit: p.unit,
        better: p.better,
        samples: [],
        misplaced: 0,
        beside: '',
      },
    ]),
  );
  const modules = new Map<string, CompiledModule>();
  const calibration: Calibration = { turns_per_us: turns_per_us() };
  const placements: Placement[] = [];
  let done = 0;
  try {
    for (const cpus of [...new Set(wanted.map((p) => p.cpus))].sort((a, b) => a - b)) {
      const here = wanted.filter((p) => p.cpus === cpus);
      // The first pass warms the code and does not count.
      for (let pass = -1; pass < passes; pass++) {
        const probe = cpus > 1 && pass >= 0 ? await placement() : null;
        if (probe !== null) placements.push(probe);
        for (const point of here) {
          check?.();
          progress?.(done, wanted.length * passes, point.label);
          const machine = await Machine.boot({ cpus });
          try {
            const { value, beside = '' } = await point.measure(runner(machine, modules), machine, calibration);
            if (pass < 0) continue;
            done++;
            const figure = figures.get(point.id)!;
            figure.samples.push(value);
            if (probe !== null && !probe.good) figure.misplaced++;
            figure.beside = beside;
          } finally {
            await machine.poweroff();
          }
        }
      }
    }
  } finally {
    await end_placement();
  }
  return {
    placements,
    report: {
      version: 1,
      when: new Date().toISOString(),
      node: process.version,
      host: os.cpus()[0]?.model ?? '?',
      cores: os.availableParallelism(),
      load: os.loadavg()[0]!,
      figures: [...figures.values()],
    },
  };
}

/**
 * Loads a bench module, waits until it has ended, unloads it. Return: the numbers of its lines `bench: KEY numbers`, by
 * key. Throws MachineFailure when it does not end, or anything was found.
 */
export async function run_bench_module(
  machine: Machine,
  module: CompiledModule,
  parameters: Record<string, number>,
  limit_ms = MODULE_MS,
): Promise<Record<string, number[][]>> {
  const before = machine.records.length;
  await machine.insmod(module, parameters);
  if (!(await machine.idle(limit_ms))) throw new MachineFailure(`bench module ${module.name} does not come to its end`);
  await machine.rmmod(module.name);
  const { oopses, warnings, reports } = machine.verdict;
  if (oopses + warnings + reports > 0)
    throw new MachineFailure(`bench module ${module.name} failed:\n${machine.dmesg().slice(-20).join('\n')}`);
  const found: Record<string, number[][]> = {};
  for (const { text } of machine.records.slice(before)) {
    const line = /^bench: (\w+) ([-\d. ]+)$/.exec(text);
    if (line !== null) (found[line[1]!] ??= []).push(line[2]!.split(' ').map(Number));
  }
  return found;
}

function runner(machine: Machine, modules: Map<string, CompiledModule>): Run {
  return async (name, parameters) => {
    const module = modules.get(name) ?? (await compileModule(`${FOLDER}${name}.ts`, { build: 'free', check: false }));
    modules.set(name, module);
    return run_bench_module(machine, module, parameters);
  };
}
