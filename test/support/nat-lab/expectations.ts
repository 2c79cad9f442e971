/** Which path the tunnel between two places must have in the end. */
import { isSymmetric, needHairpin, passesUdp, type Place } from './place';

export type Expected = 'direct' | 'relay' | 'either';

/** Direct wherever datagrams can pass at all, but for two NATs of which neither knows the other's next port. */
export function expectedPath(a: Place, b: Place): Expected {
  if (!passesUdp(a) || !passesUdp(b)) return 'relay';
  if (!a.families.some((family) => b.families.includes(family))) return 'relay';
  if (needHairpin(a, b)) return a.gateways?.at(-1)?.hairpins ? 'direct' : 'relay';
  return isSymmetric(a) && isSymmetric(b) ? 'relay' : 'direct';
}
