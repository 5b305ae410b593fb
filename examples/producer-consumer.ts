// Producers and consumers over a small ring. Whoever cannot go on sleeps on a wait queue: producers on `not_full`,
// consumers on `not_empty`. Every item arrives once, whatever the interleaving.
//
// The pattern to learn: wait_event() only says that the condition was true a moment ago. Another consumer may have been
// faster, so the state is looked at again under the lock, in a loop.
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import {
  module_exit,
  module_init,
  module_param,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  MODULE_PARM_DESC,
} from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { wait_event, wait_queue_head_t, wake_up, wake_up_all } from 'lockstep/linux/wait';

const SIZE = 4;

class ring extends Struct('ring', {
  lock: spinlock_t,
  slots: array(u32, SIZE),
  head: u32, // items put in so far; the next goes to slot head % SIZE
  tail: u32, // items taken out so far
  sum: u32, // of all items taken out
  not_full: wait_queue_head_t,
  not_empty: wait_queue_head_t,
}) {}
const shared = DEFINE_STATIC(ring);

const producers = DEFINE_STATIC(int, 2);
module_param(producers, int, 0o444);
MODULE_PARM_DESC(producers, 'producing threads');
const consumers = DEFINE_STATIC(int, 2);
module_param(consumers, int, 0o444);
MODULE_PARM_DESC(consumers, 'consuming threads');
const items = DEFINE_STATIC(int, 5);
module_param(items, int, 0o444);
MODULE_PARM_DESC(items, 'items of each producer');

/** Puts an item in. Return: false if the ring is full. */
function put(item: number): boolean {
  spin_lock(shared.lock);
  const room = shared.head - shared.tail < SIZE;
  if (room) {
    shared.slots.set(shared.head % SIZE, item);
    WRITE_ONCE(shared, 'head', shared.head + 1);
  }
  spin_unlock(shared.lock);
  return room;
}

/** Takes an item out. Return: 0 if the ring is empty. */
function take(): number {
  spin_lock(shared.lock);
  let item = 0;
  if (shared.tail !== shared.head) {
    item = shared.slots.at(shared.tail % SIZE);
    WRITE_ONCE(shared, 'tail', shared.tail + 1);
    shared.sum += item;
  }
  spin_unlock(shared.lock);
  return item;
}

const total = () => producers.value * items.value;
// The conditions are looked at without the lock: READ_ONCE and WRITE_ONCE say so, or they would be data races.
const all_taken = () => READ_ONCE(shared, 'tail') === total();
const used = () => READ_ONCE(shared, 'head') - READ_ONCE(shared, 'tail');

export function* producer() {
  for (let item = 1; item <= items.value; item++) {
    while (!put(item)) yield* wait_event(shared.not_full, () => used() < SIZE);
    wake_up(shared.not_empty);
  }
  return 0;
}

export function* consumer() {
  while (!all_taken()) {
    if (take() !== 0) wake_up(shared.not_full);
    else yield* wait_event(shared.not_empty, () => used() !== 0 || all_taken());
  }
  wake_up_all(shared.not_empty); // the other consumers wait for an item that will not come
  return 0;
}

module_init(() => {
  for (let i = 0; i < consumers.value; i++) kthread_run(consumer, 0, 'consumer/%d', i);
  for (let i = 0; i < producers.value; i++) kthread_run(producer, 0, 'producer/%d', i);
  return 0;
});

module_exit(() => {
  pr_info('producer-consumer: %u items produced, %u consumed, sum %u\n', shared.head, shared.tail, shared.sum);
  WARN_ON(shared.tail !== total());
  WARN_ON(shared.sum !== (producers.value * items.value * (items.value + 1)) / 2);
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('A bounded ring with two wait queues');
