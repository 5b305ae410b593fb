// Whose an object is that an interrupt allocates: the module's whose function it is, not that of the task underneath.
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule } from '../dist/module/compile.js';

afterAll(release_pools);
const module = (name: string): Promise<Awaited<ReturnType<typeof compileModule>>> =>
  compileModule(fileURLToPath(new URL(`fixtures/owner/${name}.ts`, import.meta.url)), { build: 'free', check: false });

describe('what an interrupt allocates while a task of another module runs', () => {
  test.each([
    ['is not taken for a leak of that module', 0, []],
    ['is a leak of its own module, when that forgets it', 1, [/module interrupts leaked 1 object, 100 bytes/]],
  ])('%s', async (_what, kept, leaks) => {
    const machine = await Machine.boot({ cpus: 2 });
    await machine.insmod(await module('spins'));
    await machine.insmod(await module('interrupts'), { kept });
    await machine.rmmod('spins');
    await machine.rmmod('interrupts');
    const found = machine.dmesg().filter((line) => line.includes('leaked'));
    await machine.poweroff();
    expect(found).toEqual(leaks.map((leak) => expect.stringMatching(leak) as string));
  });
});
