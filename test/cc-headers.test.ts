// The headers in include/: one definition with the kernel's TypeScript, complete in themselves, and their API at work.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { findToolchain } from '../dist/cc/toolchain.js';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { gfp_flags, layout } from '../scripts/c-layout.mjs';

const INCLUDE = fileURLToPath(new URL('../include/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lockstep-cc-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await release_pools();
});
const can_compile = ((): boolean => {
  try {
    findToolchain();
    return true;
  } catch {
    return false;
  }
})();

test.each([
  ['layout.h', layout],
  ['gfp.h', gfp_flags],
])('include/lockstep/%s is what the TypeScript structs make (else: node scripts/c-layout.mjs)', (name, made) => {
  expect(readFileSync(`${INCLUDE}lockstep/${name}`, 'utf8')).toBe(made);
});

test.runIf(can_compile)(
  'all headers together, last ones first, make a module that waits, times, lists, formats and has parameters of every type',
  { timeout: 180_000 },
  async () => {
    const names = readdirSync(INCLUDE, { recursive: true, encoding: 'utf8' }).filter((n) =>
      /^(linux|asm)\/.*\.h$/.test(n),
    );
    expect(names.length).toBeGreaterThan(50);
    const includes = names
      .sort()
      .reverse()
      .map((name) => `#include <${name}>\n`);
    const file = join(folder, 'api.c');
    writeFileSync(file, includes.join('') + readFileSync('test/fixtures/c/api.c', 'utf8'));
    const machine = await Machine.boot({ cpus: 2 });
    const parameters = { flag: 'y', ports: '9,8,7', name: 'abc', big: '0x10', byte: 200, small: -5 };
    await machine.insmod(file, parameters);
    await machine.idle(60_000);
    await machine.rmmod('api');
    await machine.poweroff();
    const log = machine.records.map(({ text }) => text);
    expect(log).toContain('fired 1 tasklet 1 left 0 waited 1');
    expect(log).toContain('012');
    expect(log).toContain('x-1099511627777 2 -ENOMEM flag 1 ports 9/3 name abc big 16 200 -5');
    expect(machine.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
  },
);
