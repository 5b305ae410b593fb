// Which functions of the kernel's headers a module may call at its top level, by name. Used by the check of the top
// level, by the rewrite that names static data, and by the lint rules.

/** Makes static data in the machine's memory: the value is the same address on every CPU. */
export const DEFINES = /^(DEFINE_\w+|DECLARE_\w+|LIST_HEAD|HLIST_HEAD)$/;

/** Statements that describe the module, and compile-time assertions. */
export const DESCRIBES =
  /^(module_\w+|MODULE_\w+|EXPORT_SYMBOL\w*|(\w+_)?initcall(_sync)?|static_assert|BUILD_BUG_ON\w*|kunit_test_suites?)$/;

/** Make a class or a type of field. */
export const TYPES = /^(Struct|Union)$/;

/** Give a value that depends on their arguments alone. */
const PURE =
  /^(BIT|BIT_ULL|BIT_MASK|BIT_WORD|GENMASK|GENMASK_ULL|FIELD_PREP|FIELD_GET|DIV_ROUND_UP|DIV_ROUND_CLOSEST|ALIGN|ALIGN_DOWN|round_up|round_down|ilog2|order_base_2|roundup_pow_of_two|rounddown_pow_of_two|_IO|_IOR|_IOW|_IOWR|_IOC|MKDEV|MAJOR|MINOR|KERNEL_VERSION|ERR_PTR|IS_ENABLED|ARRAY_SIZE|BITS_TO_LONGS|msecs_to_jiffies|usecs_to_jiffies|nsecs_to_jiffies|secs_to_jiffies|jiffies_to_msecs|ms_to_ktime|ns_to_ktime|ktime_set|us_to_ktime|cpu_to_[bl]e(16|32|64)|[bl]e(16|32|64)_to_cpu|htons|htonl|ntohs|ntohl|offsetof|sizeof|min|max|clamp|\w+_INIT|\w+_INITIALIZER|__\w+_(INIT|INITIALIZER|UNLOCKED)|addr_of)$/;

/** The header whose functions all describe types: `array`, `ptr`, `bitmap`. */
const TYPE_HEADER = 'lockstep/linux/types';

/** Of `lockstep/linux/types`, what touches memory and so is no description. */
const TOUCHES = /^(assign_struct|container_of|READ_ONCE|WRITE_ONCE)$/;

export const isPure = (name: string, from: string): boolean =>
  PURE.test(name) || TYPES.test(name) || (from === TYPE_HEADER && !DEFINES.test(name) && !TOUCHES.test(name));

/** True for modules that hold kernel functions. */
export const isHeader = (from: string): boolean => from.startsWith('lockstep/linux/');
