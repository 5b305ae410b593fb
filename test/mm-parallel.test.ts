import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { attach_memory, I32 } from '../dist/cpu/raw.js';
import { kfree } from '../dist/linux/slab.js';
import { nr_free_pages, totalram_pages } from '../dist/mm/page_alloc.js';
import { slab_reclaim } from '../dist/mm/slab_cache.js';
import { enter_cpu, machine_memory, power_on } from './mm-setup.js';

const CPUS = 4;
const SLOTS = 64;
const SLOTS_AT = 0x90000;
const url = (name: string): string => new URL(name, import.meta.url).href;

/** Runs the code on every CPU. Return: what went wrong, by CPU. */
async function on_every_cpu(body: string): Promise<string[]> {
  const code = `
    const { workerData: d, parentPort } = require('node:worker_threads');
    Promise.all([d.raw, d.context, d.slab, d.pages, d.clock].map((u) => import(u))).then(([raw, context, slab, pages, clock]) => {
      raw.attach_memory(d.memory);
      context.enter_cpu(d.cpu);
      clock.init_clock();
      let seed = d.cpu * 7919 + 1;
      const random = (n) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % n;
      const { ld, st, a_xchg } = raw, { kmalloc, kfree, GFP_KERNEL, __GFP_NOWARN } = slab;
      let problem = '';
      try { problem = (() => { ${body} })() ?? ''; } catch (e) { problem = e.stack; }
      parentPort.postMessage(problem);
    });`;
  const workers = Array.from({ length: CPUS }, (_, cpu) => {
    const workerData = {
      cpu,
      memory: machine_memory(),
      raw: url('../dist/cpu/raw.js'),
      context: url('../dist/cpu/context.js'),
      slab: url('../dist/linux/slab.js'),
      pages: url('../dist/mm/page_alloc.js'),
      clock: url('../dist/cpu/clock.js'),
    };
    return new Promise<string>((done, fail) =>
      new Worker(code, { eval: true, workerData }).on('message', done).on('error', fail),
    );
  });
  const problems = await Promise.all(workers);
  attach_memory(machine_memory());
  return problems.filter((p) => p !== '');
}

/** A free slot is 0; an object carries its size and stamp. Whoever takes an object out frees it. */
const EXCHANGE = `
  for (let i = 0; i < 20000; i++) {
    const size = 8 + random(random(10) === 0 ? 12000 : 300);
    const p = kmalloc(size, GFP_KERNEL | __GFP_NOWARN);
    if (p !== 0) { st(p, size); st(p + 4, p ^ size); raw.st8(p + size - 1, raw.ld8(p + size - 1)); }
    const q = a_xchg(${SLOTS_AT} + random(${SLOTS}) * 4, p);
    if (q === 0) continue;
    if (ld(q + 4) !== (q ^ ld(q))) return 'the object at ' + q + ' was given out twice';
    kfree(q);
    if (random(20) === 0) { const a = pages.__get_free_pages(GFP_KERNEL, random(4)); if (a) pages.free_pages(a, pages_order(a)); }
  }
  function pages_order(a) { return (ld(0x300000 + (a >>> 12) * 16) >>> 8) & 0xff; }`;

test('4 CPUs that allocate, hand objects to each other and free them lose no page and share no object', async () => {
  power_on(CPUS);
  expect(await on_every_cpu(EXCHANGE)).toEqual([]);
  for (let i = 0; i < SLOTS; i++) kfree(I32[(SLOTS_AT >> 2) + i]!);
  for (let cpu = 0; cpu < CPUS; cpu++) {
    enter_cpu(cpu);
    slab_reclaim();
  }
  expect(nr_free_pages()).toBe(totalram_pages());
}, 60_000);

test('the control: objects that are freed while another CPU still owns them are noticed', async () => {
  power_on(CPUS);
  const problems = await on_every_cpu(EXCHANGE.replace('kfree(q);', 'kfree(q); if (random(50) === 0) kfree(q);'));
  expect(problems.length).toBeGreaterThan(0);
}, 60_000);

test('of CPUs that free the same object at the same time all but one are told', async () => {
  power_on(CPUS);
  const ROUNDS = 100;
  // CPU 0 allocates and publishes; all of them free; a barrier counts arrivals.
  const body = `
    let bugs = 0;
    // Spins first, so that they leave together; then yields, there may be fewer cores than CPUs.
    const barrier = (n) => {
      raw.a_add(${SLOTS_AT} + 128, 1);
      for (let k = 0, v; (v = raw.a_ld(${SLOTS_AT} + 128)) < n; k++) if (k > 2000) raw.futex_wait(${SLOTS_AT} + 128, v, 1);
    };
    for (let round = 1; round <= ${ROUNDS}; round++) {
      if (d.cpu === 0) raw.a_st(${SLOTS_AT}, kmalloc(64, GFP_KERNEL));
      barrier(${CPUS} * (2 * round - 1));
      try { kfree(raw.a_ld(${SLOTS_AT})); } catch (e) { if (!/kmalloc-64/.test(e.message)) return e.message; bugs++; }
      barrier(${CPUS} * 2 * round);
    }
    raw.a_add(${SLOTS_AT} + 256, bugs);`;
  expect(await on_every_cpu(body)).toEqual([]);
  expect(I32[(SLOTS_AT + 256) >> 2]).toBe(ROUNDS * (CPUS - 1));
}, 60_000);
