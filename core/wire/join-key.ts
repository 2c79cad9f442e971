/**
 * A join key as it is written:
 *
 *   ntmk-<id, 16 hex digits>-<secret, 32 bytes in base64url>
 */
export interface ParsedJoinKey {
  readonly id: string;
  readonly secret: string;
}

export function formatJoinKey({ id, secret }: ParsedJoinKey): string {
  return `ntmk-${id}-${secret}`;
}

/** `undefined` for what is no key. */
export function parseJoinKey(key: string): ParsedJoinKey | undefined {
  const match = /^ntmk-([0-9a-f]{16})-([\w-]{43})$/.exec(key);
  return match ? { id: match[1]!, secret: match[2]! } : undefined;
}
