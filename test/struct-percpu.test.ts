import { beforeEach, expect, test } from 'vitest';
import { attach_memory, ld, st } from '../dist/cpu/raw.js';
import { enter_cpu } from '../dist/cpu/context.js';
import { preempt_count } from '../dist/cpu/preempt.js';
import { Mach, Pcpu, STATIC, PERCPU_SIZE, percpu_base } from '../src/machine/memory-map.js';
import {
  Struct,
  addr_of,
  array,
  begin_static,
  def_name,
  end_static,
  set_on_static,
  u32,
  u64,
  u8,
} from '../dist/linux/types.js';
import {
  DEFINE_PER_CPU,
  get_cpu_var,
  per_cpu,
  per_cpu_ptr,
  put_cpu_var,
  this_cpu_add,
  this_cpu_add_return,
  this_cpu_cmpxchg,
  this_cpu_dec,
  this_cpu_inc,
  this_cpu_inc_return,
  this_cpu_ptr,
  this_cpu_read,
  this_cpu_sub,
  this_cpu_write,
  this_cpu_xchg,
} from '../dist/linux/percpu.js';

class stats extends Struct('stats', { packets: u32, bytes: u64, errors: u8 }, { init: (a) => st(a, 7) }) {}

beforeEach(() => {
  attach_memory(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true }));
  st(Mach.CPUS, 3);
  enter_cpu(0);
});

function evaluate<T>(initialise: boolean, f: () => T): T {
  begin_static(STATIC, initialise);
  const made = f();
  end_static();
  return made;
}

test('per-CPU data is a copy on every CPU, initialised by the first evaluation and at one offset in all', () => {
  const module = () => ({
    s: DEFINE_PER_CPU(stats, { errors: 2 }),
    n: DEFINE_PER_CPU(u32, 5),
    v: DEFINE_PER_CPU(array(u8, 4)),
  });
  const first = evaluate(true, module);
  enter_cpu(2);
  const other = evaluate(false, module);
  expect([other.s.offset, other.n.offset, other.v.offset]).toEqual([first.s.offset, first.n.offset, first.v.offset]);
  expect(ld(Mach.PERCPU_NEXT)).toBe(first.v.offset + 4);
  for (let cpu = 0; cpu < 3; cpu++) {
    const { packets, errors, bytes } = per_cpu(first.s, cpu);
    expect([packets, errors, bytes, per_cpu(first.n, cpu).value]).toEqual([7, 2, 0n, 5]);
  }
  this_cpu_inc(first.n);
  this_cpu_ptr(first.s).packets++;
  expect([0, 1, 2].map((cpu) => [per_cpu(first.n, cpu).value, per_cpu_ptr(first.s, cpu).packets])).toEqual([
    [5, 7],
    [5, 7],
    [6, 8],
  ]);
  expect(addr_of(this_cpu_ptr(first.s))).toBe(percpu_base(2) + first.s.offset);
  expect(() => per_cpu(first.s, 3)).toThrow('there is no CPU 3');
});

test('a second module gets its own per-CPU space', () => {
  const a = evaluate(true, () => DEFINE_PER_CPU(u64));
  const b = evaluate(true, () => DEFINE_PER_CPU(u64));
  expect([a.offset, b.offset]).toEqual([Pcpu.DYNAMIC, Pcpu.DYNAMIC + 8]);
});

test('this_cpu operations work on fields and on primitives, and wrap', () => {
  const s = evaluate(true, () => DEFINE_PER_CPU(stats));
  const n = evaluate(true, () => DEFINE_PER_CPU(u64));
  this_cpu_write(s, 'errors', 255);
  this_cpu_inc(s, 'errors');
  expect(this_cpu_read(s, 'errors')).toBe(0);
  this_cpu_dec(s, 'errors');
  expect(this_cpu_read(s, 'errors')).toBe(255);
  expect(this_cpu_add_return(s, 'errors', 3)).toBe(2);
  this_cpu_add(s, 'packets', -8);
  expect(this_cpu_read(s, 'packets')).toBe(0xffffffff);
  expect(this_cpu_inc_return(s, 'packets')).toBe(0);
  this_cpu_add(s, 'bytes', 5n);
  this_cpu_sub(s, 'bytes', 6n);
  expect(this_cpu_read(s, 'bytes')).toBe(2n ** 64n - 1n);
  expect(this_cpu_xchg(s, 'bytes', 4n)).toBe(2n ** 64n - 1n);
  expect([
    this_cpu_cmpxchg(s, 'bytes', 3n, 9n),
    this_cpu_cmpxchg(s, 'bytes', 4n, 9n),
    this_cpu_read(s, 'bytes'),
  ]).toEqual([4n, 4n, 9n]);
  this_cpu_write(n, 3n);
  this_cpu_inc(n);
  this_cpu_sub(n, 2n);
  expect([this_cpu_read(n), this_cpu_xchg(n, 8n), this_cpu_cmpxchg(n, 8n, 1n), this_cpu_add_return(n, 1n)]).toEqual([
    2n,
    2n,
    8n,
    2n,
  ]);
  expect(() => this_cpu_inc(s as never, 'nope' as never)).toThrow("struct stats has no field 'nope'");
});

test('get_cpu_var holds preemption off until put_cpu_var', () => {
  const s = evaluate(true, () => DEFINE_PER_CPU(stats));
  get_cpu_var(s).packets = 1;
  expect(preempt_count()).toBe(1);
  put_cpu_var(s);
  expect(preempt_count()).toBe(0);
});

test('running out of per-CPU space and differing evaluations are refused, names reach kallsyms', () => {
  expect(() => evaluate(true, () => DEFINE_PER_CPU(array(u8, PERCPU_SIZE)))).toThrow('-ENOMEM');
  end_static();
  evaluate(true, () => DEFINE_PER_CPU(u32));
  expect(() => evaluate(false, () => 0)).toThrow('defined other static data');
  const seen: unknown[] = [];
  set_on_static((name, at, size) => seen.push([name, at, size]));
  const x = evaluate(true, () => {
    def_name('hits');
    return DEFINE_PER_CPU(u32);
  });
  set_on_static(() => {});
  expect(seen).toEqual([['hits', x.offset, 4]]);
});
