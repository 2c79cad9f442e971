/** libsodium, from an optional package with native code. `S`: the part of it that the caller uses. */
export function loadSodium<S>(): S | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional: it may not be there
    return require('sodium-native') as S;
  } catch {
    return undefined;
  }
}
