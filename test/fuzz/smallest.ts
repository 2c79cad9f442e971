/** Makes a failing batch small: first fewer inputs, then shorter ones, then plainer bytes, while it still fails. */

/** Each try makes a world, so that their number is bounded. */
const TRIES = 600;

type Fails = (inputs: readonly Uint8Array[]) => Promise<boolean>;

export async function smallest(inputs: readonly Uint8Array[], fails: Fails): Promise<readonly Uint8Array[]> {
  let tries = 0;
  const stillFails: Fails = async (fewer) => tries++ < TRIES && fails(fewer);
  let least = await withoutParts(inputs, stillFails);
  for (let at = 0; at < least.length; at++) {
    const replaced = (by: Uint8Array) => least.map((input, i) => (i === at ? by : input));
    const bytes = await withoutParts([...least[at]!], (fewer) => stillFails(replaced(Uint8Array.from(fewer))));
    least = replaced(Uint8Array.from(bytes));
    for (let i = 0; i < bytes.length; i++) {
      const zeroed = Uint8Array.from(least[at]!);
      if (zeroed[i] === 0) continue;
      zeroed[i] = 0;
      if (await stillFails(replaced(zeroed))) least = replaced(zeroed);
    }
  }
  return least;
}

/** Leaves out halves, quarters, ... single elements, as long as what is left fails. */
async function withoutParts<T>(list: readonly T[], fails: (fewer: readonly T[]) => Promise<boolean>): Promise<T[]> {
  let kept = [...list];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = kept.length - size; at > -size; at -= size) {
      const fewer = [...kept.slice(0, Math.max(at, 0)), ...kept.slice(at + size)];
      if (fewer.length < kept.length && (await fails(fewer))) kept = fewer;
    }
  }
  return kept;
}
