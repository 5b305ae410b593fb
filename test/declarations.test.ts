// What a user's project sees of the package: the declarations are complete by themselves, without the types of Node, of
// the DOM or of anything else that is not among the package's dependencies.
import { expect, test } from 'vitest';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { headers } from '../dist/linux/registry.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Type-checks `files` in a project in which the package is installed. Return: what is wrong. */
function check(files: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-user-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/lockstep'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const program = ts.createProgram(
      Object.keys(files).map((name) => join(folder, name)),
      {
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: [],
        lib: ['lib.es2022.d.ts'],
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
      },
    );
    return ts
      .getPreEmitDiagnostics(program)
      .map(
        (d) => `${d.file?.fileName.replace(root, '') ?? ''}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`,
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the library and every header type-check in a project that has nothing else', () => {
  const library = `import { explore, Machine, release_pools, replay, type ExploreOptions, type Verdict } from 'lockstep';
    const machine = await Machine.boot({ cpus: 2 });
    const { name } = await machine.insmod('hello.ts', { greeting: 1 });
    await machine.rmmod(name);
    const verdict: Verdict = machine.verdict;
    const words: Int32Array = new Int32Array(machine.memory.buffer);
    const options: ExploreOptions = { signal: { aborted: false } };
    const { failure } = await explore('hello.ts', options);
    if (failure !== null) await replay(failure.token);
    await release_pools();
    export const used = [verdict, words];`;
  const module = Object.keys(headers)
    .map((name, i) => `export * as header${i} from 'lockstep/linux/${name}';`)
    .join('\n');
  expect(check({ 'library.ts': library, 'module.ts': module })).toEqual([]);
}, 60_000);

test('control: what no dependency declares is missed', () => {
  const wrong = `import { Machine } from 'lockstep'; export const m: WebAssembly.Memory = (await Machine.boot()).memory;`;
  expect(check({ 'wrong.ts': wrong })).toEqual([expect.stringMatching(/Cannot find namespace 'WebAssembly'/)]);
}, 60_000);
