/** The names that a schema of settings knows: for messages, and for the test that holds the examples to them. */
import type * as v from 'valibot';

type Schema = v.GenericSchema | (Record<string, unknown> & { readonly type: string });

/** Of the object at this place; none where there is no object. */
export function settingNames(schema: Schema, path: readonly (string | number)[] = []): string[] {
  const inner = plain(schema);
  if (path.length === 0) return inner.entries ? Object.keys(inner.entries) : [];
  const [first, ...rest] = path as [string | number, ...(string | number)[]];
  const next = typeof first === 'number' ? inner.item : inner.entries?.[first];
  return next ? settingNames(next, rest) : [];
}

/** Every name of the schema, with those of inner objects as `outer.inner`; lists stand for their elements. */
export function allSettingNames(schema: Schema, prefix = ''): string[] {
  const { entries, item } = plain(schema);
  if (item) return allSettingNames(item, prefix);
  return Object.entries(entries ?? {}).flatMap(([name, inner]) => [
    `${prefix}${name}`,
    ...allSettingNames(inner, `${prefix}${name}.`),
  ]);
}

/** Without `optional` and `pipe` around it. */
function plain(schema: Schema): { entries?: Record<string, Schema>; item?: Schema } {
  const { wrapped, pipe } = schema as { wrapped?: Schema; pipe?: Schema[] };
  if (wrapped) return plain(wrapped);
  return pipe && pipe[0] !== schema ? plain(pipe[0]!) : (schema as { entries?: Record<string, Schema>; item?: Schema });
}
