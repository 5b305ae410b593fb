// As much of JSON Schema as docs/schedule-report.schema.json uses. A keyword that is not known here is an error: nothing
// is passed over.
type Schema = Record<string, unknown>;

const IGNORED = new Set(['$schema', 'title', 'description', '$defs']);

const type_of = (v: unknown): string =>
  v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v;

/** What is wrong with `value`, each with its path. */
export function schema_errors(root: Schema, value: unknown, schema: Schema = root, path = '$'): string[] {
  const errors: string[] = [];
  const bad = (what: string): void => void errors.push(`${path}: ${what}`);
  const within = (inner: Schema, v: unknown, at: string): string[] => schema_errors(root, v, inner, at);
  const object = type_of(value) === 'object' ? (value as Record<string, unknown>) : null;
  for (const [keyword, wanted] of Object.entries(schema)) {
    switch (keyword) {
      case '$ref': {
        const name = (wanted as string).replace('#/$defs/', '');
        errors.push(...within((root['$defs'] as Record<string, Schema>)[name]!, value, path));
        break;
      }
      case 'anyOf':
        if (!(wanted as Schema[]).some((s) => within(s, value, path).length === 0)) bad('fits none of anyOf');
        break;
      case 'type': {
        const is = type_of(value);
        const fits = [wanted].flat().some((t) => t === is || (t === 'number' && is === 'integer'));
        if (!fits) bad(`is ${is}, not ${String(wanted)}`);
        break;
      }
      case 'const':
        if (value !== wanted) bad(`is not ${String(wanted)}`);
        break;
      case 'enum':
        if (!(wanted as unknown[]).includes(value))
          bad(`${String(value)} is none of ${(wanted as unknown[]).join(', ')}`);
        break;
      case 'pattern':
        if (typeof value === 'string' && !new RegExp(wanted as string).test(value))
          bad(`does not match ${wanted as string}`);
        break;
      case 'minimum':
        if (typeof value === 'number' && value < (wanted as number)) bad(`${value} is too small`);
        break;
      case 'maximum':
        if (typeof value === 'number' && value > (wanted as number)) bad(`${value} is too large`);
        break;
      case 'minItems':
        if (Array.isArray(value) && value.length < (wanted as number)) bad('has too few items');
        break;
      case 'maxItems':
        if (Array.isArray(value) && value.length > (wanted as number)) bad('has too many items');
        break;
      case 'items':
        if (Array.isArray(value))
          for (const [i, item] of value.entries()) errors.push(...within(wanted as Schema, item, `${path}[${i}]`));
        break;
      case 'required':
        if (object !== null) for (const name of wanted as string[]) if (!(name in object)) bad(`has no ${name}`);
        break;
      case 'properties':
        for (const [name, inner] of Object.entries(wanted as Record<string, Schema>))
          if (object !== null && name in object) errors.push(...within(inner, object[name], `${path}.${name}`));
        break;
      case 'additionalProperties':
        if (object !== null && wanted === false)
          for (const name of Object.keys(object))
            if (!(name in (schema['properties'] as object))) bad(`has ${name}, which the schema does not know`);
        break;
      default:
        if (!IGNORED.has(keyword)) throw new Error(`the schema's keyword '${keyword}' is not checked here`);
    }
  }
  return errors;
}
