// Type check of a module and its helper files against the kernel's headers, whatever the user's own project looks like:
// no tsconfig.json is read, nothing but lockstep/* and relative files is found, and the only library is ECMAScript's
// (no DOM, no Node: `console`, `setTimeout` and `process` don't exist in a kernel). Host code.
//
// Loading TypeScript takes most of the time, so it is loaded on the first check only; parsed library files and headers,
// and the last program, are kept for the next one.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as Ts from 'typescript';
import type { SourceError } from './errors.js';

type TypeScript = typeof Ts;

let loaded: TypeScript | undefined;
let parsed: Map<string, Ts.SourceFile> | undefined;
let last: { headers: string; program: Ts.Program } | undefined;

/** How the last check spent its time, in milliseconds; for `--verbose` and the tests. */
export const timing = { checks: 0, load: 0, check: 0 };

/** The sources that were read already, by absolute path: the check sees exactly these. */
export type Sources = ReadonlyMap<string, string>;

/**
 * Checks `file` (and all it imports). `headers` is the directory that `lockstep` stands for, with its `.d.ts` files.
 * Return: what is wrong, in the order of the compiler; and the user's other files that it read, imported for types only.
 */
export function typeCheck(
  file: string,
  sources: Sources,
  headers: string,
): { errors: SourceError[]; others: Map<string, string> } {
  const start = performance.now();
  const ts = (loaded ??= createRequire(import.meta.url)('typescript') as TypeScript); // import() would parse it twice
  const ready = performance.now();
  const options = compilerOptions(ts, headers);
  const program = ts.createProgram({
    rootNames: [file],
    options,
    host: hostFor(ts, options, sources, headers),
    ...(last?.headers === headers ? { oldProgram: last.program } : {}),
  });
  last = { headers, program };
  const library = dirname(ts.getDefaultLibFilePath(options));
  const files = program.getSourceFiles().filter((f) => !isBelow(f.fileName, headers) && !isBelow(f.fileName, library));
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...files.flatMap((f) => [...program.getSyntacticDiagnostics(f), ...program.getSemanticDiagnostics(f)]),
  ];
  timing.checks++;
  timing.load = ready - start;
  timing.check = performance.now() - ready;
  return {
    errors: diagnostics.filter((d) => d.category === ts.DiagnosticCategory.Error).map((d) => toError(ts, d, file)),
    others: new Map(files.filter((f) => !sources.has(f.fileName)).map((f) => [f.fileName, f.text])),
  };
}

const isBelow = (file: string, directory: string): boolean => file.startsWith(`${directory}/`);

/** The options of every check, also for editors: `lockstep new` writes the same into a project's tsconfig.json. */
export function compilerOptions(ts: TypeScript, headers: string): Ts.CompilerOptions {
  return {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: [],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    noImplicitOverride: true,
    isolatedModules: true,
    skipLibCheck: true,
    skipDefaultLibCheck: true,
    useDefineForClassFields: true,
    paths: { lockstep: [join(headers, 'index.d.ts')], 'lockstep/*': [join(headers, '*.d.ts')] },
  };
}

function hostFor(ts: TypeScript, options: Ts.CompilerOptions, sources: Sources, headers: string): Ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const library = dirname(host.getDefaultLibFileName(options));
  const read = host.getSourceFile.bind(host);
  const cache = (parsed ??= new Map());
  host.getDefaultLibLocation = () => library;
  host.getCurrentDirectory = () => dirname([...sources.keys()][0] ?? '/');
  host.fileExists = (name) => sources.has(name) || existsSync(name);
  host.readFile = (name) => sources.get(name) ?? ts.sys.readFile(name);
  host.getSourceFile = (name, how, onError) => {
    const text = sources.get(name);
    if (text !== undefined) return ts.createSourceFile(name, text, how);
    const fixed = isBelow(name, library) || isBelow(name, headers); // these don't change while we run
    let file = fixed ? cache.get(name) : undefined;
    if (file === undefined) {
      file = read(name, how, onError);
      if (fixed && file !== undefined) cache.set(name, file);
    }
    return file;
  };
  return host;
}

function toError(ts: TypeScript, d: Ts.Diagnostic, file: string): SourceError {
  const message = ts.flattenDiagnosticMessageText(d.messageText, '\n      ');
  if (d.file === undefined || d.start === undefined) return { kind: 'type', file, line: 0, column: 0, message };
  const { line, character } = d.file.getLineAndCharacterOfPosition(d.start);
  const missing = /^Cannot find name '(\w+)'/.exec(message)?.[1];
  return {
    kind: 'type',
    file: d.file.fileName,
    line: line + 1,
    column: character + 1,
    text: d.file.text.split(/\r?\n/)[line],
    // TypeScript would advise to add the DOM or @types/node here.
    message: missing === undefined ? `${message} (TS${d.code})` : `Cannot find name '${missing}' (TS${d.code})`,
    advice:
      missing === undefined
        ? undefined
        : (didYouMean(message) ?? 'import it from its header in lockstep/linux, or declare it'),
  };
}

const didYouMean = (message: string): string | undefined => /Did you mean '(\w+)'\?/.exec(message)?.[0];
