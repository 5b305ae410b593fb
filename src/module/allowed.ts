// Which functions of the kernel's headers a module may call at its top level, by name. Used by the check of the top
// level, by the rewrite that names static data, and by the lint rules.

/**
 * Makes static data in the machine's memory: the value is the same address on every CPU. Not those that Linux puts on the
 * stack: they are a task's.
 */
export const DEFINES =
  /^(?!DEFINE_WAIT(_FUNC)?$|DECLARE_(S?)WAITQUEUE$|DECLARE_\w+_ONSTACK$)(DEFINE_\w+|DECLARE_\w+|LIST_HEAD|HLIST_HEAD|LLIST_HEAD)$/;

/** Statements that describe the module, and compile-time assertions. */
export const DESCRIBES =
  /^(module_\w+|MODULE_\w+|EXPORT_SYMBOL\w*|(\w+_)?initcall(_sync)?|static_assert|BUILD_BUG_ON\w*|kunit_test_suites?)$/;

/** Make a class or a type of field. */
export const TYPES = /^(Struct|Union)$/;

/** Give a value that depends on their arguments alone; beside all functions of the headers below. */
const PURE =
  /^(DECLARE_KFIFO|DECLARE_KFIFO_PTR|DECLARE_HASHTABLE|BIT|BIT_ULL|BIT_MASK|BIT_WORD|BITS_TO_\w+|GENMASK|GENMASK_ULL|FIELD_PREP|FIELD_GET|hweight\w+|_IO|_IOR|_IOW|_IOWR|_IOC|MKDEV|MAJOR|MINOR|KERNEL_VERSION|ERR_PTR|IS_ENABLED|ARRAY_SIZE|[mun]?secs_to_jiffies|jiffies_to_[mun]?secs|(ms|us|ns)_to_ktime|ktime_set|htons|htonl|ntohs|ntohl|offsetof|sizeof|addr_of|errname)$/;
/** Headers that touch no memory. */
const PURE_HEADERS = /^lockstep\/linux\/(bits|math|minmax|align|log2|byteorder)$/;

/** Give an initialiser, for the arguments of DEFINE_*: `ATOMIC_INIT(1)`. */
const INITIALISERS = /_(INIT|INITIALIZER|UNLOCKED)$/;

/** The header whose functions all describe types: `array`, `ptr`, `bitmap`. */
const TYPE_HEADER = 'lockstep/linux/types';
/** Of it, what is no description. */
const TOUCHES = /^(assign_struct|begin_static|def_name|end_static|set_\w+)$/;

/** True for a function whose result is the same on every CPU and can't be changed. */
export const isPure = (name: string, from: string): boolean =>
  PURE.test(name) ||
  PURE_HEADERS.test(from) ||
  TYPES.test(name) ||
  (from === TYPE_HEADER && !DEFINES.test(name) && !TOUCHES.test(name));

/** As isPure, in an argument of DEFINE_*. */
export const isInitialiser = (name: string, from: string): boolean => INITIALISERS.test(name) || isPure(name, from);

/** True for modules that hold kernel functions. */
export const isHeader = (from: string): boolean => from.startsWith('lockstep/linux/');
