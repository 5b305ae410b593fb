// Kernel modules in C through the command line, compiled by whatever compiler there is (the npm one in CI). The sources
// are compiled once for all tests here and then come from the cache.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileC } from '../dist/cc/compile.js';
import { readKbuild } from '../dist/cc/kbuild.js';
import { placesOf, readKo } from '../dist/cc/ko-file.js';
import { findToolchain } from '../dist/cc/toolchain.js';
import { withSection } from '../dist/cc/wasm-file.js';
import { Machine } from '../dist/machine/machine.js';
import { release_pools } from '../dist/machine/pool.js';
import { lockstep } from './cli-run.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-cc-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await release_pools();
});
const at = (name: string): string => join(folder, name);
const can_compile = ((): boolean => {
  try {
    findToolchain();
    return true;
  } catch {
    return false;
  }
})();
const EXAMPLES = ['hello', 'counter', 'ping-pong'].map((name) => `examples/c/${name}.c`);
beforeAll(async () => {
  // As the command line has it in tests: there everything is compiled already, by the one compiler of this process.
  process.env['LOCKSTEP_CACHE'] = join(tmpdir(), 'lockstep-test-cache');
  if (can_compile) for (const file of EXAMPLES) await compileC([file]);
}, 180_000);
/** A cold compiler on a busy machine. */
const PATIENCE = { timeout: 180_000 };
const LIMIT = { limit: 170_000 };

const MIGRATE = 'test/fixtures/c/migrate.ko';
const HELLO = `#include <linux/module.h>
static int __init hello_init(void) { pr_info("hello from %s\\n", KBUILD_MODNAME); return 0; }
static void __exit hello_exit(void) { pr_info("bye\\n"); }
module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
`;

describe('a .ko that is none of this Lockstep is refused with the reason:', () => {
  const ko = readFileSync(MIGRATE);
  const refused = async (name: string, content: Uint8Array | string, reason: RegExp): Promise<void> => {
    writeFileSync(at(name), content);
    const { code, stderr } = await lockstep(['run', at(name)]);
    expect(stderr).toMatch(reason);
    expect(code).toBe(2);
  };
  it('a text', () => refused('text.ko', 'int main;', /not a kernel module: it does not begin as a WebAssembly file/));
  it("a real kernel's", () => refused('elf.ko', '\x7fELF\x02\x01', /machine code for a real kernel: compile its C/));
  it('another WebAssembly file', () =>
    refused('other.ko', Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), /without the section that `lockstep cc`/));
  it('one cut short', () => refused('cut.ko', ko.subarray(0, 2000), /corrupt: the file ends in the middle/));
  it('one with a flipped bit in its code', () => {
    const broken = Uint8Array.from(ko);
    const code = broken.indexOf(0x0a, 600);
    broken.fill(0xff, code + 40, code + 60);
    return refused('flipped.ko', broken, /corrupt|not a kernel module/);
  });
  it('one of another version', () => {
    const stored = { format: 1, version: '0.0.1', layout: '0' };
    const empty = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    return refused(
      'old.ko',
      withSection(empty, 'lockstep', Buffer.from(JSON.stringify(stored))),
      /made by Lockstep 0\.0\.1, this is/,
    );
  });
  it('one that is not there', async () => {
    const { code, stderr } = await lockstep(['run', at('nowhere.ko')]);
    expect(stderr).toMatch(/nowhere\.ko: no such file/);
    expect(code).toBe(3);
  });
});

describe('modinfo', () => {
  it('shows license, parameters with their types, and what is needed', async () => {
    const { code, stdout } = await lockstep(['modinfo', MIGRATE]);
    expect(stdout).toMatch(/^license: +GPL$/m);
    expect(stdout).toMatch(/^parm: +nr_tasks: \(int\)$/m);
    expect(stdout).toMatch(/^needs: +.*\bmutex_lock\b/m);
    expect(code).toBe(0);
  });
});

describe('explore', () => {
  it('says that C is not explored yet', async () => {
    const { code, stderr } = await lockstep(['explore', 'examples/c/hello.c']);
    expect(stderr).toMatch(/C modules cannot be explored yet/);
    expect(code).toBe(2);
  });
});

