// What a step of a traced schedule accesses: address, width and value, and how a person would call it. The transform tells
// a tracer the view (or the address) of an access and the first two arguments of a primitive; views know their fields.
import { MAX_CPUS } from '../../machine/params.js';
import { percpu_base, PERCPU_SIZE, STATIC } from '../../machine/memory-map.js';
import type { FieldType } from '../../linux/field.js';
import type { FieldAccess } from '../../linux/view.js';
import type { Site } from '../../stepped/transform.js';
import type { Watched } from '../session.js';

/** Something in the machine's memory that is one load or store. */
export interface Place {
  address: number;
  size: number;
  access: FieldAccess['access'];
  bool: boolean;
  name: string;
}

interface AnyView {
  '@addr': number;
  '@fields'?: Readonly<Record<string, FieldAccess>>;
  '@element'?: FieldAccess;
  addr?: (i: number) => number;
  constructor: { struct_name?: string; name: string };
}
interface AnyPerCpu {
  offset: number;
  on(base: number): AnyView;
}

export const is_view = (v: unknown): v is AnyView =>
  typeof v === 'object' && v !== null && typeof (v as Partial<AnyView>)['@addr'] === 'number';
const is_percpu = (v: unknown): v is AnyPerCpu =>
  typeof v === 'object' && v !== null && typeof (v as Partial<AnyPerCpu>).on === 'function';

const SIZES: Record<FieldAccess['access'], number> = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
};

/** How a primitive accesses what it is given: by its name, as Linux names such functions. */
export function access_of(name: string): 'read' | 'write' | 'update' | null {
  if (
    /^(READ_ONCE|smp_load_acquire|rcu_dereference|rcu_access_pointer|smp_cond_load|(this_cpu|raw_cpu)_read)/.test(name)
  )
    return 'read';
  if (/^(atomic(64|_long)?|refcount|kref)_read|^test_bit|^at$/.test(name)) return 'read';
  if (/^(WRITE_ONCE|smp_store_|rcu_assign_pointer|RCU_INIT_POINTER|(this_cpu|raw_cpu)_write|set$)/.test(name))
    return 'write';
  if (/^(atomic(64|_long)?|refcount|kref)_(set|init)/.test(name)) return 'write';
  if (/^(try_)?(cmp)?xchg|^(atomic(64|_long)?|refcount|kref|this_cpu|raw_cpu)_/.test(name)) return 'update';
  if (/^(test_and_)?(set|clear|change)_bit/.test(name)) return 'update';
  return null;
}
/** Elements of arrays are accessed by methods, plainly. */
export const is_marked = (name: string): boolean => name !== 'at' && name !== 'set';

/** `stats.reads of CPU 1`: which copy it is stands last. */
const named = (object: string, field: string): string => object.replace(/( of CPU \d+)?$/, `${field}$1`);

const ARRAY = '[]';

/** The way from an object to what lies at an offset in it: `.slots[2].next`; null if there is nothing of that name. */
function path_in(type: FieldType, offset: number, struct: string): string | null {
  const name = type.kind === 'struct' ? type.struct_name : type.kind === 'array' ? ARRAY : '';
  if (offset === 0 && (struct === '' || name === struct)) return '';
  if (type.kind === 'array') {
    const element = type.element as FieldType;
    const i = Math.floor(offset / element.size);
    const inside = path_in(element, offset - i * element.size, struct);
    return inside === null ? null : `[${i}]${inside}`;
  }
  if (type.kind !== 'struct') return null;
  for (const field of Object.values(type.fields)) {
    if (offset < field.offset || offset >= field.offset + field.size) continue;
    const inside = path_in(field.type, offset - field.offset, struct);
    if (inside !== null) return `.${field.name}${inside}`;
  }
  return null;
}

/** The function that a site calls: `at` of `table.entry.at`. */
export const function_name = (site: Site): string => site.name.slice(site.name.lastIndexOf('.') + 1);

export class Places {
  /** Objects outside static data, by address, in the order in which they were seen: for their names. */
  readonly #seen = new Map<string, Map<number, number>>();

  constructor(private readonly machine: Watched) {}

  /** What the step at `site` accesses, null if that is unknown or no single word. */
  of(site: Site, a: unknown, b: unknown): Place | null {
    if (typeof a === 'number' && site.kind !== 'call')
      return { address: a >>> 0, size: 4, access: 'u32', bool: false, name: this.address_name(a) };
    if (site.kind !== 'call') return is_view(a) ? this.#field(a, site.name) : null;
    if (access_of(function_name(site)) === null) return null;
    if (is_percpu(a)) {
      const view = a.on(percpu_base(this.machine.running().cpu));
      return this.#field(view, typeof b === 'string' ? b : 'value');
    }
    if (is_view(a) && a['@element'] !== undefined && typeof b === 'number') return this.#element(a, b);
    if (is_view(a) && typeof b === 'string') return this.#field(a, b);
    // atomic_inc(v), atomic_add(3, v), test_and_set_bit(3, bits): the first word of what is given.
    const view = is_view(a) ? a : is_view(b) ? b : null;
    if (view === null) return null;
    const fields = Object.keys(view['@fields'] ?? {});
    if (fields.length > 0) return this.#word(view, fields[0]!);
    return view['@element'] !== undefined ? this.#element(view, 0) : null;
  }

