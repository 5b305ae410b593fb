/* Made by scripts/c-layout.mjs from the TypeScript structs: do not edit. */
#ifndef _LOCKSTEP_LAYOUT_H
#define _LOCKSTEP_LAYOUT_H

#define HZ 250
#define LOCKSTEP_LOCK_MAGIC 0xdead4eau
#define LOCKSTEP_MUTEX_MAGIC 0xdead4eau

struct task_struct;
struct wait_queue_entry;
struct list_head {
	struct list_head *next;
	struct list_head *prev;
};
_Static_assert(sizeof(struct list_head) == 8, "size of struct list_head");
_Static_assert(__builtin_offsetof(struct list_head, next) == 0, "list_head.next");
_Static_assert(__builtin_offsetof(struct list_head, prev) == 4, "list_head.prev");

struct hlist_head {
	struct hlist_node *first;
};
_Static_assert(sizeof(struct hlist_head) == 4, "size of struct hlist_head");
_Static_assert(__builtin_offsetof(struct hlist_head, first) == 0, "hlist_head.first");

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node * *pprev;
};
_Static_assert(sizeof(struct hlist_node) == 8, "size of struct hlist_node");
_Static_assert(__builtin_offsetof(struct hlist_node, next) == 0, "hlist_node.next");
_Static_assert(__builtin_offsetof(struct hlist_node, pprev) == 4, "hlist_node.pprev");

struct spinlock_t {
	u32 rlock;
	u32 magic;
};
typedef struct spinlock_t spinlock_t;
_Static_assert(sizeof(struct spinlock_t) == 8, "size of struct spinlock_t");
_Static_assert(__builtin_offsetof(struct spinlock_t, rlock) == 0, "spinlock_t.rlock");
_Static_assert(__builtin_offsetof(struct spinlock_t, magic) == 4, "spinlock_t.magic");

struct raw_spinlock_t {
	u32 raw_lock;
	u32 magic;
};
typedef struct raw_spinlock_t raw_spinlock_t;
_Static_assert(sizeof(struct raw_spinlock_t) == 8, "size of struct raw_spinlock_t");
_Static_assert(__builtin_offsetof(struct raw_spinlock_t, raw_lock) == 0, "raw_spinlock_t.raw_lock");
_Static_assert(__builtin_offsetof(struct raw_spinlock_t, magic) == 4, "raw_spinlock_t.magic");

struct rwlock_t {
	u32 cnts;
	u32 magic;
	u32 wait_lock;
	u32 wait_magic;
};
typedef struct rwlock_t rwlock_t;
_Static_assert(sizeof(struct rwlock_t) == 16, "size of struct rwlock_t");
_Static_assert(__builtin_offsetof(struct rwlock_t, cnts) == 0, "rwlock_t.cnts");
_Static_assert(__builtin_offsetof(struct rwlock_t, magic) == 4, "rwlock_t.magic");
_Static_assert(__builtin_offsetof(struct rwlock_t, wait_lock) == 8, "rwlock_t.wait_lock");
_Static_assert(__builtin_offsetof(struct rwlock_t, wait_magic) == 12, "rwlock_t.wait_magic");

struct atomic_t {
	int counter;
};
typedef struct atomic_t atomic_t;
_Static_assert(sizeof(struct atomic_t) == 4, "size of struct atomic_t");
_Static_assert(__builtin_offsetof(struct atomic_t, counter) == 0, "atomic_t.counter");

struct atomic64_t {
	s64 counter;
};
typedef struct atomic64_t atomic64_t;
_Static_assert(sizeof(struct atomic64_t) == 8, "size of struct atomic64_t");
_Static_assert(__builtin_offsetof(struct atomic64_t, counter) == 0, "atomic64_t.counter");

struct refcount_t {
	atomic_t refs;
};
typedef struct refcount_t refcount_t;
_Static_assert(sizeof(struct refcount_t) == 4, "size of struct refcount_t");
_Static_assert(__builtin_offsetof(struct refcount_t, refs) == 0, "refcount_t.refs");

struct kref {
	refcount_t refcount;
};
_Static_assert(sizeof(struct kref) == 4, "size of struct kref");
_Static_assert(__builtin_offsetof(struct kref, refcount) == 0, "kref.refcount");

