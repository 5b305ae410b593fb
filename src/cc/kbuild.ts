// What a folder's Kbuild or Makefile says about its kernel modules: obj-m, NAME-objs, NAME-y, ccflags-y and its kin, as
// kbuild reads them, which comes first of the two. Enough of make's language for these: assignments, variables,
// conditionals, continued lines; recipes and rules are passed over, as they are about the real kernel's build.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../machine/errors.js';

export interface KbuildModule {
  /** As in obj-m, without `.o`. */
  name: string;
  sources: { path: string; flags: string[] }[];
}

/** What kbuild defines for the files that it reads. */
const DEFINED: Record<string, string> = { KERNELRELEASE: '6.12.0', VERSION: '6', PATCHLEVEL: '12', ARCH: 'wasm32' };

/** The modules of the folder. Throws UsageError if it has none, or needs what this reader does not know. */
export function readKbuild(folder: string): KbuildModule[] {
  const name = ['Kbuild', 'Makefile', 'makefile', 'GNUmakefile'].find((f) => existsSync(join(folder, f)));
  if (name === undefined)
    throw new UsageError(`${folder}: it has neither Kbuild nor Makefile; give the C files instead`);
  const file = join(folder, name);
  const variables = evaluate(readFileSync(file, 'utf8'), folder);
  const get = (key: string): string[] => words(variables.get(key) ?? '');
  const objects = get('obj-m');
  if (objects.length === 0) throw new UsageError(`${file}: obj-m names no module (obj-m := hello.o)`);
  return [...new Set(objects)].map((object) => {
    if (!object.endsWith('.o')) throw new UsageError(`${file}: obj-m has '${object}', not the name of an object file`);
    const module = object.slice(0, -2);
    const parts = [...get(`${module}-objs`), ...get(`${module}-y`), ...get(`${module}-m`)];
    const flags = [...get('EXTRA_CFLAGS'), ...get('subdir-ccflags-y'), ...get('ccflags-y'), ...get('ccflags-m')];
    return {
      name: module,
      sources: (parts.length > 0 ? [...new Set(parts)] : [object]).map((part) => {
        const path = join(folder, part.replace(/\.o$/, '.c'));
        if (!existsSync(path)) throw new UsageError(`${file}: ${module} is made of ${part}, but there is no ${path}`);
        const removed = new Set(get(`CFLAGS_REMOVE_${part}`));
        const own = [...flags, ...get(`CFLAGS_${part}`)].filter((flag) => !removed.has(flag));
        return { path, flags: own.map((flag) => absoluteInclude(flag, folder)) };
      }),
    };
  });
}

/** kbuild runs the compiler somewhere else, so paths in flags say where they begin; a plain one is taken from the folder. */
const absoluteInclude = (flag: string, folder: string): string =>
  /^-I[^/]/.test(flag) ? `-I${join(folder, flag.slice(2))}` : flag;

/** Words, with quotes as a shell has them. */
const words = (text: string): string[] =>
  [...text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)].map(([word]) =>
    word.replace(
      /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
      (_, one?: string, double?: string, single?: string) => one ?? double?.replace(/\\(.)/g, '$1') ?? single ?? '',
    ),
  );

/** The variables at the end of the file. */
function evaluate(text: string, folder: string): Map<string, string> {
  const variables = new Map(
    Object.entries({ ...DEFINED, src: folder, obj: folder, M: folder, PWD: folder, CURDIR: folder }),
  );
  const expand = (value: string, depth = 0): string =>
    depth > 20
      ? ''
      : value
          .replace(/\$\((?:shell|wildcard|info|warning)[^()]*(?:\([^()]*\)[^()]*)*\)/g, '')
          .replace(/\$[({]([\w.-]+)[)}]/g, (_, name: string) => expand(variables.get(name) ?? '', depth + 1))
          .replaceAll('$$', '$');
  /** Of each open conditional: whether its present branch is read, and whether one was. */
  const open: { read: boolean; done: boolean }[] = [];
  const reading = (): boolean => open.every(({ read }) => read);
  for (const raw of text.replace(/\\\r?\n\s*/g, ' ').split(/\r?\n/)) {
    if (raw.startsWith('\t')) continue; // a recipe
    const line = raw.replace(/(^|[^\\])#.*$/, '$1').trim();
    const condition = /^(else\s+)?(ifeq|ifneq|ifdef|ifndef)\b\s*(.*)$/.exec(line);
    if (condition !== null) {
      const [, other, word, rest] = condition as unknown as [string, string | undefined, string, string];
      const holds = judge(word, rest, expand, variables);
      const top = open.at(-1);
      if (other === undefined || top === undefined) open.push({ read: holds, done: holds });
      else {
        top.read = !top.done && holds;
        top.done ||= holds;
      }
    } else if (/^else\b/.test(line)) {
      const top = open.at(-1);
      if (top !== undefined) top.read = !top.done;
    } else if (/^endif\b/.test(line)) open.pop();
    else if (reading()) {
      const assignment = /^(?:export\s+|override\s+)?([^\s:=+?#]+)\s*(\+=|\?=|:{0,2}=)\s*(.*)$/.exec(line);
      if (assignment === null) continue;
      const [, target, operator, value] = assignment as unknown as [string, string, string, string];
      const name = expand(target);
      const before = variables.get(name);
      if (operator === '?=' && before !== undefined) continue;
      // `obj-m := $(patsubst ...)` and the like are beyond this reader: said where it would matter.
      if (/^(obj-m|.*-(objs|y)|ccflags-y)$/.test(name) && /\$\((?!shell)\w+\s/.test(value))
        throw new UsageError(`${folder}: '${line}': functions of make are not understood here; write the names`);
      variables.set(name, operator === '+=' && before !== undefined ? `${before} ${expand(value)}` : expand(value));
    }
  }
  return variables;
}

function judge(
  word: string,
  rest: string,
  expand: (text: string) => string,
  variables: ReadonlyMap<string, string>,
): boolean {
  if (word === 'ifdef' || word === 'ifndef')
    return ((variables.get(expand(rest).trim()) ?? '') !== '') === (word === 'ifdef');
  const found = /^\((.*),(.*)\)$/.exec(rest.trim()) ?? /^["']([^"']*)["']\s+["']([^"']*)["']$/.exec(rest.trim());
  const same = found !== null && expand(found[1]!).trim() === expand(found[2]!).trim();
  return same === (word === 'ifeq');
}
