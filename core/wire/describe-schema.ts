/** The schema of a body's fields as text for PROTOCOL.md. */
import type * as v from 'valibot';

export interface ObjectSchema {
  readonly entries: Record<string, v.GenericSchema>;
}

/** Enough of valibot's schemas for the table; a schema without a rule here shows its type. */
export function formatSchema(schema: v.GenericSchema): string {
  const s = schema as unknown as Partial<ObjectSchema> & {
    type: string;
    wrapped?: v.GenericSchema;
    item?: v.GenericSchema;
    options?: string[];
    pipe?: { type: string; requirement?: number; message?: string }[];
    message?: string;
  };
  switch (s.type) {
    case 'object':
      return `{ ${Object.entries(s.entries ?? {})
        .map(([field, inner]) => `\`${field}\`: ${formatSchema(inner)}`)
        .join(', ')} }`;
    case 'array':
      return `${arrayLength(s.pipe)} of ${formatSchema(s.item!)}`;
    case 'nullable':
      return `${formatSchema(s.wrapped!)}, or null`;
    case 'optional':
      return `${formatSchema(s.wrapped!)}, or absent`;
    case 'picklist':
      return `one of ${s.options!.map((option) => `\`${option}\``).join(', ')}`;
    case 'number':
      return `number up to ${requirement(s.pipe, 'max_value')}`;
    case 'string':
      return checkMessage(s.pipe) ?? `text of up to ${requirement(s.pipe, 'max_length')} bytes`;
    case 'custom':
      return (s.message ?? '').replace('must have ', '');
    default:
      return s.type;
  }
}

function arrayLength(pipe: { type: string; requirement?: number }[] | undefined): string {
  const exact = pipe?.some(({ type }) => type === 'length');
  return exact ? requirement(pipe, 'length') : `up to ${requirement(pipe, 'max_length')}`;
}

function requirement(pipe: { type: string; requirement?: number }[] | undefined, type: string): string {
  return (pipe?.find((action) => action.type === type)?.requirement ?? '?').toLocaleString('en');
}

function checkMessage(pipe: { type: string; message?: string }[] | undefined): string | undefined {
  return pipe?.find((action) => action.type === 'check')?.message?.replace('must be ', '');
}
