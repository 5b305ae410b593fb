// The host's side of a machine: boot, modules with parameters and symbols, idle, what it tells, power-off.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { compileModule, type CompiledModule } from '../dist/module/compile.js';

const compile = (path: string): Promise<CompiledModule> =>
  compileModule(fileURLToPath(new URL(path, import.meta.url)), { build: 'free', check: false });
let provider: CompiledModule;
let user: CompiledModule;
let counter: CompiledModule;
let pingpong: CompiledModule;
let honesty: CompiledModule;
beforeAll(async () => {
  provider = await compile('./fixtures/torture/provider.ts');
  user = await compile('./fixtures/torture/user.ts');
  counter = await compile('../examples/mutex-counter.ts');
  pingpong = await compile('../modules/torture/idle-wakeup.ts');
  honesty = await compile('./fixtures/torture/honesty.ts');
}, 60_000);
afterAll(release_pools);

/** Boots, runs `f`, powers off whatever happens. */
async function on_machine(
  options: Parameters<typeof Machine.boot>[0],
  f: (machine: Machine) => Promise<void>,
): Promise<void> {
  const machine = await Machine.boot(options);
  try {
    await f(machine);
  } finally {
    await machine.poweroff();
  }
}

test(
  'a module runs on all CPUs and leaves nothing behind',
  () =>
    on_machine({ cpus: 4 }, async (machine) => {
      await machine.insmod(counter, { threads: 8, rounds: 500 });
      expect(await machine.idle(30_000)).toBe(true);
      expect(machine.tasks).toBe(0);
      await machine.rmmod('mutex_counter');
      expect(machine.dmesg().join('\n')).toContain('mutex-counter: 4000 increments by 8 threads');
      expect(machine.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
      expect(machine.failure).toBeNull();
    }),
  60_000,
);

test(
  'parameters are set before init runs, and a wrong one is refused with what it should be',
  () =>
    on_machine({ cpus: 2 }, async (machine) => {
      await expect(machine.insmod(provider, { coutn: 1 })).rejects.toThrow(
        /provider has no parameter 'coutn'; it has: count, small, loud, label/,
      );
      await expect(machine.insmod(provider, { count: 'many' })).rejects.toThrow(
        /parameter count: 'many' is not an integer/,
      );
      await expect(machine.insmod(provider, { small: 300 })).rejects.toThrow(
        /parameter small: 300 is out of range \(0 to 255\)/,
      );
      await expect(machine.insmod(provider, { loud: 'perhaps' })).rejects.toThrow(
        /parameter loud: 'perhaps' is no bool/,
      );
      await expect(machine.insmod(provider, { label: 'much too long' })).rejects.toThrow(/longer than 7 bytes/);
      await machine.insmod(provider, { count: '0x10', small: 255, loud: true, label: 'blue' });
      expect(machine.dmesg().join('\n')).toContain('provider: count 16 small 255 loud 1 label blue');
    }),
  60_000,
);

test(
  'a module uses a symbol of another, which stays loaded until it is put back',
  () =>
    on_machine({ cpus: 2 }, async (machine) => {
      await expect(machine.insmod(user)).rejects.toThrow(/module_init returned -2 \(-ENOENT\)/);
      await machine.insmod(provider);
      await machine.insmod(user);
      expect(machine.dmesg().join('\n')).toContain('user: got 43');
      await expect(machine.rmmod('provider')).rejects.toThrow(/module provider is in use by 1/);
      await machine.rmmod('user');
      await machine.rmmod('provider');
      expect(machine.dmesg().join('\n')).toContain('provider: called 1 times');
    }),
  60_000,
);

test(
  'a module is loaded once, and unloaded once',
  () =>
    on_machine({ cpus: 2 }, async (machine) => {
      await machine.insmod(provider);
      await expect(machine.insmod(provider)).rejects.toThrow(/module provider is loaded already/);
      await machine.rmmod('provider');
      await expect(machine.rmmod('provider')).rejects.toThrow(/module provider is not loaded/);
      await machine.insmod(provider);
    }),
  60_000,
);

test(
  'idle says whether the machine came to rest in time',
  () =>
    on_machine({ cpus: 2 }, async (machine) => {
      expect(await machine.idle(30_000)).toBe(true);
      await machine.insmod(honesty, { what: 'timer-left' }); // a timer that is far off
      expect(await machine.idle(50)).toBe(false);
    }),
  60_000,
);

test('one request at a time, even if the CPU answers the first before the second is made', () =>
  on_machine({ cpus: 2 }, async (machine) => {
    const first = machine.insmod(provider);
    await expect(machine.insmod(user)).rejects.toThrow(/one request at a time/);
    await first;
  }));

test('one request at a time: a file that is still being compiled is a request', () =>
  on_machine({ cpus: 2 }, async (machine) => {
    const first = machine.insmod(provider.file);
    await expect(machine.insmod(user)).rejects.toThrow(/one request at a time/);
    await expect(machine.rmmod('provider')).rejects.toThrow(/one request at a time/);
    await first;
    await machine.rmmod('provider');
  }));

test('a machine that has been powered off says so, and may be powered off again', async () => {
  const machine = await Machine.boot({ cpus: 2 });
  const statistics = await machine.poweroff();
  expect(statistics.map((s) => s.cpu)).toEqual([0, 1]);
  await expect(machine.insmod(provider)).rejects.toThrow(/has been powered off/);
  await machine.poweroff();
});

test('power-off twice at once is one power-off', async () => {
  const machine = await Machine.boot({ cpus: 2 });
  const [first, second] = await Promise.all([machine.poweroff(), machine.poweroff()]);
  expect(first.map((s) => s.cpu)).toEqual([0, 1]);
  expect(second).toEqual(first);
});

test('a machine that has been powered off tells of itself, not of the one that has its memory now', async () => {
  const first = await Machine.boot({ cpus: 2 });
  await first.insmod(provider);
  const switches = first.statistics().reduce((sum, cpu) => sum + cpu.switches, 0);
  await first.poweroff();
  await on_machine({ cpus: 2 }, async (second) => {
    await expect(second.insmod(honesty, { what: 'init-oops' })).rejects.toThrow(/died of an oops/);
    expect(second.verdict.oopses).toBe(1);
    expect(first.verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
    expect(first.statistics().reduce((sum, cpu) => sum + cpu.switches, 0)).toBeGreaterThanOrEqual(switches);
    expect(first.blocked()).toEqual([]);
    expect(first.running()).toEqual([]);
    expect(first.tasks).toBe(0);
  });
}, 60_000);

test('every call on a machine that has failed says how it failed', async () => {
  const machine = await Machine.boot({ cpus: 2, panic_on_oops: true });
  await expect(machine.insmod(honesty, { what: 'init-oops' })).rejects.toThrow(
    /kernel panic on CPU \d: Fatal exception/,
  );
  await expect(machine.insmod(provider)).rejects.toThrow(/kernel panic/);
  await expect(machine.insmod(provider.file)).rejects.toThrow(/kernel panic/);
  await expect(machine.rmmod('provider')).rejects.toThrow(/kernel panic/);
  await expect(machine.idle()).rejects.toThrow(/kernel panic/);
  expect(machine.failure?.message).toMatch(/kernel panic/);
  await machine.poweroff();
}, 60_000);

test.each([
  [null, /takes an object of options, not null/],
  [{ cpuss: 2 }, /there is no option 'cpuss'; there are: cpus, memory,/],
  [{ cpus: '2' }, /cpus: '2' is not a whole number/],
  [{ heap_mib: -1 }, /heap_mib: -1 is not a whole number of MiB from 16/],
  [{ soft_lockup_ms: NaN }, /soft_lockup_ms: NaN is not a number of milliseconds/],
])('boot refuses %j and says what it takes', async (options, message) => {
  await expect(Machine.boot(options as object)).rejects.toThrow(message);
});

test('what is no module is refused as such', () =>
  on_machine({ cpus: 1 }, async (machine) => {
    await expect(machine.insmod({} as CompiledModule)).rejects.toThrow(/insmod takes the path of a TypeScript file/);
    await expect(machine.rmmod(undefined as unknown as string)).rejects.toThrow(/rmmod takes the name of a module/);
  }));

test('a request that waits when the machine is powered off ends, and disturbs no other machine', async () => {
  const machine = await Machine.boot({ cpus: 2 });
  const request = machine.insmod(honesty, { what: 'init-waits' });
  const ended = expect(request).rejects.toThrow(/was powered off meanwhile/);
  while (machine.blocked().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(machine.blocked()).toContainEqual(
    expect.stringMatching(/^insmod\/\d+ waits for the completion shared\S+ \[honesty\]$/),
  );
  await machine.poweroff();
  await ended;
  await on_machine({ cpus: 2 }, async (next) => {
    await next.insmod(provider);
    await next.rmmod('provider');
  });
});

test('two machines run side by side and do not see each other', async () => {
  const [a, b] = await Promise.all([Machine.boot({ cpus: 2 }), Machine.boot({ cpus: 3 })]);
  await Promise.all([a!.insmod(pingpong, { rounds: 200 }), b!.insmod(counter, { threads: 3, rounds: 100 })]);
  await Promise.all([a!.idle(30_000), b!.idle(30_000)]);
  await a!.rmmod('idle_wakeup');
  await b!.rmmod('mutex_counter');
  expect(a!.dmesg().join('\n')).toContain('400 hand-overs by 2 CPUs');
  expect(a!.dmesg().join('\n')).not.toContain('mutex-counter');
  expect(b!.dmesg().join('\n')).toContain('300 increments by 3 threads');
  await Promise.all([a!.poweroff(), b!.poweroff()]);
}, 60_000);

test(
  'statistics can be read while the machine runs',
  () =>
    on_machine({ cpus: 2 }, async (machine) => {
      await machine.insmod(pingpong, { rounds: 100 });
      await machine.idle(30_000);
      const [first] = machine.statistics();
      expect(first).toMatchObject({ cpu: 0, lost_wakeups: 0 });
      expect(first!.switches).toBeGreaterThan(10);
    }),
  60_000,
);

test('the log is given record by record, in order', async () => {
  const texts: string[] = [];
  await on_machine({ cpus: 2, log: (record) => texts.push(record.text) }, async (machine) => {
    await machine.insmod(provider);
    await machine.rmmod('provider');
  });
  expect(texts).toEqual([
    'Lockstep: 2 CPUs, 64 MiB',
    'provider: count 3 small 7 loud 0 label none',
    'provider: called 0 times',
  ]);
});

test('a machine of one CPU runs in the calling thread', async () => {
  const texts: string[] = [];
  await on_machine({ cpus: 1, inline: true, log: (record) => texts.push(record.text) }, async (machine) => {
    await expect(Machine.boot({ cpus: 1, inline: true })).rejects.toThrow(
      /there is such a machine in this thread already/,
    );
    await machine.insmod(counter, { threads: 3, rounds: 200 });
    expect(await machine.idle(30_000)).toBe(true);
    await machine.rmmod('mutex_counter');
    expect(texts.at(-1)).toBe('mutex-counter: 600 increments by 3 threads');
    await machine.insmod(honesty, { what: 'sleep-under-spin-lock' });
    expect(await machine.idle(30_000)).toBe(true);
    expect(machine.verdict).toEqual({ oopses: 1, warnings: 0, reports: 1 });
    expect(texts.join('\n')).toMatch(/scheduling while atomic/);
  });
  // And again, after a panic too.
  await on_machine({ cpus: 1, inline: true, panic_on_oops: true }, async (machine) => {
    await machine.insmod(honesty, { what: 'hung-completion' });
    expect(await machine.idle(30_000)).toBe(true);
    expect(machine.blocked()).toEqual([expect.stringMatching(/^misuse\/\d+ waits for the completion shared/)]);
  });
  const machine = await Machine.boot({ cpus: 1, inline: true, panic_on_oops: true });
  await expect(
    (async () => {
      await machine.insmod(honesty, { what: 'null-pointer' });
      await machine.idle(30_000);
    })(),
  ).rejects.toThrow(/kernel panic on CPU 0/);
  expect(machine.dmesg().join('\n')).toMatch(/Kernel panic - not syncing: Fatal exception/);
  await machine.poweroff();
}, 60_000);

test('a module that is loaded again and again leaves no copies of its code behind', async () => {
  const module = await compile('../modules/torture/rcu.ts');
  // As many copies would not fit.
  const machine = await Machine.boot({ cpus: 2, heap_mib: 32 });
  for (let i = 0; i < 300; i++) {
    await machine.insmod(module, { rounds: 0 });
    await machine.idle();
    await machine.rmmod(module.name);
  }
  const { verdict } = machine;
  await machine.poweroff();
  expect(verdict).toEqual({ oopses: 0, warnings: 0, reports: 0 });
}, 120_000);