  /** A field that is the whole object, such as the counter of an atomic_t, goes by the object's name. */
  #word(view: AnyView, field: string): Place | null {
    const place = this.#field(view, field);
    return place && { ...place, name: this.object_name(view) };
  }
  #field(view: AnyView, field: string): Place | null {
    const of = view['@fields']?.[field];
    if (of === undefined) return null;
    const object = this.object_name(view);
    const cell = field === 'value' && view.constructor.struct_name === undefined;
    return this.#at(view['@addr'] + of.offset, of, cell ? object : named(object, `.${field}`));
  }
  #element(view: AnyView, index: number): Place | null {
    const of = view['@element']!;
    const address = view['@addr'] + index * SIZES[of.access];
    return this.#at(address, of, named(this.object_name(view), `[${index}]`));
  }
  #at(address: number, { access, bool }: FieldAccess, name: string): Place {
    return { address: address >>> 0, size: SIZES[access], access, bool, name };
  }

  /** How reports call an object: by its place in static data; else by the struct's name and a number. */
  object_name(view: AnyView): string {
    const address = view['@addr'] >>> 0;
    const symbol = this.machine.symbol(address);
    const cpu = this.#percpu(address);
    if (symbol !== null && cpu === null)
      return this.address_name(address, view['@element'] !== undefined ? ARRAY : (view.constructor.struct_name ?? ''));
    const what = view.constructor.struct_name ?? 'word';
    if (cpu !== null) {
      const of = this.machine.symbol(address - percpu_base(cpu));
      return `${of?.name ?? what} of CPU ${cpu}`;
    }
    if (address < 0x1000) return `NULL->${what}`;
    return this.#numbered(what, address);
  }
  #numbered(what: string, address: number): string {
    let known = this.#seen.get(what);
    if (known === undefined) this.#seen.set(what, (known = new Map<number, number>()));
    const n = known.get(address) ?? known.size + 1;
    known.set(address, n);
    return `${what}#${n}`;
  }
  /** The CPU whose per-CPU area an address lies in. */
  #percpu(address: number): number | null {
    const cpu = Math.floor((address - percpu_base(0)) / PERCPU_SIZE);
    return cpu >= 0 && cpu < MAX_CPUS ? cpu : null;
  }
  /**
   * What `&` of C would name: `ring.slots[2]`. Several things may begin at an address: `struct` is the name of the one that
   * is meant, ARRAY for an array, '' for the outermost.
   */
  address_name(address: number, struct = ''): string {
    const at = address >>> 0;
    const datum = this.machine.statics.find((d) => at >= d.address && at < d.address + d.type.size);
    if (datum !== undefined) {
      const inside = path_in(datum.type, at - datum.address, struct) ?? path_in(datum.type, at - datum.address, '');
      if (inside !== null) return datum.name + inside;
    }
    const symbol = this.machine.symbol(at);
    if (symbol !== null)
      return at === symbol.value ? symbol.name : `${symbol.name}+0x${(at - symbol.value).toString(16)}`;
    for (const [what, known] of this.#seen) if (known.has(at)) return `${what}#${known.get(at)}`;
    return `0x${at.toString(16)}`;
  }
  /** Objects of a kind that came up once alone need no number. */
  renamed(text: string): string {
    return text.replace(/([A-Za-z_]\w*)#1\b/g, (whole, what: string) =>
      (this.#seen.get(what)?.size ?? 2) === 1 ? what : whole,
    );
  }

  /** What a place holds now: decimal, true or false, 0x… for what looks like an address. */
  value(place: Place): string | null {
    const { address, size, access } = place;
    const { U8 } = this.machine.memory;
    if (address < 0x1000 || address + size > U8.length) return null;
    const bytes = new DataView(new ArrayBuffer(8));
    for (let i = 0; i < size; i++) bytes.setUint8(i, U8[address + i]!);
    if (place.bool) return bytes.getUint8(0) === 0 ? 'false' : 'true';
    switch (access) {
      case 'i8':
        return String(bytes.getInt8(0));
      case 'u8':
        return String(bytes.getUint8(0));
      case 'i16':
        return String(bytes.getInt16(0, true));
      case 'u16':
        return String(bytes.getUint16(0, true));
      case 'i32':
        return this.#word_text(bytes.getInt32(0, true));
      case 'u32':
        return this.#word_text(bytes.getUint32(0, true));
      case 'i64':
        return String(bytes.getBigInt64(0, true));
      case 'u64':
        return String(bytes.getBigUint64(0, true));
      case 'f64':
        return String(bytes.getFloat64(0, true));
    }
  }
  /** Pointers are integers: those that lie in the machine's memory are shown as such. */
  #word_text(n: number): string {
    if (n < STATIC || n >= this.machine.memory.U8.length) return String(n);
    const symbol = this.machine.symbol(n);
    return symbol === null ? `0x${n.toString(16)}` : `&${this.address_name(n)}`;
  }
}