describe('a Makefile', () => {
  const modules = (text: string, ...sources: string[]): ReturnType<typeof readKbuild> => {
    const place = mkdtempSync(at('kbuild-'));
    for (const source of sources) writeFileSync(join(place, source), '');
    writeFileSync(join(place, 'Makefile'), text);
    return readKbuild(place).map(({ name, sources: parts }) => ({
      name,
      sources: parts.map(({ path, flags }) => ({
        path: path.replace(`${place}/`, ''),
        flags: flags.map((flag) => flag.replace(place, '.')),
      })),
    }));
  };
  it('of two lines names one module', () => {
    const text = 'obj-m := hello.o\nall:\n\tmake -C /lib/modules/$(shell uname -r)/build M=$(PWD) modules\n';
    expect(modules(text, 'hello.c')).toEqual([{ name: 'hello', sources: [{ path: 'hello.c', flags: [] }] }]);
  });
  it('joins several files, with flags for all and for one', () => {
    const text =
      'NAME = drv\nobj-m += $(NAME).o\n$(NAME)-y := main.o \\\n  ring.o # two\nccflags-y += -DDEBUG -I$(src)/inc -DNAME=\\"x\\"\nCFLAGS_ring.o := -O1\n';
    const all = ['-DDEBUG', '-I./inc', '-DNAME="x"'];
    expect(modules(text, 'main.c', 'ring.c')).toEqual([
      {
        name: 'drv',
        sources: [
          { path: 'main.c', flags: all },
          { path: 'ring.c', flags: [...all, '-O1'] },
        ],
      },
    ]);
  });
  it('is read as kbuild reads it when it asks who does', () => {
    const text =
      'ifneq ($(KERNELRELEASE),)\nobj-m := a.o\na-objs := b.o\nelse\nKDIR ?= /lib/modules\nobj-m := wrong.o\ndefault:\n\t$(MAKE)\nendif\nobj-$(CONFIG_OTHER) += c.o\n';
    expect(modules(text, 'b.c')).toEqual([{ name: 'a', sources: [{ path: 'b.c', flags: [] }] }]);
  });
  it('without obj-m, or with a file that is not there, is refused', () => {
    expect(() => modules('all:\n\techo\n')).toThrow(/obj-m names no module/);
    expect(() => modules('obj-m := a.o\n')).toThrow(/a is made of a\.o, but there is no .*a\.c/);
  });
});

describe.runIf(can_compile)('lockstep run of C', () => {
  it('loads hello from its folder, sees it in the log, unloads it; twice in a row', PATIENCE, async () => {
    for (let time = 0; time < 2; time++) {
      const { code, stdout, stderr } = await lockstep(['run', 'examples/c', 'who=all of you', '--cpus', '2'], LIMIT);
      expect(stderr).toBe('');
      expect(stdout).toMatch(/\] Hello, all of you!\n.*\] Goodbye, all of you!\n$/);
      expect(code).toBe(0);
    }
  });

  it.each([0, 1])('counts under a mutex and loses nothing (run %#)', PATIENCE, async () => {
    const args = ['run', 'examples/c/counter.c', 'threads=6', 'rounds=300', '--cpus', '4'];
    const { code, stdout } = await lockstep(args, LIMIT);
    expect(stdout).toMatch(/6 threads counted to 1800/);
    expect(code).toBe(0);
  });

  it('stresses the counter', PATIENCE, async () => {
    const args = ['stress', 'examples/c/counter.c', 'rounds=20', '--cpus', '4', '--seconds', '0.5'];
    const { code, stdout } = await lockstep(args, LIMIT);
    expect(stdout).toMatch(/counter\.c: \d+ rounds? in/);
    expect(code).toBe(0);
  });

  it.each([0, 1])('hands a ball between two threads by completions (run %#)', PATIENCE, async () => {
    const { code, stdout } = await lockstep(['run', 'examples/c/ping-pong.c', 'rounds=150', '--cpus', '3'], LIMIT);
    expect(stdout).toMatch(/ping hit 150 times, pong 150 times/);
    expect(code).toBe(0);
  });

  const OOPS = 'test/fixtures/c/oops.c';
  const line = (marked: string): number =>
    readFileSync(OOPS, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes(`/* ${marked} */`)) + 1;
  it.each([
    [0, 'null pointer', /BUG: kernel NULL pointer dereference, address: 00000010/],
    [1, 'bug', /BUG: kernel BUG at oops\.c:\d+!/],
    [2, 'warning', /WARNING: at go_wrong \(test\/fixtures\/c\/oops\.c:\d+:\d+\)/],
    [3, 'division', /Oops: divide error: division by zero/],
    [4, 'trap', /Oops: invalid opcode/],
    [5, 'recursion', /BUG: kernel stack overflow: wrong\/\d+ has more than 16384 bytes of C locals/],
    [6, 'bad call', /BUG: call of a bad function pointer/],
    [7, 'wild pointer', /BUG: unable to handle page fault/],
  ])(
    'what=%i: a %s is reported with its line and callers; the machine goes on',
    PATIENCE,
    async (what, mark, report) => {
      const machine = await Machine.boot({ cpus: 2 });
      await machine.insmod(OOPS, { what });
      await machine.idle(60_000);
      await machine.rmmod('oops');
      await machine.poweroff();
      const log = machine.dmesg().join('\n');
      expect(log).toMatch(report);
      const trace = log.slice(log.indexOf('Call trace:'));
      const frame = what === 0 ? 'read_item' : what === 5 ? 'recurse' : 'go_wrong';
      expect(trace).toMatch(new RegExp(`${frame} \\(${OOPS}:${line(mark)}:\\d+\\)`));
      if (what === 0) expect(trace).toMatch(new RegExp(`go_wrong \\(${OOPS}:${line('inlined here')}:\\d+\\)`));
      if (what !== 5) expect(trace).toMatch(new RegExp(`wrong_thread \\(${OOPS}:${line('caller')}:\\d+\\)`));
      expect(log).toMatch(/still here/);
      expect(machine.verdict).toEqual({ oopses: what === 2 ? 0 : 1, warnings: what === 2 ? 1 : 0, reports: 0 });
    },
  );
});

