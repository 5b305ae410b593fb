// What becomes of a machine whose CPU dies, hangs or panics: reported by name, cleaned up, and the next boot in the same
// process works. The limits are shortened; what they are by default is in machine/params.ts.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { Machine, type MachineOptions } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/torture/${name}.ts`, import.meta.url));
let host_code: CompiledModule;
let pingpong: CompiledModule;
beforeAll(async () => {
  host_code = await compileModule(fixture('host-code'), { build: 'free', check: false });
  pingpong = await compileModule(fileURLToPath(new URL('../modules/torture/idle-wakeup.ts', import.meta.url)), {
    build: 'free',
    check: false,
  });
});
afterAll(release_pools);

/** The module with other JavaScript in its thread. */
function with_body(body: string): CompiledModule {
  const code = host_code.free!.code.replace(
    /\$c\(pr_info\((["'])@body@\1\), [^)]*\)|pr_info\((["'])@body@\2\)/,
    `{ ${body} }`,
  );
  expect(code).not.toBe(host_code.free!.code);
  return { ...host_code, free: { ...host_code.free!, code } };
}

interface Outcome {
  error: string;
  log: string;
  ms: number;
}
/** Boots, runs the body on the last of two CPUs, waits for the failure, powers off. */
async function fate(body: string, options: MachineOptions = {}): Promise<Outcome> {
  const machine = await Machine.boot({ cpus: 2, ...options });
  const began = performance.now();
  let error = '';
  try {
    await machine.insmod(with_body(body));
    await machine.idle(20_000);
    await machine.rmmod('host_code');
  } catch (e) {
    error = `${(e as Error).name}: ${(e as Error).message}`;
  }
  const ms = performance.now() - began;
  await machine.poweroff();
  return { error, log: machine.dmesg().join('\n'), ms };
}
/** The next machine in this process works. */
async function next_boot_works(): Promise<void> {
  const machine = await Machine.boot({ cpus: 2 });
  await machine.insmod(pingpong, { rounds: 50 });
  expect(await machine.idle(20_000)).toBe(true);
  await machine.rmmod('idle_wakeup');
  expect(machine.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
  expect(machine.dmesg().join('\n')).toContain('100 hand-overs by 2 CPUs');
  await machine.poweroff();
}

test('a CPU whose worker exits is named, and the next boot works', async () => {
  const { error, ms } = await fate('process.exit(3);');
  expect(error).toMatch(/MachineFailure: CPU 1 died/);
  expect(ms).toBeLessThan(5000);
  await next_boot_works();
}, 60_000);

test('a CPU that runs out of JavaScript memory is named, with what to do, and the next boot works', async () => {
  const { error } = await fate('const all = []; for (;;) all.push(new Array(1e5).fill(all.length + 0.5));', {
    heap_mib: 48,
  });
  expect(error).toMatch(/EnvironmentFailure: CPU 1 died: its worker ran out of JavaScript memory/);
  await next_boot_works();
}, 60_000);

test('a loop without steps is a hard lock-up that names the CPU and the task, and the next boot works', async () => {
  const { error } = await fate('for (;;) {}', { hard_lockup_ms: 400 });
  expect(error).toMatch(
    /MachineFailure: hard lockup on CPU 1: it has taken no interrupt for \d+ s; it runs victim\/1\/\d+, interrupts on/,
  );
  await next_boot_works();
}, 60_000);

test('a regular expression that never ends is a hard lock-up too', async () => {
  const { error } = await fate("/^(a+)+$/.test('a'.repeat(60) + 'b');", { hard_lockup_ms: 400 });
  expect(error).toMatch(/hard lockup on CPU 1/);
  await next_boot_works();
}, 60_000);

test('a stack overflow is an oops that names the task, and the machine goes on', async () => {
  const { error, log } = await fate('(function f() { f(); })();');
  expect(error).toBe('');
  expect(log).toMatch(/Oops: RangeError: Maximum call stack size exceeded/);
  expect(log).toMatch(/Comm: victim\/1/);
}, 60_000);

test('a promise that is rejected in kernel code is reported at power-off', async () => {
  const machine = await Machine.boot({ cpus: 2 });
  await machine.insmod(with_body("Promise.reject(new Error('nobody waits for this'));"));
  await machine.idle(20_000);
  await machine.rmmod('host_code');
  await machine.poweroff();
  expect(machine.dmesg().join('\n')).toMatch(
    /a promise was rejected on CPU 1: nobody waits for this; kernel code must not use promises/,
  );
  expect(machine.verdict.reports).toBe(1);
  await next_boot_works();
}, 60_000);

test('a panic is named with its reason', async () => {
  const { error } = await fate('throw new Error("so be it");', { panic_on_oops: true });
  expect(error).toBe('MachineFailure: kernel panic on CPU 1: Fatal exception');
  await next_boot_works();
}, 60_000);

test('something thrown that is no Error is an oops that says so', async () => {
  const { log } = await fate('throw 42;');
  expect(log).toMatch(/42 was thrown, which is no Error/);
}, 60_000);

test('a machine that is powered off while its CPU hangs gives its threads back, and the next boot works', async () => {
  const machine = await Machine.boot({ cpus: 2 });
  await machine.insmod(with_body('for (;;) {}'));
  expect(await machine.idle(100)).toBe(false);
  await machine.poweroff();
  await next_boot_works();
}, 60_000);

test('a boot with a wrong option says which values there are, and takes no threads', async () => {
  await expect(Machine.boot({ cpus: 65 })).rejects.toThrow(/cpus: 65 is not a whole number from 1 to 64/);
  await expect(Machine.boot({ memory: 1000 })).rejects.toThrow(/memory: 1000 bytes is not a multiple of 64 KiB/);
  await expect(Machine.boot({ break_for_test: ['nothing'] })).rejects.toThrow(
    /there is no 'nothing'; there are: look-before-announce/,
  );
  await expect(Machine.boot({ cpus: 2, inline: true })).rejects.toThrow(/one CPU, not 2/);
});

test('200 boots leave the memory of the process flat', async () => {
  const boot = async (): Promise<void> => {
    const machine = await Machine.boot({ cpus: 2 });
    await machine.insmod(pingpong, { rounds: 10 });
    await machine.idle(20_000);
    await machine.rmmod('idle_wakeup');
    await machine.poweroff();
  };
  // The first ones fill the caches of the engine.
  for (let i = 0; i < 60; i++) await boot();
  const before = process.memoryUsage();
  for (let i = 0; i < 140; i++) await boot();
  const after = process.memoryUsage();
  const grown = (of: 'rss' | 'external' | 'arrayBuffers'): number => (after[of] - before[of]) / 2 ** 20;
  // A machine has 64 MiB: one that is kept would be seen at once.
  expect(grown('rss')).toBeLessThan(48);
  expect(grown('arrayBuffers')).toBeLessThan(8);
}, 120_000);

/** Runs a program that uses the library; gives its exit code and how long it took after the last line it printed. */
function program(
  code: string,
): Promise<{ status: number | null; signal: string | null; out: string; after_ms: number }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let last = performance.now();
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        out += data.toString();
        last = performance.now();
      });
    const limit = setTimeout(() => child.kill('SIGKILL'), 30_000);
    // Not 'exit': what it printed last may still be in the pipe then.
    child.on('close', (status, signal) => {
      clearTimeout(limit);
      resolve({ status, signal, out, after_ms: performance.now() - last });
    });
  });
}

