// The stepped kernel as one module, `stepped-kernel/kernel.js`: a schedule takes a fifth less time. Host code.
import { join } from 'node:path';
import { bundle } from '../machine/bundle.js';

export const BUNDLE = 'kernel.js';

/** What the host uses of the stepped kernel: each is exported under its name. */
const PARTS: Readonly<Record<string, string>> = {
  boot: 'kernel/boot.js',
  core: 'cpu/loop.js',
  raw: 'cpu/raw.js',
  module: 'kernel/module.js',
  kthread: 'sched/kthread.js',
  sched: 'sched/core.js',
  text: 'kernel/text.js',
  stack: 'kernel/stack.js',
  context: 'cpu/context.js',
  debug: 'sched/debug.js',
  held: 'kernel/held.js',
  panic: 'kernel/panic.js',
  loading: 'kernel/loading.js',
  types: 'linux/static.js',
  step: 'cpu/step.js',
  heap: 'cpu/heap.js',
  kasan: 'mm/kasan.js',
  clocks: 'detect/clocks.js',
  shadow: 'detect/shadow.js',
  view: 'linux/view.js',
};

/** Writes the module and its map. `root` holds the files, in a folder of `dist`. */
export function bundle_kernel(root: string): void {
  const outside = ['stepped', 'machine', 'module', 'explore'].map((folder) => join(root, '..', folder, '*'));
  const entry = Object.entries(PARTS).map(([name, file]) => `export * as ${name} from './${file}';`);
  bundle(entry.join('\n'), root, join(root, BUNDLE), outside);
}