describe.runIf(can_compile)('lockstep cc', () => {
  it('joins files that include headers of their own to one module, which modinfo and run take', PATIENCE, async () => {
    writeFileSync(at('part.h'), '#define PARTS 2\nint part(void);\n');
    writeFileSync(
      at('one.c'),
      HELLO.replace('"hello from %s\\n", KBUILD_MODNAME', '"%d %d\\n", part(), WANTED').replace(
        '>\n',
        '>\n#include "part.h"\n',
      ),
    );
    writeFileSync(at('two.c'), '#include "part.h"\nint part(void) { return PARTS; }\n');
    const made = await lockstep(['cc', at('one.c'), at('two.c'), '-o', at('both.ko'), '-DWANTED=7'], LIMIT);
    expect(made.stderr).toBe('');
    expect(made.code).toBe(0);
    expect(readKo(readFileSync(at('both.ko'))).name).toBe('both');
    const { stdout } = await lockstep(['run', at('both.ko')]);
    expect(stdout).toMatch(/\] 2 7\n/);
  });

  it("shows clang's errors with the user's paths, and the header that is missing", PATIENCE, async () => {
    writeFileSync(
      at('wrong.c'),
      `${HELLO}void *f(void)\n{\n\treturn kmalloc(1, GFP_KERNEL);\n}\nint g(void) { return no_such(); }\n`,
    );
    const error: Error = await compileC([at('wrong.c')]).then(
      () => new Error('it was compiled'),
      (e: Error) => e,
    );
    expect(error.message).toMatch(/wrong\.c:9:9: error: call to undeclared function 'kmalloc'/);
    expect(error.message).toMatch(/kmalloc is declared in <linux\/slab\.h>/);
    expect(error.message).toMatch(/no_such is not provided/);
    expect(error).toMatchObject({ exitCode: 2 });
  });

  it('makes a module that lacks a symbol, which insmod names', PATIENCE, async () => {
    writeFileSync(
      at('lacks.c'),
      HELLO.replace('static int', 'extern int missing(int);\nstatic int').replace('return 0', 'return missing(1)'),
    );
    const machine = await Machine.boot({ cpus: 1 });
    await expect(machine.insmod(at('lacks.c'))).rejects.toThrow(/undefined symbol.*\n +missing \(not provided\)/);
    await machine.insmod('examples/c/hello.c'); // unharmed
    await machine.poweroff();
  });
});

it.runIf(can_compile)('a file of another kind, and wrong options, are refused', async () => {
  copyFileSync('examples/c/hello.c', at('hello.txt'));
  expect((await lockstep(['cc', at('hello.txt')])).stderr).toMatch(/the name of a C file ends in \.c/);
  expect((await lockstep(['cc', at('x.c'), '--bad'])).stderr).toMatch(/--bad: the options for the compiler are/);
});

it('a position between two rows is that of the row before it; an entry without one is that of the next', () => {
  const site = (line: number, inlined_at = 0): object => ({ function: 'f', file: 'a.c', line, column: 1, inlined_at });
  const sites = [site(0), site(10), site(20, 1)] as never;
  const rows: [number, number][] = [
    [100, 0],
    [104, 1],
    [110, 2],
  ];
  expect(placesOf({ sites, rows }, 109).map((p) => p.line)).toEqual([10]);
  expect(placesOf({ sites, rows }, 110).map((p) => p.line)).toEqual([20, 10]);
  expect(placesOf({ sites, rows }, 101).map((p) => p.line)).toEqual([10]);
  expect(placesOf({ sites, rows: [] }, 101)).toEqual([]);
});