struct wait_queue_head {
	struct spinlock_t lock;
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;
_Static_assert(sizeof(struct wait_queue_head) == 16, "size of struct wait_queue_head");
_Static_assert(__builtin_offsetof(struct wait_queue_head, lock) == 0, "wait_queue_head.lock");
_Static_assert(__builtin_offsetof(struct wait_queue_head, head) == 8, "wait_queue_head.head");

struct wait_queue_entry {
	u32 flags;
	void *private;
	int (*func)(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);
	struct list_head entry;
};
typedef struct wait_queue_entry wait_queue_entry_t;
_Static_assert(sizeof(struct wait_queue_entry) == 20, "size of struct wait_queue_entry");
_Static_assert(__builtin_offsetof(struct wait_queue_entry, flags) == 0, "wait_queue_entry.flags");
_Static_assert(__builtin_offsetof(struct wait_queue_entry, private) == 4, "wait_queue_entry.private");
_Static_assert(__builtin_offsetof(struct wait_queue_entry, func) == 8, "wait_queue_entry.func");
_Static_assert(__builtin_offsetof(struct wait_queue_entry, entry) == 12, "wait_queue_entry.entry");

struct completion {
	u32 done;
	struct wait_queue_head wait;
};
_Static_assert(sizeof(struct completion) == 20, "size of struct completion");
_Static_assert(__builtin_offsetof(struct completion, done) == 0, "completion.done");
_Static_assert(__builtin_offsetof(struct completion, wait) == 4, "completion.wait");

struct mutex {
	u32 owner;
	struct spinlock_t wait_lock;
	struct list_head wait_list;
	u32 magic;
	void *held_next;
};
_Static_assert(sizeof(struct mutex) == 28, "size of struct mutex");
_Static_assert(__builtin_offsetof(struct mutex, owner) == 0, "mutex.owner");
_Static_assert(__builtin_offsetof(struct mutex, wait_lock) == 4, "mutex.wait_lock");
_Static_assert(__builtin_offsetof(struct mutex, wait_list) == 12, "mutex.wait_list");
_Static_assert(__builtin_offsetof(struct mutex, magic) == 20, "mutex.magic");
_Static_assert(__builtin_offsetof(struct mutex, held_next) == 24, "mutex.held_next");

struct rw_semaphore {
	u32 count;
	u32 owner;
	raw_spinlock_t wait_lock;
	u32 magic;
	u32 unused;
	void *held_next;
	struct list_head wait_list;
};
_Static_assert(sizeof(struct rw_semaphore) == 36, "size of struct rw_semaphore");
_Static_assert(__builtin_offsetof(struct rw_semaphore, count) == 0, "rw_semaphore.count");
_Static_assert(__builtin_offsetof(struct rw_semaphore, owner) == 4, "rw_semaphore.owner");
_Static_assert(__builtin_offsetof(struct rw_semaphore, wait_lock) == 8, "rw_semaphore.wait_lock");
_Static_assert(__builtin_offsetof(struct rw_semaphore, magic) == 16, "rw_semaphore.magic");
_Static_assert(__builtin_offsetof(struct rw_semaphore, unused) == 20, "rw_semaphore.unused");
_Static_assert(__builtin_offsetof(struct rw_semaphore, held_next) == 24, "rw_semaphore.held_next");
_Static_assert(__builtin_offsetof(struct rw_semaphore, wait_list) == 28, "rw_semaphore.wait_list");

struct semaphore {
	raw_spinlock_t lock;
	u32 count;
	struct list_head wait_list;
	u32 magic;
};
_Static_assert(sizeof(struct semaphore) == 24, "size of struct semaphore");
_Static_assert(__builtin_offsetof(struct semaphore, lock) == 0, "semaphore.lock");
_Static_assert(__builtin_offsetof(struct semaphore, count) == 8, "semaphore.count");
_Static_assert(__builtin_offsetof(struct semaphore, wait_list) == 12, "semaphore.wait_list");
_Static_assert(__builtin_offsetof(struct semaphore, magic) == 20, "semaphore.magic");

struct timer_list {
	u32 node[4];
	double key;
	unsigned long expires;
	void (*function)(struct timer_list *timer);
	u32 flags;
	u32 base;
};
_Static_assert(sizeof(struct timer_list) == 40, "size of struct timer_list");
_Static_assert(__builtin_offsetof(struct timer_list, node) == 0, "timer_list.node");
_Static_assert(__builtin_offsetof(struct timer_list, key) == 16, "timer_list.key");
_Static_assert(__builtin_offsetof(struct timer_list, expires) == 24, "timer_list.expires");
_Static_assert(__builtin_offsetof(struct timer_list, function) == 28, "timer_list.function");
_Static_assert(__builtin_offsetof(struct timer_list, flags) == 32, "timer_list.flags");
_Static_assert(__builtin_offsetof(struct timer_list, base) == 36, "timer_list.base");

struct tasklet_struct {
	struct tasklet_struct *next;
	u32 state;
	atomic_t count;
	union { void (*callback)(struct tasklet_struct *t); void (*func)(unsigned long data); };
	unsigned long data;
	u32 use_callback;
	int cpu;
};
_Static_assert(sizeof(struct tasklet_struct) == 28, "size of struct tasklet_struct");
_Static_assert(__builtin_offsetof(struct tasklet_struct, next) == 0, "tasklet_struct.next");
_Static_assert(__builtin_offsetof(struct tasklet_struct, state) == 4, "tasklet_struct.state");
_Static_assert(__builtin_offsetof(struct tasklet_struct, count) == 8, "tasklet_struct.count");
_Static_assert(__builtin_offsetof(struct tasklet_struct, func) == 12, "tasklet_struct.func");
_Static_assert(__builtin_offsetof(struct tasklet_struct, data) == 16, "tasklet_struct.data");
_Static_assert(__builtin_offsetof(struct tasklet_struct, use_callback) == 20, "tasklet_struct.use_callback");
_Static_assert(__builtin_offsetof(struct tasklet_struct, cpu) == 24, "tasklet_struct.cpu");

struct task_struct {
	u32 __state;
	u32 flags;
	int pid;
	u32 weight;
	int on_rq;
	int on_cpu;
	int cpu;
	int exit_code;
	u32 run_node[4];
	double vruntime;
	double sum_exec_runtime;
	int (*threadfn)(void *data);
	void *data;
	u32 kthread_flags;
	u32 slot;
	struct list_head tasks;
	char comm[16];
	void *frame_top;
	struct completion exited;
	int usage;
	u32 block_kind;
	void *block_addr;
	void *stack;
	u32 owner;
	u32 nvcsw;
	u32 nivcsw;
	u32 migrations;
	u32 cpus_mask[2];
	void *mutexes;
	double slept_at;
	u32 reported;
	u32 language;
	u32 pending[2];
	u32 blocked[2];
	u32 sig_allowed[2];
	u8 policy;
	u8 static_nice;
	u8 rt_priority;
	u8 migration_disabled;
	u8 time_slice;
	u8 must_move;
	u8 told_fixed;
	u8 spare;
	u32 rcu_data[4];
	u32 reserved[4];
	u8 frames[768];
};
_Static_assert(sizeof(struct task_struct) == 1024, "size of struct task_struct");
_Static_assert(__builtin_offsetof(struct task_struct, __state) == 0, "task_struct.__state");
_Static_assert(__builtin_offsetof(struct task_struct, flags) == 4, "task_struct.flags");
_Static_assert(__builtin_offsetof(struct task_struct, pid) == 8, "task_struct.pid");
_Static_assert(__builtin_offsetof(struct task_struct, weight) == 12, "task_struct.weight");
_Static_assert(__builtin_offsetof(struct task_struct, on_rq) == 16, "task_struct.on_rq");
_Static_assert(__builtin_offsetof(struct task_struct, on_cpu) == 20, "task_struct.on_cpu");
_Static_assert(__builtin_offsetof(struct task_struct, cpu) == 24, "task_struct.cpu");
_Static_assert(__builtin_offsetof(struct task_struct, exit_code) == 28, "task_struct.exit_code");
_Static_assert(__builtin_offsetof(struct task_struct, run_node) == 32, "task_struct.run_node");
_Static_assert(__builtin_offsetof(struct task_struct, vruntime) == 48, "task_struct.vruntime");
_Static_assert(__builtin_offsetof(struct task_struct, sum_exec_runtime) == 56, "task_struct.sum_exec_runtime");
_Static_assert(__builtin_offsetof(struct task_struct, threadfn) == 64, "task_struct.threadfn");
_Static_assert(__builtin_offsetof(struct task_struct, data) == 68, "task_struct.data");
_Static_assert(__builtin_offsetof(struct task_struct, kthread_flags) == 72, "task_struct.kthread_flags");
_Static_assert(__builtin_offsetof(struct task_struct, slot) == 76, "task_struct.slot");
_Static_assert(__builtin_offsetof(struct task_struct, tasks) == 80, "task_struct.tasks");
_Static_assert(__builtin_offsetof(struct task_struct, comm) == 88, "task_struct.comm");
_Static_assert(__builtin_offsetof(struct task_struct, frame_top) == 104, "task_struct.frame_top");
_Static_assert(__builtin_offsetof(struct task_struct, exited) == 108, "task_struct.exited");
_Static_assert(__builtin_offsetof(struct task_struct, usage) == 128, "task_struct.usage");
_Static_assert(__builtin_offsetof(struct task_struct, block_kind) == 132, "task_struct.block_kind");
_Static_assert(__builtin_offsetof(struct task_struct, block_addr) == 136, "task_struct.block_addr");
_Static_assert(__builtin_offsetof(struct task_struct, stack) == 140, "task_struct.stack");
_Static_assert(__builtin_offsetof(struct task_struct, owner) == 144, "task_struct.owner");
_Static_assert(__builtin_offsetof(struct task_struct, nvcsw) == 148, "task_struct.nvcsw");
_Static_assert(__builtin_offsetof(struct task_struct, nivcsw) == 152, "task_struct.nivcsw");
_Static_assert(__builtin_offsetof(struct task_struct, migrations) == 156, "task_struct.migrations");
_Static_assert(__builtin_offsetof(struct task_struct, cpus_mask) == 160, "task_struct.cpus_mask");
_Static_assert(__builtin_offsetof(struct task_struct, mutexes) == 168, "task_struct.mutexes");
_Static_assert(__builtin_offsetof(struct task_struct, slept_at) == 176, "task_struct.slept_at");
_Static_assert(__builtin_offsetof(struct task_struct, reported) == 184, "task_struct.reported");
_Static_assert(__builtin_offsetof(struct task_struct, language) == 188, "task_struct.language");
_Static_assert(__builtin_offsetof(struct task_struct, pending) == 192, "task_struct.pending");
_Static_assert(__builtin_offsetof(struct task_struct, blocked) == 200, "task_struct.blocked");
_Static_assert(__builtin_offsetof(struct task_struct, sig_allowed) == 208, "task_struct.sig_allowed");
_Static_assert(__builtin_offsetof(struct task_struct, policy) == 216, "task_struct.policy");
_Static_assert(__builtin_offsetof(struct task_struct, static_nice) == 217, "task_struct.static_nice");
_Static_assert(__builtin_offsetof(struct task_struct, rt_priority) == 218, "task_struct.rt_priority");
_Static_assert(__builtin_offsetof(struct task_struct, migration_disabled) == 219, "task_struct.migration_disabled");
_Static_assert(__builtin_offsetof(struct task_struct, time_slice) == 220, "task_struct.time_slice");
_Static_assert(__builtin_offsetof(struct task_struct, must_move) == 221, "task_struct.must_move");
_Static_assert(__builtin_offsetof(struct task_struct, told_fixed) == 222, "task_struct.told_fixed");
_Static_assert(__builtin_offsetof(struct task_struct, spare) == 223, "task_struct.spare");
_Static_assert(__builtin_offsetof(struct task_struct, rcu_data) == 224, "task_struct.rcu_data");
_Static_assert(__builtin_offsetof(struct task_struct, reserved) == 240, "task_struct.reserved");
_Static_assert(__builtin_offsetof(struct task_struct, frames) == 256, "task_struct.frames");

#endif
