// `lockstep cc` and `lockstep modinfo`: kernel modules in C, as files.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileC, compileFolder, readModule, type CModule } from '../cc/compile.js';
import { readKo, VERSION } from '../cc/ko-file.js';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import { shortPath } from '../module/errors.js';
import type { Interrupt } from './interrupt.js';
import type { Output } from './output.js';

export interface CcOptions {
  output?: string;
  json: boolean;
  quiet: boolean;
}

/** Options of the C compiler that may be given; what they make of the code the kernel has to live with. */
const FLAG = /^-[DIOUWfm]./;

/** `words` are C files, or one folder, and flags for the compiler. Return: the exit code. */
export async function ccCommand(
  words: readonly string[],
  options: CcOptions,
  out: Output,
  interrupt: Interrupt,
): Promise<number> {
  const files = words.filter((word) => !word.startsWith('-'));
  const flags = words.filter((word) => word.startsWith('-'));
  const wrong = flags.find((flag) => !FLAG.test(flag));
  if (wrong !== undefined)
    throw new UsageError(
      `${wrong}: the options for the compiler are -D, -U, -I, -O, -W, -f and -m, each in one word (-DDEBUG)`,
    );
  if (files.length === 0) throw new UsageError('lockstep cc needs C files, or a folder with a Makefile');
  const folder = files.find((file) => existsSync(file) && statSync(file).isDirectory());
  if (folder !== undefined && (files.length > 1 || options.output !== undefined))
    throw new UsageError(`${folder}: a folder stands by itself, and its Makefile names the modules (no -o)`);
  if (options.output !== undefined && !options.output.endsWith('.ko'))
    throw new UsageError(`-o ${options.output}: the name of a module's file ends in .ko`);
  const warn = (text: string): void => void (options.quiet || process.stderr.write(text));

  const made: [CModule, string][] = [];
  if (folder !== undefined)
    for (const module of await interrupt.race(compileFolder(folder, { flags, warn })))
      made.push([module, join(folder, `${module.name}.ko`)]);
  else {
    const output = options.output ?? files[0]!.replace(/\.c$/, '.ko');
    made.push([await interrupt.race(compileC(files, { flags, output, warn })), output]);
  }
  for (const [{ ko }, output] of made) write(output, ko);
  out.result({
    command: 'cc',
    made: made.map(([{ name, ko }, file]) => ({ name, file, bytes: ko.length })),
    exitCode: 0,
  });
  for (const [{ ko }, output] of made) out.line(`${output}: ${ko.length.toLocaleString('en-US')} bytes`);
  return 0;
}

function write(file: string, content: Uint8Array): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new EnvironmentFailure(`${file} cannot be written: ${(error as Error).message}`);
  }
}

/** Prints what a .ko says of itself, as modinfo does. Return: the exit code. */
export function modinfoCommand(file: string, out: Output): number {
  const { name, file: path, info, parameters, ko } = readModule(file);
  const { compiler, needs } = readKo(ko);
  out.result({
    command: 'modinfo',
    file: path,
    name,
    info,
    parameters,
    needs,
    compiler,
    version: VERSION,
    exitCode: 0,
  });
  const line = (tag: string, text: string): void => out.line(`${`${tag}:`.padEnd(16)}${text}`);
  line('filename', shortPath(path));
  for (const [tag, text] of info) if (tag !== 'parm' && tag !== 'parmtype') line(tag, text);
  line('name', name);
  line('vermagic', `6.12.0 SMP preempt mod_unload lockstep-${VERSION}`);
  line('compiler', compiler);
  line('needs', Object.keys(needs).join(','));
  for (const { name: of, type, description } of parameters) line('parm', `${of}:${description ?? ''} (${type})`);
  return 0;
}