const PROGRAM = `
import { Machine, release_pools } from './dist/index.js';
const machine = await Machine.boot({ cpus: 2 });
await machine.poweroff();
`;
test('a program ends by itself when the pools are released', async () => {
  const { status, out } = await program(`${PROGRAM} await release_pools(); console.log('done');`);
  expect(out).toBe('done\n');
  expect(status).toBe(0);
}, 60_000);

test('a program that forgets to release the pools ends all the same', async () => {
  const { status, out } = await program(`${PROGRAM} console.log('done');`);
  expect(out).toBe('done\n');
  expect(status).toBe(0);
}, 60_000);

test('a CPU in the calling thread that hangs kills the process, after a report', async () => {
  const { signal, out } = await program(`
    import { Machine } from './dist/index.js';
    import { compileModule } from './dist/module/compile.js';
    const made = await compileModule('test/fixtures/torture/host-code.ts', { build: 'free', check: false });
    const code = made.free.code.replace(/pr_info\\((["'])@body@\\1\\)/, '(() => { for (;;) {} })()');
    const machine = await Machine.boot({ cpus: 1, inline: true, hard_lockup_ms: 300 });
    await machine.insmod({ ...made, free: { ...made.free, code } });
    await machine.idle();
  `);
  expect(out).toMatch(
    /lockstep: hard lockup on CPU 0, which has taken no interrupt for \d+ s; it runs in the main thread, so the process ends/,
  );
  expect(signal).toBe('SIGKILL');
}, 60_000);
