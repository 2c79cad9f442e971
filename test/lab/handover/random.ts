import { stay, type Movement } from '../../support/handover-lab/movement';
import { SeededRandom } from '../../support/virtual-time';

const MOVES = 1_000;
const SHORTEST_MS = 100;
const LONGEST_MS = 1_500;
const NETWORKS = ['wifi', 'lte', 'ltesym', 'wired', 'ipv6'] as const;
const WAYS = ['link down', 'carrier lost', 'address removed', 'route removed'] as const;

export const movement: Movement = {
  name: 'random',
  about: `${MOVES} moves in a row among ${NETWORKS.length} networks, at random moments, by every way that a network may go`,
  mn: ['wifi'],
  cn: ['dual'],
  async move({ mn, seed, share, say }) {
    const random = new SeededRandom(seed);
    const oneOf = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
    const moves = Math.round(MOVES * share);
    say(`seed ${seed}`);
    for (let i = 0; i < moves; i++) {
      await stay(SHORTEST_MS + random.below(LONGEST_MS - SHORTEST_MS));
      const to = oneOf(NETWORKS.filter((name) => !mn.joined.includes(name)));
      const isOverlapping = random.chance(0.5);
      if (isOverlapping) mn.join(to);
      for (const from of mn.joined.filter((name) => name !== to)) mn.leave(from, oneOf(WAYS));
      if (!isOverlapping) mn.join(to);
      if ((i + 1) % 50 === 0) say(`${i + 1} moves, in ${to} now`);
    }
    await stay();
    return moves;
  },
};
