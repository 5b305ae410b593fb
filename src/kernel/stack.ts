// noinstr: never transformed, never interrupted.
// JavaScript stacks as the kernel's call traces. Node maps positions back to the sources; what is left to do is to
// drop the frames that are no kernel code, cut paths down, and give twins the names of the functions they stand for.

const HIDDEN =
  /node:internal|\/(dist|src)\/(stepped-kernel\/)?(kernel\/(panic|stack|loader|call|trace)|mm\/kasan|cc\/\w+|cpu\/(loop|heap)|machine\/cpu-main|stepped\/(core|trace)|explore\/\w+)\.|\bnew (KernelBug|Error)\b|piscina|\.undelegated |^\s+at (\$c|suspicious|check_reader|list_for_each_entry(_continue)?_rcu|RCU_LOCKDEP_WARN|rcu_dereference\w*) |\(eval at /;
const DRIVER = /\/(dist|src)\/(stepped-kernel\/)?(cpu\/loop|stepped\/core)\./;
let root = '';

/** Paths below this folder are printed without it. */
export function set_stack_root(folder: string): void {
  root = folder.endsWith('/') ? folder : `${folder}/`;
}

export function stack_lines(stack: string | undefined): string[] {
  if (stack === undefined) return ['(no stack)'];
  const lines: string[] = [];
  const frames = stack.split('\n');
  // Below what drives a CPU is the host's code.
  const driver = frames.findLastIndex((line) => DRIVER.test(line));
  for (const line of driver < 0 ? frames : frames.slice(0, driver)) {
    const wasm = /^\s+at (?:(.*?) \()?wasm:\/\/wasm\/(?:(.*)-)?[0-9a-f]+:wasm-function\[\d+\]:0x([0-9a-f]+)\)?$/.exec(
      line,
    );
    if (wasm !== null) lines.push(...c_lines(wasm[1] ?? '(anonymous)', wasm[2] ?? '', wasm[3]!));
    const found = /^\s+at (?:async )?(?:(.*?) \()?(.*?):(\d+):(\d+)\)?$/.exec(line);
    if (found === null || HIDDEN.test(line)) continue;
    const [, called, file, row, column] = found;
    const name = (called ?? '')
      .replace(/^module\.exports$/, '') // a module's top level
      .replace(/^(Object|Function|Module|exports|this)\./, '')
      .replace(/ \[as .*\]$/, '')
      .replace(/\.?\$[gy]\b/g, '')
      .replace(/\.next$/, '');
    lines.push(`${name === '' || name === '<anonymous>' ? '(anonymous)' : name} (${short(file!)}:${row}:${column})`);
  }
  return lines.length > 0 ? lines : ['(no kernel frames)'];
}

/** A place in C source. */
export interface CPlace {
  name: string;
  path: string;
  line: number;
  column: number;
}
let c_places: (module: string, offset: number) => CPlace[] = () => [];
/** Gives what stands at an offset of a C module, innermost first, then the callers it was inlined into: cc/image.ts. */
export function set_c_places(f: (module: string, offset: number) => CPlace[]): void {
  c_places = f;
}
function c_lines(called: string, module: string, offset: string): string[] {
  const places = c_places(module, parseInt(offset, 16));
  if (places.length === 0) return [`${called} (${module}.ko+0x${offset})`];
  return places.map(({ name, path, line, column }) => `${name} (${short(path)}:${line}:${column})`);
}

function short(file: string): string {
  const path = file.replace(/^file:\/\//, '');
  if (root !== '' && path.startsWith(root)) return path.slice(root.length);
  const kernel =
    /\/(src|dist|dist\/stepped-kernel)\/((?:cpu|mm|sched|kernel|linux|drivers|machine|stepped)\/[^/]+)$/.exec(path);
  return kernel === null ? path : `lockstep/${kernel[2]}`;
}
