// noinstr: never transformed, never interrupted.
// The public headers by name: what `import ... from 'lockstep/linux/NAME'` gives to a module.
import * as align from './align.js';
import * as bits from './bits.js';
import * as atomic from './atomic.js';
import * as barrier from './barrier.js';
import * as bitops from './bitops.js';
import * as bug from './bug.js';
import * as byteorder from './byteorder.js';
import * as cmpxchg from './cmpxchg.js';
import * as compiler from './compiler.js';
import * as completion from './completion.js';
import * as cpumask from './cpumask.js';
import * as container_of from './container_of.js';
import * as ctype from './ctype.js';
import * as delay from './delay.js';
import * as err from './err.js';
import * as errno from './errno.js';
import * as find from './find.js';
import * as gfp from './gfp.js';
import * as hash from './hash.js';
import * as hashtable from './hashtable.js';
import * as init from './init.js';
import * as interrupt from './interrupt.js';
import * as io from './io.js';
import * as hrtimer from './hrtimer.js';
import * as irq_work from './irq_work.js';
import * as ktime from './ktime.js';
import * as irqflags from './irqflags.js';
import * as jiffies from './jiffies.js';
import * as kallsyms from './kallsyms.js';
import * as kfifo from './kfifo.js';
import * as kcsan_checks from './kcsan-checks.js';
import * as kref from './kref.js';
import * as kernel from './kernel.js';
import * as kstrtox from './kstrtox.js';
import * as kthread from './kthread.js';
import * as limits from './limits.js';
import * as list from './list.js';
import * as list_nulls from './list_nulls.js';
import * as llist from './llist.js';
import * as log2 from './log2.js';
import * as math from './math.js';
import * as minmax from './minmax.js';
import * as mm from './mm.js';
import * as module from './module.js';
import * as moduleparam from './moduleparam.js';
import * as mutex from './mutex.js';
import * as panic from './panic.js';
import * as percpu from './percpu.js';
import * as preempt from './preempt.js';
import * as printk from './printk.js';
import * as processor from './processor.js';
import * as refcount from './refcount.js';
import * as rculist from './rculist.js';
import * as rcupdate from './rcupdate.js';
import * as rwlock from './rwlock.js';
import * as rwsem from './rwsem.js';
import * as sched from './sched.js';
import * as sched_signal from './sched/signal.js';
import * as seqlock from './seqlock.js';
import * as semaphore from './semaphore.js';
import * as slab from './slab.js';
import * as smp from './smp.js';
import * as spinlock from './spinlock.js';
import * as sprintf from './sprintf.js';
import * as srcu from './srcu.js';
import * as string from './string.js';
import * as timer from './timer.js';
import * as torture from './torture.js';
import * as types from './types.js';
import * as vmalloc from './vmalloc.js';
import * as unaligned from './unaligned.js';
import * as wait from './wait.js';
import * as wait_bit from './wait_bit.js';
import * as workqueue from './workqueue.js';

export const headers: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  align,
  atomic,
  barrier,
  bits,
  bitops,
  bug,
  byteorder,
  cmpxchg,
  compiler,
  completion,
  container_of,
  cpumask,
  ctype,
  delay,
  err,
  errno,
  find,
  gfp,
  hash,
  hashtable,
  init,
  interrupt,
  io,
  hrtimer,
  irq_work,
  ktime,
  irqflags,
  jiffies,
  kallsyms,
  kfifo,
  'kcsan-checks': kcsan_checks,
  kref,
  kernel,
  kstrtox,
  kthread,
  limits,
  list,
  list_nulls,
  llist,
  log2,
  math,
  minmax,
  mm,
  module,
  moduleparam,
  mutex,
  panic,
  percpu,
  preempt,
  printk,
  processor,
  refcount,
  rculist,
  rcupdate,
  rwlock,
  rwsem,
  sched,
  'sched/signal': sched_signal,
  seqlock,
  semaphore,
  slab,
  smp,
  spinlock,
  sprintf,
  srcu,
  string,
  timer,
  torture,
  types,
  vmalloc,
  unaligned,
  wait,
  wait_bit,
  workqueue,
};

/** The header behind an import of the module at `owner`; an error that lists the names for any other. */
export function header(id: string, owner: number): Readonly<Record<string, unknown>> {
  const name = id.startsWith('lockstep/linux/') ? id.slice('lockstep/linux/'.length) : '';
  const found = headers[name];
  if (found === undefined)
    throw new Error(`cannot find ${id}: modules import from lockstep/linux/{${Object.keys(headers).join(', ')}}`);
  return name === 'module' ? { ...found, THIS_MODULE: owner } : found;
}
