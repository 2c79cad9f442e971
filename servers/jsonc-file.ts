/** Reads JSON with comments that people write; what is wrong is said with its file, line and cure. */
import { readFileSync } from 'node:fs';
import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import * as v from 'valibot';
import { NtmError } from '../core/errors';

type Keys = readonly (string | number)[];

export interface JsoncFile<T> {
  readonly value: T;
  /** The error that says what is wrong with the value at `keys`. */
  wrongAt(keys: Keys, what: string): NtmError;
}

/** Throws NtmError NTM_CONFIG. */
export function parseJsonc<S extends v.GenericSchema>(
  schema: S,
  text: string,
  path: string,
): JsoncFile<v.InferOutput<S>> {
  const wrong = (offset: number, what: string): NtmError =>
    new NtmError('NTM_CONFIG', `${path}:${text.slice(0, offset).split('\n').length}: ${what}`);
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first) throw wrong(first.offset, `is not JSON here (${printParseErrorCode(first.error)})`);
  if (tree?.type !== 'object') throw wrong(0, 'must be an object: { ... }');
  const parsed = v.safeParse(schema, valueOf(tree));
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const keys = (issue.path ?? []).map(({ key }) => key as string | number);
    throw wrong(offsetOf(tree, keys), explain(keys, issue));
  }
  return { value: parsed.output, wrongAt: (keys, what) => wrong(offsetOf(tree, keys), `"${keys.join('.')}" ${what}`) };
}

/** Throws NtmError NTM_CONFIG. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new NtmError('NTM_CONFIG', `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function explain(keys: readonly (string | number)[], issue: v.BaseIssue<unknown>): string {
  const setting = keys.length > 0 ? `"${keys.join('.')}" ` : '';
  if (issue.type === 'strict_object' && issue.expected === 'never') return `${setting}is no setting; is it misspelt?`;
  if (issue.received === 'undefined' && issue.kind === 'schema') return `${setting}is not set`;
  return `${setting}${issue.message}`;
}

/** Of the value that is wrong, or of what should hold it. */
function offsetOf(tree: Node, keys: readonly (string | number)[]): number {
  for (let length = keys.length; length >= 0; length--) {
    const node = findNodeAtLocation(tree, keys.slice(0, length));
    if (node) return node.parent?.type === 'property' ? node.parent.offset : node.offset;
  }
  return 0;
}

function valueOf({ type, children = [], value }: Node): unknown {
  switch (type) {
    case 'object':
      return Object.fromEntries(
        children.map(({ children: [key, inner] = [] }) => [key!.value, inner && valueOf(inner)]),
      );
    case 'array':
      return children.map(valueOf);
    default:
      return value;
  }
}
