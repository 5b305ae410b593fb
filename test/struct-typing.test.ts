import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import ts from 'typescript';

const file = fileURLToPath(new URL('fixtures/struct-typing.ts', import.meta.url));

function errors(path: string): string[] {
  const program = ts.createProgram([path], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
  });
  return ts.getPreEmitDiagnostics(program).map((d) => ts.flattenDiagnosticMessageText(d.messageText, ' '));
}

test('the type checker knows every field and refuses what the kernel would refuse', () => {
  expect(errors(file)).toEqual([]);
}, 60_000);

test('control: without the directives that expect them, each of those errors is there', () => {
  const source = readFileSync(file, 'utf8');
  const directives = source.split('@ts-expect-error').length - 1;
  const bare = file.replace('.ts', '-control.ts');
  writeFileSync(bare, source.replaceAll('@ts-expect-error', ''));
  const found = errors(bare);
  rmSync(bare);
  expect(directives).toBeGreaterThan(10);
  expect(found.length).toBeGreaterThanOrEqual(directives);
}, 60_000);
