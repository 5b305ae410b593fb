/** The parts of the stepped kernel's own module graph that the host drives. */
export interface SteppedGraph {
  core: typeof import('../stepped/core.js');
  raw: typeof import('../stepped/raw.js');
  boot: typeof import('../kernel/boot.js');
  module: typeof import('../kernel/module.js');
  kthread: typeof import('../sched/kthread.js');
  sched: typeof import('../sched/core.js');
  text: typeof import('../kernel/text.js');
  stack: typeof import('../kernel/stack.js');
  context: typeof import('../cpu/context.js');
  debug: typeof import('../sched/debug.js');
  held: typeof import('../kernel/held.js');
  panic: typeof import('../kernel/panic.js');
  loading: typeof import('../kernel/loading.js');
  types: typeof import('../linux/static.js');
  step: typeof import('../cpu/step.js');
  heap: typeof import('../cpu/heap.js');
  kasan: typeof import('../mm/kasan.js');
  clocks: typeof import('../detect/clocks.js');
  shadow: typeof import('../detect/shadow.js');
  view: typeof import('../linux/view.js');
}
