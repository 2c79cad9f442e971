/** Reads JSON with comments that people write; all that is wrong is said, each with its file, line and cure. */
import { readFileSync } from 'node:fs';
import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import * as v from 'valibot';
import { NtmError } from '../core/errors';
import { nearest } from './nearest';
import { settingNames } from './setting-names';

type Keys = readonly (string | number)[];

interface Problem {
  readonly offset: number;
  readonly what: string;
}

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
  const tree = parse(text, path);
  const parsed = v.safeParse(schema, valueOf(tree));
  const problems = [...repeated(tree), ...(parsed.issues ?? []).map((issue) => problemOf(schema, tree, issue))];
  if (problems.length > 0) throw wrong(path, text, problems);
  return {
    value: parsed.output,
    wrongAt: (keys, what) => wrong(path, text, [{ offset: offsetOf(tree, keys), what: `"${keys.join('.')}" ${what}` }]),
  };
}

/** Throws NtmError NTM_CONFIG. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new NtmError('NTM_CONFIG', `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function parse(text: string, path: string): Node {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors; // what follows it is guesswork
  if (first) {
    const code = printParseErrorCode(first.error);
    throw wrong(path, text, [{ offset: first.offset, what: `is not JSON here: ${CURES[code] ?? code}` }]);
  }
  if (tree?.type !== 'object') throw wrong(path, text, [{ offset: 0, what: 'must be an object: { ... }' }]);
  return tree;
}

/** By jsonc-parser's names. */
const CURES: Readonly<Record<string, string>> = {
  CommaExpected: 'a comma is missing',
  ColonExpected: 'a colon is missing after the name of a setting',
  PropertyNameExpected: 'the name of a setting, in double quotes, is missing',
  ValueExpected: 'a value is missing',
  CloseBraceExpected: 'a } is missing',
  CloseBracketExpected: 'a ] is missing',
  EndOfFileExpected: 'something follows the last }',
  InvalidSymbol: 'text must be in double quotes',
  UnexpectedEndOfString: 'a double quote is missing',
  UnexpectedEndOfComment: 'a comment does not end',
  InvalidCharacter: 'a character that text cannot hold as it is',
  InvalidEscapeCharacter: 'there is no such \\ escape',
};

function wrong(path: string, text: string, problems: readonly Problem[]): NtmError {
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const lines = problems
    .map(({ offset, what }) => ({ line: lineOf(offset), what }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, what }) => `${path}:${line}: ${what}`);
  return new NtmError('NTM_CONFIG', [...new Set(lines)].join('\n'));
}

function problemOf(schema: v.GenericSchema, tree: Node, issue: v.BaseIssue<unknown>): Problem {
  const keys = (issue.path ?? []).map(({ key }) => key as string | number);
  return { offset: offsetOf(tree, keys), what: explain(schema, keys, issue) };
}

function explain(schema: v.GenericSchema, keys: Keys, issue: v.BaseIssue<unknown>): string {
  const setting = keys.length > 0 ? `"${keys.join('.')}" ` : '';
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const others = settingNames(schema, keys.slice(0, -1));
    const meant = nearest(String(keys.at(-1)), others);
    return `${setting}is no setting; ${meant ? `did you mean "${meant}"?` : `there are ${others.join(', ')}`}`;
  }
  if (issue.type === 'strict_object' && issue.received !== 'undefined' && issue.path === undefined) {
    return 'must be an object: { ... }';
  }
  if (issue.received === 'undefined' && issue.kind === 'schema') return `${setting}is not set`;
  if (issue.type === 'strict_object') return `${setting}must be an object: { ... }`;
  return `${setting}${issue.message}`;
}

/** A setting that stands there twice: JSON would take the last one silently. */
function repeated(node: Node, where: Keys = []): Problem[] {
  if (node.type === 'array') return (node.children ?? []).flatMap((child, i) => repeated(child, [...where, i]));
  if (node.type !== 'object') return [];
  const seen = new Set<string>();
  return (node.children ?? []).flatMap(({ offset, children: [key, value] = [] }) => {
    const name = String(key!.value);
    const inner = value ? repeated(value, [...where, name]) : [];
    if (!seen.has(name)) return (seen.add(name), inner);
    return [{ offset, what: `"${[...where, name].join('.')}" stands here a second time` }, ...inner];
  });
}

/** Of the value that is wrong, or of what should hold it. */
function offsetOf(tree: Node, keys: Keys): number {
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
