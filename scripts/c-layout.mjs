// Writes include/lockstep/layout.h and gfp.h: the structs and numbers that C shares with the kernel, from the kernel's own
// TypeScript. `node scripts/c-layout.mjs`, after `npm run build`; test/cc-headers.test.ts holds the files against it.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

await import('../dist/linux/registry.js'); // in the order in which they need each other
const linux = (name) => import(`../dist/linux/${name}.js`);
const { c_declaration } = await linux('field');
const { spinlock_t, raw_spinlock_t, rwlock_t } = await linux('spinlock');
const { list_head } = await linux('list');
const { hlist_head, hlist_node } = await linux('hlist-types');
const { atomic_t, atomic64_t } = await linux('atomic');
const { refcount_t } = await linux('refcount');
const { kref } = await linux('kref');
const { wait_queue_head_t, wait_queue_entry_t } = await linux('wait');
const { completion } = await linux('completion');
const { mutex } = await linux('mutex');
const { rw_semaphore } = await linux('rwsem');
const { semaphore } = await linux('semaphore');
const { timer_list } = await linux('timer');
const { tasklet_struct } = await linux('interrupt');
const { task_struct } = await linux('sched');
const { HZ } = await linux('jiffies');
const gfp = await linux('gfp');
const { LOCK_MAGIC } = await import('../dist/cpu/spinlock.js');

const STRUCTS = [
  ...[list_head, hlist_head, hlist_node, spinlock_t, raw_spinlock_t, rwlock_t, atomic_t, atomic64_t, refcount_t, kref],
  ...[wait_queue_head_t, wait_queue_entry_t, completion, mutex, rw_semaphore, semaphore, timer_list, tasklet_struct],
  task_struct,
];
/** What TypeScript does not say of its fields: the types of functions. */
const DECLARATIONS = {
  'wait_queue_entry.func': 'int (*func)(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)',
  'timer_list.function': 'void (*function)(struct timer_list *timer)',
  'tasklet_struct.func': 'union { void (*callback)(struct tasklet_struct *t); void (*func)(unsigned long data); }',
  'task_struct.threadfn': 'int (*threadfn)(void *data)',
};
const HEAD = '/* Made by scripts/c-layout.mjs from the TypeScript structs: do not edit. */\n';

function declare(type) {
  const name = type.c_name.replace(/^struct /, '');
  const fields = Object.entries(type.fields);
  const lines = fields.map(
    ([field, { type: t }]) => `\t${DECLARATIONS[`${name}.${field}`] ?? c_declaration(t, field)};`,
  );
  const checks = fields.map(
    ([field, { offset }]) =>
      `_Static_assert(__builtin_offsetof(struct ${name}, ${field}) == ${offset}, "${name}.${field}");`,
  );
  const alias = name.endsWith('_t') ? name : name.startsWith('wait_queue') ? `${name}_t` : '';
  return [
    `struct ${name} {\n${lines.join('\n')}\n};`,
    ...(alias === '' ? [] : [`typedef struct ${name} ${alias};`]),
    `_Static_assert(sizeof(struct ${name}) == ${type.size}, "size of struct ${name}");`,
    ...checks,
  ].join('\n');
}

/** The text of include/lockstep/layout.h. */
export const layout = `${HEAD}#ifndef _LOCKSTEP_LAYOUT_H
#define _LOCKSTEP_LAYOUT_H

#define HZ ${HZ}
#define LOCKSTEP_LOCK_MAGIC 0x${LOCK_MAGIC.toString(16)}u
#define LOCKSTEP_MUTEX_MAGIC 0x${LOCK_MAGIC.toString(16)}u

struct task_struct;
struct wait_queue_entry;
${STRUCTS.map(declare).join('\n\n')}

#endif
`;
/** The text of include/lockstep/gfp.h. */
export const gfp_flags = `${HEAD}${Object.entries(gfp)
  .filter(([name, value]) => typeof value === 'number' && /^(__)?GFP_/.test(name))
  .map(([name, value]) => `#define ${name} ((gfp_t)0x${value.toString(16)}u)\n`)
  .join('')}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../include/lockstep/layout.h', import.meta.url), layout);
  writeFileSync(new URL('../include/lockstep/gfp.h', import.meta.url), gfp_flags);
}
